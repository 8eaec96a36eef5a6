"""How quickly work gets to slots, how it grows with the nodes, and what a cluster costs that does nothing.

    TROUPE_ACCEPT_SECONDS=20 scripts/accept cluster A6     the length of each measurement; the verdict counts with 20 or more
"""
import http.client
import json
import math
import os
import pathlib
import re
import shutil
import tempfile
import threading
import time

import mixed_load
from framework import ROOT, CheckFailed, Node, free_port, say, wait_until
from processes import descendants

SECONDS = min(60, int(os.environ.get("TROUPE_ACCEPT_SECONDS", 20)))
RATE = 20  # jobs/s of the dispatch measurement, an open loop
SLOTS = 4
STAGE_MS = 50

PACE = """\
name: pace
inputs: {milliseconds: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: serve, command: [./pace.pl], outputs: {got: integer}}, params: {milliseconds: "${inputs.milliseconds}"}}
result: {got: "${stages.only.got}"}
"""


def start_group(folder, count, *options):
    """Nodes that are one cluster, each with a slot that has run the program once."""
    pipelines = folder / "pipelines"
    pipelines.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "accept" / "programs" / "pace.pl", pipelines)
    (pipelines / "pace.yaml").write_text(PACE)
    first = free_port()
    nodes = [Node("--slots", SLOTS, "--pipelines", pipelines, "--set", "queue.limit=100000", *options, *(["--seed", f"127.0.0.1:{first}"] if number else []), port=None if number else first)
             for number in range(count)]
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        wait_until("a node to be ready", node._is_ready)
    wait_until("all nodes to be members", lambda: all(len(node.http.json("GET", "/v1/node")["members"]) == count for node in nodes))
    return nodes


def end_group(nodes):
    for node in nodes:
        node.close()


class Connection:
    """One connection to a node, kept open."""

    def __init__(self, node):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)

    def json(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 202):
            raise CheckFailed(f"{method} {path} answered {answer.status}: {text[:300]!r}")
        return json.loads(text)

    def pace(self, milliseconds, **more):
        return self.json("POST", "/v1/jobs", {"pipeline": "pace", "inputs": {"milliseconds": milliseconds}, **more})["id"]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def warm(nodes):
    """Every slot runs the program once, so that none has to start it later."""
    def starts():
        return [float(re.search(r"^troupe_worker_starts_total (\S+)", node.http.request("GET", "/metrics")[2].decode(), re.M)[1]) for node in nodes]

    client = Connection(nodes[0])
    for _ in range(3):
        jobs = [client.pace(500) for _ in range(2 * SLOTS * len(nodes))]
        for job in jobs:
            nodes[0].http.wait_final(job)
    if min(starts()) < SLOTS:
        raise CheckFailed(f"workers were started: {starts()}")


def dispatch_times(nodes):
    """From the moment at which a request is due to that at which the program has the task, in ms; requests go to all nodes by turns."""
    connections = [Connection(node) for node in nodes]
    jobs, begin, wall = [], time.monotonic(), time.time_ns()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))  # an open loop; two jobs at a time at most, as a rule
        due = wall + number * 1_000_000_000 // RATE  # not when it was sent: one that waits for the answer before it waits, too
        jobs.append((connections[number % len(nodes)].pace(10), due))
    return [(nodes[0].http.wait_final(job)["result"]["got"] - due) / 1e6 for job, due in jobs]


def ended(nodes):
    """Attempts that ended, well or not."""
    return sum(float(re.search(r"^troupe_attempts_ended_total (\S+)", node.http.request("GET", "/metrics")[2].decode(), re.M)[1]) for node in nodes)


def throughput(nodes):
    """Jobs/s while the queue is never empty. It is filled while other jobs hold all slots."""
    most = int(1000 / STAGE_MS * SLOTS * len(nodes))
    holds = [Connection(nodes[0]).pace(120_000, priority=9) for _ in range(SLOTS * len(nodes))]
    wait_until("all slots to be held", lambda: all(nodes[0].http.json("GET", f"/v1/jobs/{job}")["state"] == "running" for job in holds))

    def fill(node, count):
        connection = Connection(node)
        for _ in range(count):
            connection.pace(STAGE_MS)

    count = most * (SECONDS + 5)
    threads = [threading.Thread(target=fill, args=(nodes[number % len(nodes)], count // 6)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in holds:
        nodes[0].http.request("POST", f"/v1/jobs/{job}/cancel", {"reason": "all is queued"})
    before = ended(nodes)
    wait_until("the queue to move", lambda: ended(nodes) > before + 2 * len(holds))
    began, from_ = time.monotonic(), ended(nodes)
    time.sleep(SECONDS)  # the measurement
    took, done = time.monotonic() - began, ended(nodes) - from_
    if nodes[0].http.json("GET", "/v1/node")["tasks_ready"] == 0:
        raise CheckFailed("the queue was empty before the end")
    return done / took


def not_succeeded(nodes):
    """Jobs that ended otherwise, but for those that held the slots."""
    return sum(state in ("failed", "dead") for state, _ in mixed_load.lists_of(nodes[0].http).values())


def idle_cpu(nodes, seconds=30):
    """Share of a core of each node and its workers."""
    def used(node):
        ticks = 0
        for process in (node.process.pid, *descendants(node.process.pid)):
            words = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    before, began = [used(node) for node in nodes], time.monotonic()
    time.sleep(seconds)  # the measurement
    took = time.monotonic() - began
    return [100 * (used(node) - start) / took for node, start in zip(nodes, before)]


def run(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as name:
        folder, rates, failed = pathlib.Path(name), {}, 0
        for count in (1, 3, 6):
            nodes = start_group(folder, count)
            warm(nodes)
            if count == 3:
                times = dispatch_times(nodes)
                say(f"dispatch on 3 nodes: p50 {quantile(times, 0.5):.2f} ms, p99 {quantile(times, 0.99):.2f} ms, {len(times)} jobs")
            rates[count] = throughput(nodes)
            failed += not_succeeded(nodes)
            say(f"{count} nodes: {rates[count]:.1f} jobs/s of {1000 / STAGE_MS * SLOTS * count:.0f}")
            end_group(nodes)
        nodes = start_group(folder, 5)
        warm(nodes)
        time.sleep(5)  # what a start and jobs leave behind is not idling
        shares = idle_cpu(nodes)
        say("idle: " + ", ".join(f"{share:.2f} %" for share in shares) + " of a core")
        end_group(nodes)
    check.at_least("length of each measurement", SECONDS, 20, "s")
    check.at_most("dispatch on 3 nodes, p50", quantile(times, 0.5), 10, "ms")
    check.at_most("dispatch on 3 nodes, p99", quantile(times, 0.99), 40, "ms")
    check.at_least("throughput of one node", rates[1], 0.9 * SLOTS * 1000 / STAGE_MS, "jobs/s")
    check.at_most("most that a node of any group did, against what its slots can do", max(rate / count for count, rate in rates.items()) / (SLOTS * 1000 / STAGE_MS), 1.02, "times")
    check.equal("jobs that failed", failed, 0)
    check.at_least("throughput of 3 nodes against one", rates[3] / rates[1], 0.95 * 3, "times")
    check.at_least("throughput of 6 nodes against one", rates[6] / rates[1], 0.95 * 6, "times")
    check.at_most("idle node of 5, the busiest, share of a core", max(shares), 5, "%")
