"""Planned work on nodes under load: drains and restarts of all in turn, the first of them an upgrade of each node; and an upgrade of a node whose data a
program made that forms no clusters yet."""
import pathlib
import random
import signal
import tempfile
import time

import long_jobs
import mixed_load
from band import NODES, Anywhere, Band
from first_light import picture
from framework import ROOT, TROUPE, Node, say, sh, wait_until

ALONE = "38220c8"  # the last commit whose nodes form no cluster
TOGETHER = "fa38e73"  # the first commit whose nodes say what they read
ROUNDS = 4  # restarts of each node, the first with the new program
LONG_SECONDS = 5  # of the jobs that run at a node when it is drained


def state_of(band, node, seen_by):
    mine = band.id_of(node)
    return next(view for view in seen_by.http.json("GET", "/v1/nodes")["nodes"] if view["id"] == mine)


class Restarts:
    """What was seen in them."""

    def __init__(self):
        self.busy, self.drained, self.statuses, self.long, self.rest = [], [], [], [], []

    def restart(self, band, node):
        """As an operator does it: drain, stop, start, wait until it has caught up, resume. Long jobs run at the node when it is drained."""
        other, mine = band.others(node)[0], band.id_of(node)
        long, rest = long_jobs.hold_slots_of(band, node, LONG_SECONDS)
        self.long += long
        self.rest += rest
        self.busy.append(state_of(band, node, other)["tasks"])
        other.troupe("node", "drain", mine, "--deadline", "20s", "--wait", timeout=120)
        self.drained.append(state_of(band, node, other))
        self.statuses.append(node.stop(signal.SIGTERM, seconds=60))
        node.program = TROUPE
        band.start(node)
        wait_until("the node to be ready", node._is_ready, 60)
        wanted = other.http.json("GET", "/v1/node")["log_index"]
        wait_until("the node to catch up", lambda: node.http.json("GET", "/v1/node")["log_index"] >= wanted, 60)
        other.troupe("node", "resume", mine)


def raises(band):
    return sum(node.log.count("cluster_version_raised") for node in band.nodes)


def again_after_done(http, job):
    """Stages of a job that began an attempt after they were done; attempts that ended because of their node."""
    done, again, lost = set(), 0, 0
    for type_, data in long_jobs.events_of(http, job):
        task = (data.get("stage"), data.get("instance", 0))
        again += type_ == "attempt_started" and task in done
        lost += type_ == "attempt_failed" and data.get("cause") in ("node_lost", "handed_back")
        if type_ == "stage_done":
            done.add(task)
    return again, lost


def restarts(check, folder):
    band = Band(folder, program=old_program(TOGETHER))
    load = mixed_load.Load(Anywhere(band.nodes), 10, picture(folder), random.random(), reads=True)
    load.start()
    seen = Restarts()
    for number in range(ROUNDS):
        for node in band.nodes:
            raised = raises(band)
            seen.restart(band, node)
            view = seen.drained[-1]
            say(f"restart {len(seen.statuses)} of {ROUNDS * NODES}: {seen.busy[-1]} tasks; then it was {view['state']} with {view['tasks']}; {len(load.acknowledged)} jobs acknowledged")
        if number == 0:
            wait_until("the cluster to write what only the new program reads", lambda: raises(band) > raised, 60)
    load.stop()
    report(check, band, load, seen)
    for node in band.nodes:
        node.stop()
    band.holes.close()


def report(check, band, load, seen):
    http = band.leader().http
    found = mixed_load.examine(http, load)
    strangers = [each for each in found["twice"] if not any(job in each for job in [*seen.long, *seen.rest])]  # the list has the long jobs, too
    runs = [again_after_done(http, entry[3]) for entry in load.acknowledged.values()]
    long = [long_jobs.ends_of(http, job) for job in seen.long]
    for complaint in [*found["lost"], *strangers, *found["wrong"], *found["artifacts_missing"]][:20]:
        say(complaint)
    check.equal("nodes drained and restarted, each once with a newer program", len(seen.statuses), ROUNDS * NODES)
    check.equal("of them without work when they were drained", seen.busy.count(0), 0)
    check.equal("of them not drained, or with tasks, when they were stopped", sum(view["state"] != "drained" or view["tasks"] != 0 for view in seen.drained), 0)
    check.equal("of them that did not end well", sum(status != 0 for status in seen.statuses), 0)
    check.at_least("submissions begun, of those that were due", load.share_begun(), 0.95)
    check.at_least("acknowledged jobs", len(load.acknowledged), 300)
    check.equal("submissions that failed after one retry on another node", sum(tries > 2 for tries in load.tries), 0)
    check.equal("jobs read after that", len(load.read_tries), len(load.acknowledged))
    check.equal("reads that failed after one retry on another node", sum(tries > 2 for tries in load.read_tries), 0)
    check.at_most("slowest submission, with its retry", load.slowest, 5, "s")
    check.equal("jobs lost, doubled, wrong, or results missing", sum(len(found[each]) for each in ("lost", "wrong", "artifacts_missing")) + len(strangers), 0)
    check.at_least("jobs of some seconds at nodes that were drained", len(long), ROUNDS * NODES)
    check.equal("of them not done at the first attempt", sum(each != (1, ["succeeded"], 1) for each in long), 0)
    check.equal("completed stages that ran again", sum(again for again, _ in runs), 0)
    check.equal("attempts lost with their node, or handed back", sum(lost for _, lost in runs), 0)


def old_program(commit):
    """Builds the program of a commit beside this one."""
    tree = ROOT / "build" / f"before-{commit}"
    if not tree.exists():
        sh("git", "worktree", "prune")
        sh("git", "worktree", "add", "--detach", tree, commit)
    sh(tree / "scripts" / "build", "release", "troupe", "troupe-worker", cwd=tree, stream=True, timeout=7200)
    return tree / "build" / "release" / "bin" / "troupe"


def upgrade(check, folder):
    mixed_load.install(folder / "pipelines")
    node = Node("--slots", 4, "--pipelines", folder / "pipelines", program=old_program(ALONE))
    node.start()
    load = mixed_load.Load(node.http, 20, picture(folder), random.random())
    load.start()
    wait_until("some load", lambda: len(load.acknowledged) >= 100)
    of_old = len(load.acknowledged)
    check.equal("exit status of the old program", node.stop(signal.SIGTERM, seconds=60), 0)
    node.program = TROUPE
    began = time.monotonic()
    node.start()
    say(f"the new program is ready after {time.monotonic() - began:.1f} s")
    wait_until("more load", lambda: len(load.acknowledged) >= of_old + 100)
    load.stop()
    found = mixed_load.examine(node.http, load)
    again = sum(again_after_done(node.http, entry[3])[0] for entry in load.acknowledged.values())
    for complaint in [each for complaints in found.values() for each in complaints][:20]:
        say(complaint)
    check.at_least("jobs that a program without clusters acknowledged", of_old, 100)
    check.equal("of these and those after its upgrade lost, doubled, wrong, or results missing", sum(len(each) for each in found.values()), 0)
    check.equal("of their completed stages that ran again", again, 0)
    node.stop()


def run(check):
    for part in (restarts, upgrade):
        with tempfile.TemporaryDirectory(prefix="troupe-accept-") as name:
            part(check, pathlib.Path(name))
