"""What it costs a node to count the messages of its actors, and to show them to ten who look.

Single figures of one machine lie some percent apart, more than what is looked for. So measurements follow each other in rounds, and there are rounds until
what is compared is known to one percent (throughput; its limits are 2 and 5) or two (p99). What is compared is the ratio of neighbours; of all rounds'
ratios the mean without the fifth at either end is taken, so that a moment in which the machine stood still decides nothing. Each round has nodes of its
own: two that are alike lie up to a tenth apart for as long as they live. They keep their data in memory, for a disk's own moods are many times what is looked
for, and a cost only shows more without them; and their workers are not replaced after 1,000 tasks, which 1 task in 1,000 waits for.

For p99 the nodes, their workers and who asks them go before everything else of the machine (SCHED_RR, so as root): the kernel's own housekeeping, which
takes a processor for 5 to 15 ms at a time, would be the p99 otherwise (6 ms and more, of any node; 1.5 ms without). Viewers do not: they are elsewhere in
reality. The thread of a node that shows does not, either: it yields to those that it shows. Meanwhile no processor rests, and no free memory lies unused
(a loop on each, SCHED_IDLE, that takes memory and gives it back): a virtual machine's processors need time to wake, and its host takes back what is not
used, so that each new page costs the next one who needs it (p98 2 ms without, 1.2 ms with). Throughput takes all there is, so who shows would get nothing
beside it: it is measured as nodes usually run.

p99 is that of one node without counters and one with, and of the latter with viewers, each for some seconds alone, by turns: two at once would share each
other's costs. Each viewer has a view of its own, so that none profits from another's.

    TROUPE_ACCEPT_ROUNDS=2 scripts/accept inspector A4     a short look, which cannot pass
"""
import contextlib
import itertools
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import dispatch
from framework import BUILD, CheckFailed, say, sh
from websocket import Closed, WebSocket

MEMORY = "/dev/shm"
ROUNDS_LEAST, ROUNDS_MOST = 7, int(os.environ.get("TROUPE_ACCEPT_ROUNDS", 90))
JOBS = 5000      # of a measurement of throughput
RATE = 400       # jobs/s in a measurement of dispatch, an open loop
REAL_TIME = os.sched_param(1)
PHASES, PHASE_SECONDS = 2, 4  # of each kind; more rounds say more than longer ones
VIEWERS, HZ = 10, 10
TRIMMED = 0.2    # of the rounds, at either end
KINDS = ("off", "on", "viewed")
ORDERS = list(itertools.permutations(KINDS))
SURE = {"throughput": 0.01, "dispatch p99": 0.02}  # the standard error of a ratio at which there are rounds enough


class Viewers:
    """Take windows as quickly as they come, and look at none: what is measured is the node. Viewers sit at other machines, so these leave as little
    of themselves at this one as they can: the kernel keeps what comes, and one thread counts it a few times a second."""

    def __init__(self, node, count):
        of_node = node.http.json("GET", "/v1/node")["id"]
        kinds = ("shard", "slot", "worker", "hub", "node", "journal", "http")
        self.wanted = [{"open": [of_node, *(f"{of_node}/{kind}" for kind in kinds)], "hz": HZ,
                        "most": 500 - number} for number in range(count)]  # shows the same of a node so small, and is another view
        self.sockets = [WebSocket("127.0.0.1", node.port, "/v1/inspect") for _ in range(count)]
        self.messages, self.over = [0] * count, threading.Event()
        self.seen = time.monotonic(), list(self.messages)
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def _take(self):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        asked = -math.inf
        with contextlib.suppress(Closed, OSError):  # whoever is served no more is found out by the count
            while not self.over.wait(0.25):
                if time.monotonic() > asked + 3:  # in place of answers to pings
                    asked = time.monotonic()
                    for socket, wanted in zip(self.sockets, self.wanted):
                        socket.send(wanted)
                for number, socket in enumerate(self.sockets):
                    self.messages[number] += socket.skip_what_came()
                self.seen = time.monotonic(), list(self.messages)

    def close(self):
        self.over.set()
        self.thread.join()
        for socket in self.sockets:
            socket.close()


@contextlib.contextmanager
def undisturbed():
    """What this thread starts, and itself. No processor rests, and no free memory lies unused."""
    loop = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: b'x' * (1 << 26)"
    loops = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(os.cpu_count())]
    try:
        os.sched_setscheduler(0, os.SCHED_RR, REAL_TIME)
        yield
    except PermissionError:
        raise CheckFailed("it must be root, or have CAP_SYS_NICE: nodes that anything else of the machine interrupts cannot be compared to a percent") from None
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        for each in loops:
            each.kill()
            each.wait()


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


def started(stack, kind):
    place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="troupe-accept-")))
    node, = dispatch.start_group(place, 1, "--set", f"inspector.counters={str(kind != 'off').lower()}", "--set", "log_level=warn",
                                 "--set", "worker.recycle_after_tasks=1000000", "--set", "worker.niceness=0")
    stack.callback(node.close)
    dispatch.warm([node])
    return node


