"""A real Prometheus that scrapes a cluster under load, and whose alerts fire when something is wrong.

    TROUPE_ACCEPT_SECONDS=60 scripts/accept inspector A5     a short look; the verdict counts with 600 or more
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import alarms
import mixed_load
from band import Anywhere
from first_light import picture
from framework import ROOT, CheckFailed, Node, free_port, say, wait_until

SECONDS = int(os.environ.get("TROUPE_ACCEPT_SECONDS", 600))
RATE = 5            # jobs/s
SERIES_MOST = 2000  # of a node


def start_nodes(pipelines):
    first = free_port()
    nodes = [Node("--slots", 4, "--pipelines", pipelines, *(["--seed", f"127.0.0.1:{first}"] if number else []), port=None if number else first) for number in range(3)]
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        wait_until("a node to be ready", node._is_ready)
    return nodes


def promtool(*words, text=None):
    """@returns (exit status, what it says)."""
    if not shutil.which("promtool"):
        raise CheckFailed("promtool is not installed: apt-get install --no-install-recommends prometheus")
    done = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def one_value(prometheus, expression):
    query = alarms.urllib.parse.urlencode({"query": expression})
    found = prometheus.http.json("GET", f"/api/v1/query?{query}", timeout=10)["data"]["result"]
    if len(found) != 1:
        raise CheckFailed(f"{expression} has {len(found)} values")
    return float(found[0]["value"][1])


def scrape_under_load(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        pipelines = pathlib.Path(folder) / "pipelines"
        mixed_load.install(pipelines)
        nodes = start_nodes(pipelines)
        prometheus = alarms.Prometheus({"troupe-load": nodes})
        try:
            prometheus.wait_scraped(len(nodes))
            load = mixed_load.Load(Anywhere(nodes), RATE, picture(folder), 1)
            load.start()
            time.sleep(SECONDS)  # the measurement
            load.stop()
            report(check, prometheus, nodes, load)
        finally:
            prometheus.close()
            for node in nodes:
                node.close()


def report(check, prometheus, nodes, load):
    window = f"[{SECONDS}s]"
    acknowledged = len(load.acknowledged)
    check.at_least("time under load", SECONDS, 600, "s")
    check.at_least("jobs in it", acknowledged, SECONDS)
    check.at_least("scrapes, one a second", one_value(prometheus, f"min(count_over_time(up{window}))"), 0.95 * SECONDS)
    check.at_least("scrapes that were answered, the worst node", one_value(prometheus, f"min(avg_over_time(up{window}))"), 1)
    check.at_most("series of a node, the most at any time", one_value(prometheus, f"max(max_over_time(scrape_samples_scraped{window}))"), SERIES_MOST)
    check.equal("series that came during the load", one_value(prometheus, f"max(max_over_time(scrape_samples_scraped{window}) - min_over_time(scrape_samples_scraped{window}))"), 0)
    ended = one_value(prometheus, "sum(troupe_jobs_ended_total)")
    say(f"{acknowledged} jobs acknowledged, {ended:.0f} ended by the nodes' own count")
    for node in nodes:
        status, said = promtool("check", "metrics", text=node.http.request("GET", "/metrics")[2].decode())
        check.that("promtool check metrics", status == 0 and not said, said or "clean", "clean")


def run(check):
    for word, file in (("rules", "troupe.rules.yml"), ("config", "prometheus.yml")):
        status, said = promtool("check", word, str(ROOT / "deploy" / "prometheus" / file))
        check.that(f"promtool check {word}", status == 0, said.splitlines()[-1] if said else "", "SUCCESS")
    status, said = promtool("test", "rules", str(ROOT / "deploy" / "prometheus" / "troupe.rules.test.yml"))
    check.that("promtool test rules", status == 0, said.splitlines()[-1] if said else "", "SUCCESS")
    scrape_under_load(check)
    alarms.alerts_fire(check)
