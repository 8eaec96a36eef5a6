"""Durable submissions to three nodes, beside a quorum queue of three RabbitMQ brokers on the same machine: bench/cluster measures, this judges.
Without NATS, which is only stated (`scripts/bench cluster`): it acknowledges before it syncs, and at times does not at all.
"""
import json

from framework import BUILD, ROOT, CheckFailed, sh

ROWS = {"connections_1": "1 connection", "connections_64": "64 connections", "batches_of_100": "batches of 100"}


def run(check):
    done = sh(ROOT / "bench" / "cluster", "--json", stream=True, timeout=1800, check=False, env={"TROUPE_BUILD": str(BUILD), "TROUPE_BENCH_NATS": "no"})
    line = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("{")), None)
    if line is None:
        raise CheckFailed(f"bench/cluster ended with {done.returncode} and without figures")
    figures = json.loads(line)["figures"]
    for row, text in ROWS.items():
        rates = " to ".join(f"{figures[f'{system}_{row}_per_s']:.0f}/s, p99 {figures[f'{system}_{row}_p99_us'] / 1000:.1f} ms" for system in ("troupe", "rabbitmq"))
        check.at_least(f"{text}: rate to that of RabbitMQ ({rates})", figures[f"{row}_to_rabbitmq"], 1)
    check.at_least("rounds without other guests of the host", figures["quiet_rounds"], 15)
    check.equal("refused", figures["refused"], 0)
    check.equal("jobs that the cluster has, of those that it accepted", figures["jobs_in_cluster"], figures["accepted"])
    check.equal("exit status", done.returncode, 0)
