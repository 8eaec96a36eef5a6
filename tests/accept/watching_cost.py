"""What it costs a node to count the messages of its actors, and to show them to ten who look.

    TROUPE_ACCEPT_PAIRS=2 scripts/accept inspector A4     a short look; the verdict counts with 7 or more
"""
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dispatch
from framework import say
from websocket import Closed, WebSocket

PAIRS = int(os.environ.get("TROUPE_ACCEPT_PAIRS", 7))
JOBS = 4000      # of a measurement of throughput
RATE = 100       # jobs/s of a measurement of dispatch, an open loop
SAMPLES = 500
VIEWERS, HZ = 10, 10


class Viewer:
    """Takes windows as quickly as they come, and looks at none: what is measured is the node."""

    def __init__(self, node):
        self.socket, self.over, self.taken = WebSocket("127.0.0.1", node.port, "/v1/inspect"), threading.Event(), 0
        of_node = node.http.json("GET", "/v1/node")["id"]
        self.wanted = {"open": [of_node, *(f"{of_node}/{kind}" for kind in ("shard", "slot", "worker", "hub", "node", "journal", "http"))], "hz": HZ}
        self.socket.send(self.wanted)
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        asked = time.monotonic()
        with contextlib.suppress(Closed, OSError):
            while not self.over.is_set():
                self.taken += len(self.socket.socket.recv(1 << 20))
                if time.monotonic() > asked + 3:  # in place of answers to pings
                    self.socket.send(self.wanted)
                    asked = time.monotonic()

    def close(self):
        self.over.set()
        self.socket.close()


def throughput(node):
    """Jobs/s of stages that take no time, from the first to the last of many."""
    client = dispatch.Connection(node)
    hold = [client.pace(60_000, priority=9) for _ in range(dispatch.SLOTS)]
    for job in hold:
        dispatch.wait_until("the slots to be held", lambda job=job: client.json("GET", f"/v1/jobs/{job}")["state"] == "running")
    for _ in range(JOBS // 1000):
        client.json("POST", "/v1/jobs:batch", {"jobs": [{"pipeline": "pace", "inputs": {"milliseconds": 0}} for _ in range(1000)]})
    before = dispatch.ended([node])
    began = time.monotonic()
    for job in hold:
        client.json("POST", f"/v1/jobs/{job}/cancel", {"reason": "all is queued"})
    dispatch.wait_until("all jobs to be done", lambda: dispatch.ended([node]) >= before + JOBS, 120, 0.02)
    return JOBS / (time.monotonic() - began)


def dispatch_p99(node):
    """From the moment at which a request is due to that at which the program has the task, in ms."""
    client, jobs, begin, wall = dispatch.Connection(node), [], time.monotonic(), time.time_ns()
    for number in range(SAMPLES):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        jobs.append((client.pace(1), wall + number * 1_000_000_000 // RATE))
    return dispatch.quantile([(node.http.wait_final(job)["result"]["got"] - due) / 1e6 for job, due in jobs], 0.99)


def measure(node, is_viewed):
    viewers = [Viewer(node) for _ in range(VIEWERS)] if is_viewed else []
    rate, p99 = throughput(node), dispatch_p99(node)
    taken = [viewer.taken for viewer in viewers]
    for viewer in viewers:
        viewer.close()
    return rate, p99, min(taken, default=0)


def run(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        nodes = {}
        for name, counts in (("off", "false"), ("on", "true")):
            place = pathlib.Path(folder) / name
            place.mkdir()
            nodes[name], = dispatch.start_group(place, 1, "--set", f"inspector.counters={counts}", "--set", "log_level=warn")
            dispatch.warm([nodes[name]])
        kinds = [("off", nodes["off"], False), ("on", nodes["on"], False), ("viewed", nodes["on"], True)]
        found = {name: [] for name, _, _ in kinds}
        for pair in range(PAIRS):
            for turn in range(len(kinds)):  # each of them first in its turn
                name, node, is_viewed = kinds[(turn + pair) % len(kinds)]
                found[name].append(measure(node, is_viewed))
            say(f"round {pair + 1}: " + ", ".join(f"{name} {rates[-1][0]:.0f} jobs/s, p99 {rates[-1][1]:.2f} ms" for name, rates in found.items()))
        dispatch.end_group(nodes.values())

    def ratio(name, figure):
        """The median of the pairs."""
        return statistics.median(one[figure] / base[figure] for one, base in zip(found[name], found["off"]))

    check.at_least("interleaved rounds", PAIRS, 7)
    check.at_least("bytes that the least served viewer got in a round", min(one[2] for one in found["viewed"]), 20_000)
    check.at_least("throughput with counters, against without", ratio("on", 0), 0.98, "times")
    check.at_most("dispatch p99 with counters, against without", ratio("on", 1), 1.02, "times")
    check.at_least(f"throughput with {VIEWERS} viewers at {HZ} Hz", ratio("viewed", 0), 0.95, "times")
    check.at_most(f"dispatch p99 with {VIEWERS} viewers at {HZ} Hz", ratio("viewed", 1), 1.05, "times")