@contextlib.contextmanager
def watched(node):
    """Ten look, and each of them has seen something. @returns the messages a second of the one that got fewest, when asked."""
    viewers = Viewers(node, VIEWERS)
    try:
        dispatch.wait_until("each viewer to see the node", lambda: all(viewers.messages))
        began, before = viewers.seen
        yield lambda: min(now - start for now, start in zip(viewers.seen[1], before)) / (viewers.seen[0] - began)
    finally:
        viewers.close()


def dispatch_times(node):
    """Of each job the ms from the moment at which the request is due to that at which the program has the task."""
    return json.loads(sh(BUILD / "bin" / "dispatch_times", RATE, PHASE_SECONDS, node.port, timeout=120).stdout)[0]


class Rounds:
    """The logarithms of what was found with counters, and with viewers, over what was found without, a round each."""

    def __init__(self, name):
        self.name, self.logs, self.least_served = name, {kind: [] for kind in KINDS[1:]}, math.inf
        self.found = {kind: [] for kind in KINDS}

    def one_of_throughput(self, turn):
        with contextlib.ExitStack() as stack:
            nodes = {kind: started(stack, kind) for kind in KINDS}
            for kind in ORDERS[turn % len(ORDERS)]:
                with self._watched(nodes, kind):
                    self.found[kind].append(throughput(nodes[kind]))
        for kind in KINDS[1:]:
            self.logs[kind].append(math.log(self.found[kind][-1] / self.found["off"][-1]))

    def one_of_dispatch(self, turn):
        times = {kind: [] for kind in KINDS}
        with contextlib.ExitStack() as stack:
            nodes = {kind: started(stack, kind) for kind in ("off", "on")[::1 if turn % 2 else -1]}
            nodes["viewed"] = nodes["on"]
            for kind in ("off", "on"):
                dispatch_times(nodes[kind])
            for phase in range(PHASES):
                for kind in ORDERS[(turn + phase) % len(ORDERS)]:
                    with self._watched(nodes, kind):
                        times[kind] += dispatch_times(nodes[kind])
        for kind in KINDS:
            self.found[kind].append(dispatch.quantile(times[kind], 0.99))
        for kind in KINDS[1:]:
            self.logs[kind].append(math.log(self.found[kind][-1] / self.found["off"][-1]))

    @contextlib.contextmanager
    def _watched(self, nodes, kind):
        if kind != "viewed":
            yield
            return
        with watched(nodes[kind]) as served:
            yield
            self.least_served = min(self.least_served, served())

    def ratio(self, kind):
        """@returns the trimmed mean of the rounds' ratios to what was measured without counters, and its standard error (Tukey and McLaughlin)."""
        logs = sorted(self.logs[kind])
        count, cut = len(logs), int(TRIMMED * len(logs))
        kept = logs[cut:count - cut]
        if len(kept) < 3:
            return math.exp(statistics.fmean(kept)), math.inf
        winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
        return math.exp(statistics.fmean(kept)), statistics.stdev(winsorised) / ((1 - 2 * TRIMMED) * math.sqrt(count))

    def run(self, measure):
        """Until the ratios are sure, or nothing comes of it."""
        for turn in range(ROUNDS_MOST):
            measure(turn)
            ratios = {kind: self.ratio(kind) for kind in KINDS[1:]}
            say(f"{self.name}, round {turn + 1}: " + ", ".join(f"{kind} {value:.4f} +- {error:.4f}" for kind, (value, error) in ratios.items())
                + "; " + ", ".join(f"{kind} {found[-1]:.4g}" for kind, found in self.found.items()))
            if turn + 1 >= ROUNDS_LEAST and all(error <= SURE[self.name] for _, error in ratios.values()):
                return


def run(check):
    tempfile.tempdir = MEMORY
    times, rates = Rounds("dispatch p99"), Rounds("throughput")
    try:
        with undisturbed():
            times.run(times.one_of_dispatch)
        rates.run(rates.one_of_throughput)
    finally:
        tempfile.tempdir = None
    for each in times, rates:
        check.at_least(f"rounds of {each.name}", len(each.found["off"]), ROUNDS_LEAST)
        check.at_least(f"messages/s of the least served viewer, {each.name}", round(each.least_served, 2), 0.8 * HZ)
        for kind in KINDS[1:]:
            check.at_most(f"standard error of {each.name}, {kind}", each.ratio(kind)[1], SURE[each.name])
    for each, unit in ((times, "ms"), (rates, "jobs/s")):
        say(f"{each.name}, medians: " + ", ".join(f"{kind} {statistics.median(each.found[kind]):.4g} {unit}" for kind in KINDS))
    check.at_least("throughput with counters, against without", rates.ratio("on")[0], 0.98, "times")
    check.at_most("dispatch p99 with counters, against without", times.ratio("on")[0], 1.02, "times")
    check.at_least(f"throughput with {VIEWERS} viewers at {HZ} Hz", rates.ratio("viewed")[0], 0.95, "times")
    check.at_most(f"dispatch p99 with {VIEWERS} viewers at {HZ} Hz", times.ratio("viewed")[0], 1.05, "times")
