"""Many nodes are one service: what is promised for faults of nodes and for a quiet time.

    TROUPE_ACCEPT_ROUNDS=3 TROUPE_ACCEPT_SECONDS=30 scripts/accept cluster A1     a short look; the verdict counts with 100 and 600
"""
import datetime
import json
import math
import os
import pathlib
import random
import tempfile
import threading
import time
import uuid

import backup_drill
import beside_a_broker
import cluster_simulation
import dispatch
import mixed_load
import partition_suite
import rolling
import soak
from band import NODES, Anywhere, Band
from framework import CheckFailed, Suite, say, wait_until

suite = Suite("cluster", ["troupe", "troupe-worker", "sim", "bench_cluster"])
ROUNDS = int(os.environ.get("TROUPE_ACCEPT_ROUNDS", 100))
QUIET_SECONDS = int(os.environ.get("TROUPE_ACCEPT_SECONDS", 600))


class Prober:
    """Submits to nodes that were not struck, again and again, until one takes a job. Its jobs count like those of the load."""

    def __init__(self, load):
        self.load = load

    def until_accepted(self, nodes, since, seconds=60):
        """@returns how long after `since` the first submission that was begun after it was acknowledged."""
        answered, done = [], threading.Event()

        def ask(node):
            number = random.randrange(1 << 30)
            key = f"probe-{uuid.uuid4()}"
            while time.monotonic() < since + seconds:
                try:
                    status, _, body = node.http.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": number}}, {"Idempotency-Key": key}, timeout=5)
                except OSError:
                    status = 0
                if status == 202:
                    answered.append(time.monotonic() - since)
                    with self.load.lock:
                        self.load.acknowledged[key] = ("echo", number, {"number": number}, json.loads(body)["id"])
                    done.set()
                    return
                done.wait(0.02)

        threads = [threading.Thread(target=ask, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return min(answered, default=math.inf)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def attempts(http, job):
    """(slot, time) of each attempt that has started."""
    started = []
    page = http.json("GET", f"/v1/jobs/{job}")
    for id_, type_, data in http.events(f"/v1/jobs/{job}/events"):
        if type_ == "attempt_started":
            started.append((data["slot"], moment(data["at"])))
        if id_ is not None and int(id_) >= page["revision"]:
            break
    return started


def ends_of(http, job):
    """How often its stage was committed, how often it ended."""
    http.wait_final(job)
    types = [type_ for id_, type_, _ in http.events(f"/v1/jobs/{job}/events") if id_ is not None]
    return types.count("stage_done"), sum(type_ in ("succeeded", "failed", "cancelled", "dead") for type_ in types)


def hold_slots_of(band, victim, seconds):
    """Long jobs until one of them runs at the victim. @returns (all of them, those at the victim)."""
    held, prefix = [], next(id_ for id_, node in band.ids.items() if node is victim)
    http = band.others(victim)[0].http

    def at_victim():
        return [job for job in held if any(slot.startswith(prefix) for slot, _ in attempts(http, job)[-1:])]

    for _ in range(6):
        held += [http.submit("hold", {"seconds": seconds}, priority=9)["id"] for _ in range(NODES)]
        wait_until("the long jobs to run", lambda: all(http.json("GET", f"/v1/jobs/{job}")["state"] != "queued" for job in held))
        if found := at_victim():
            for job in set(held) - set(found):  # the victim's work needs somewhere to go
                http.request("POST", f"/v1/jobs/{job}/cancel", {"reason": "it runs elsewhere"})
            return held, found
    return held, []


def elsewhere_after(band, victim, jobs, struck, seconds):
    """How long after the blow the last of the victim's jobs had begun an attempt at another node; infinite if it did not."""
    http, prefix = band.leader(band.others(victim)).http, next(id_ for id_, node in band.ids.items() if node is victim)

    def moved(job):
        return min((at - struck for slot, at in attempts(http, job) if at > struck and not slot.startswith(prefix)), default=None)

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        times = [moved(job) for job in jobs]
        if None not in times:
            return max(times, default=None)
        time.sleep(0.2)
    return math.inf


def p99(values):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * 0.99) - 1)] if ordered else math.inf


@suite.check("A1", "5 nodes under load")
def faults(check):
    chance = random.Random(int(os.environ.get("TROUPE_ACCEPT_SEED", time.time())))
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        band = Band(pathlib.Path(folder))
        rounds_of_faults(check, band, chance, picture(folder))
        quiet_time(check, band)
        for node in band.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)
        band.holes.close()


def picture(folder):
    from first_light import picture as paint
    return paint(folder)


