"""What it costs a node to count the messages of its actors, and to show them to ten who look.

Single figures of one machine lie some percent apart, more than what is looked for. So measurements without counters, with them, and with viewers
follow each other in rounds, and there are rounds until what is compared is known to one percent (throughput; its limits are 2 and 5) or two (p99). What is compared is
the ratio of neighbours; of all rounds' ratios the mean without the fifth at either end is taken, so that a moment in which the machine stood still
decides nothing; for the same reason p99 is that of a window of 100, which a viewer's ten looks a second meet two or three times. Each round has nodes of
its own, one of each kind: two that are alike lie up to a tenth apart for as long as they live. They keep their data in memory: a disk's own moods are
many times what is looked for, and a cost only shows more without them.

    TROUPE_ACCEPT_ROUNDS=2 scripts/accept inspector A4     a short look, which cannot pass
"""
import contextlib
import math
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

MEMORY = "/dev/shm"
ROUNDS_LEAST, ROUNDS_MOST = 7, int(os.environ.get("TROUPE_ACCEPT_ROUNDS", 60))
JOBS = 5000      # of a measurement of throughput
RATE = 400       # jobs/s of a measurement of dispatch, an open loop
SAMPLES, WINDOW = 2400, 100
VIEWERS, HZ = 10, 10
TRIMMED = 0.2    # of the rounds, at either end
KINDS = ("off", "on", "viewed")
SURE = {"throughput": 0.01, "dispatch p99": 0.02}  # the standard error of a ratio at which there are rounds enough


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
    """p99 of the time from the moment at which a request is due to that at which the program has the task, in ms: the median over windows."""
    client, jobs, begin, wall = dispatch.Connection(node), [], time.monotonic(), time.time_ns()
    for number in range(SAMPLES):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        jobs.append((client.pace(1), wall + number * 1_000_000_000 // RATE))
    waits = [(client.json("GET", f"/v1/jobs/{job}?wait=30s")["result"]["got"] - due) / 1e6 for job, due in jobs]
    return statistics.median(dispatch.quantile(waits[start:start + WINDOW], 0.99) for start in range(0, SAMPLES, WINDOW))


class Rounds:
    """What was measured of the three kinds by turns."""

    def __init__(self, name, measure):
        self.name, self.measure = name, measure
        self.found, self.least_served = {kind: [] for kind in KINDS}, math.inf

    def one(self, turn):
        with contextlib.ExitStack() as afterwards:
            nodes = {}
            for kind in KINDS:
                place = pathlib.Path(afterwards.enter_context(tempfile.TemporaryDirectory(prefix="troupe-accept-")))
                nodes[kind], = dispatch.start_group(place, 1, "--set", f"inspector.counters={str(kind != 'off').lower()}", "--set", "log_level=warn")
                afterwards.callback(nodes[kind].close)
                dispatch.warm([nodes[kind]])
            for kind in KINDS[turn % 3:] + KINDS[:turn % 3]:  # each of them first in its turn
                viewers = [Viewer(nodes[kind]) for _ in range(VIEWERS)] if kind == "viewed" else []
                self.found[kind].append(self.measure(nodes[kind]))
                self.least_served = min([self.least_served, *(viewer.taken for viewer in viewers)])
                for viewer in viewers:
                    viewer.close()

    def ratio(self, kind):
        """@returns the trimmed mean of the rounds' ratios to what was measured without counters, and its standard error (Tukey and McLaughlin)."""
        logs = sorted(math.log(one / base) for one, base in zip(self.found[kind], self.found["off"]))
        count, cut = len(logs), int(TRIMMED * len(logs))
        kept = logs[cut:count - cut]
        if len(kept) < 3:
            return math.exp(statistics.fmean(kept)), math.inf
        winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
        return math.exp(statistics.fmean(kept)), statistics.stdev(winsorised) / ((1 - 2 * TRIMMED) * math.sqrt(count))

    def run(self):
        """Until the ratios are sure, or nothing comes of it."""
        for turn in range(ROUNDS_MOST):
            self.one(turn)
            ratios = {kind: self.ratio(kind) for kind in KINDS[1:]}
            say(f"{self.name}, round {turn + 1}: " + ", ".join(f"{kind} {value:.4f} +- {error:.4f}" for kind, (value, error) in ratios.items()))
            if turn + 1 >= ROUNDS_LEAST and all(error <= SURE[self.name] for _, error in ratios.values()):
                return


def run(check):
    tempfile.tempdir = MEMORY
    kinds = [Rounds("dispatch p99", dispatch_p99), Rounds("throughput", throughput)]
    for each in kinds:
        each.run()
    tempfile.tempdir = None
    times, rates = kinds
    for each in kinds:
        check.at_least(f"rounds of {each.name}", len(each.found["off"]), ROUNDS_LEAST)
        check.at_least(f"bytes that the least served viewer got in a round of {each.name}", each.least_served, 20_000)
        for kind in KINDS[1:]:
            check.at_most(f"standard error of {each.name}, {kind}", each.ratio(kind)[1], SURE[each.name])
    for each, unit in ((times, "ms"), (rates, "jobs/s")):
        say(f"{each.name}, medians: " + ", ".join(f"{kind} {statistics.median(each.found[kind]):.4g} {unit}" for kind in KINDS))
    check.at_least("throughput with counters, against without", rates.ratio("on")[0], 0.98, "times")
    check.at_most("dispatch p99 with counters, against without", times.ratio("on")[0], 1.02, "times")
    check.at_least(f"throughput with {VIEWERS} viewers at {HZ} Hz", rates.ratio("viewed")[0], 0.95, "times")
    check.at_most(f"dispatch p99 with {VIEWERS} viewers at {HZ} Hz", times.ratio("viewed")[0], 1.05, "times")