def rounds_of_faults(check, band, chance, image):
    load = mixed_load.Load(Anywhere(band.nodes), 10, image, chance.random())
    load.start()
    prober, accepted, moved, kinds = Prober(load), [], {"kill": [], "pause": [], "black hole": []}, {"leader": 0, "other": 0}
    holds = []
    for number in range(ROUNDS):
        leader = band.leader()
        victim = leader if chance.random() < 0.5 else chance.choice(band.others(leader))
        how = ("kill", "pause", "black hole")[number % 3]
        held, hit = hold_slots_of(band, victim, 25)
        holds += held
        time.sleep(chance.uniform(0.0, 1.0))  # the random moment
        band.strike(victim, how)
        struck, struck_at = time.monotonic(), time.time()
        try:
            answered = prober.until_accepted(band.others(victim), struck)
            after = elsewhere_after(band, victim, hit, struck_at, 30) if hit else None
        finally:
            band.heal(victim, how)
        for job in held:
            load.http.request("POST", f"/v1/jobs/{job}/cancel", {"reason": "seen enough"})
        kinds["leader" if victim is leader else "other"] += 1
        if victim is leader:
            accepted.append(answered)
        if after is not None:
            moved[how].append(after)
        shown = "-" if after is None else f"{after:.2f} s"
        say(f"round {number + 1} of {ROUNDS}: {how} of {'the leader' if victim is leader else 'a follower'}: writes after {answered:.2f} s, its work elsewhere after {shown}; "
            f"{len(load.acknowledged)} jobs acknowledged")
    load.stop()
    report(check, band, load, holds, kinds, accepted, moved)


def report(check, band, load, holds, kinds, accepted, moved):
    http = band.leader().http
    found = mixed_load.examine(http, load)
    strangers = [each for each in found["twice"] if not any(job in each for job in holds)]  # the list has the long jobs, too
    ends = [ends_of(http, job) for job in holds]
    check.at_least("rounds of kill -9, SIGSTOP and black-holed links", sum(kinds.values()), 100)
    check.at_least("rounds that struck the leader", kinds["leader"], 30)
    check.at_least("acknowledged jobs", len(load.acknowledged), 5 * ROUNDS)
    for complaint in [*found["lost"], *strangers, *found["wrong"], *found["artifacts_missing"]][:20]:
        say(complaint)
    check.equal("acknowledged jobs lost", len(found["lost"]), 0)
    check.equal("doubled commits", len(strangers) + sum(max(0, committed - 1) for committed, _ in ends), 0)
    check.equal("long jobs that did not end once", sum(ended != 1 for _, ended in ends), 0)
    check.equal("jobs that did not end right", len(found["wrong"]), 0)
    check.equal("results that are missing or differ", len(found["artifacts_missing"]), 0)
    check.at_most("until writes are accepted again, p99 of the rounds that struck the leader", p99(accepted), 2, "s")
    check.at_most("until the lost node's work runs elsewhere after kill -9, p99", p99(moved["kill"]), 3, "s")
    check.at_most("until the lost node's work runs elsewhere after SIGSTOP and black-holed links, p99", p99(moved["pause"] + moved["black hole"]), 6, "s")


def quiet_time(check, band):
    """Full load: more clients than slots, each with the next job as soon as the last one has ended."""
    before, until, ended, wrong = band.terms(), time.monotonic() + QUIET_SECONDS, [], []

    def work(client):
        node, number = band.nodes[client % NODES], 0
        while time.monotonic() < until:
            number += 1
            try:
                job = node.http.submit("echo", {"number": number})["id"]
                state = node.http.wait_final(job)["state"]
            except (OSError, CheckFailed) as broken:
                wrong.append(repr(broken))
                continue
            ended.append(state == "succeeded")

    threads = [threading.Thread(target=work, args=(client,)) for client in range(8 * NODES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for complaint in wrong[:10]:
        say(complaint)
    after = band.terms()
    check.at_least("time under full load without faults", QUIET_SECONDS, 600, "s")
    check.at_least("jobs that ended meanwhile", len(ended), QUIET_SECONDS)
    check.equal("of these not succeeded", ended.count(False) + len(wrong), 0)
    check.equal("elections", max(after) - min(before), 0)


suite.check("A2", "planned restarts and an upgrade")(rolling.run)
suite.check("A3", "partitions")(partition_suite.run)
suite.check("A4", "simulation")(cluster_simulation.run)
suite.check("A5", "submissions beside a broker")(beside_a_broker.run)
suite.check("A6", "dispatch")(dispatch.run)
suite.check("A7", "a long time under load and faults")(soak.run)
suite.check("A8", "a backup becomes a cluster")(backup_drill.drill)


if __name__ == "__main__":
    say(f"rounds: {ROUNDS}, quiet time: {QUIET_SECONDS} s")
    suite.main()
