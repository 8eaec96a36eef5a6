"""Planned work on nodes under load: drains, a restart of all in turn, and an upgrade of a node whose data an older program made."""
import pathlib
import random
import signal
import tempfile
import time

import mixed_load
from band import NODES, Anywhere, Band
from first_light import picture
from framework import ROOT, TROUPE, Node, say, sh, wait_until

BEFORE = "38220c8"  # the last commit whose nodes form no cluster
ROUNDS = 4  # restarts of each node


def state_of(band, node, seen_by):
    mine = next(id_ for id_, each in band.ids.items() if each is node)
    return next(view for view in seen_by.http.json("GET", "/v1/nodes")["nodes"] if view["id"] == mine)


def restart(band, node):
    """As an operator does it: drain, stop, start, wait until it has caught up, resume."""
    other, mine = band.others(node)[0], next(id_ for id_, each in band.ids.items() if each is node)
    other.troupe("node", "drain", mine, "--deadline", "20s", "--wait", timeout=120)
    drained = state_of(band, node, other)
    status = node.stop(signal.SIGTERM, seconds=60)
    band.start(node)
    wait_until("the node to be ready", node._is_ready, 60)
    wanted = other.http.json("GET", "/v1/node")["log_index"]
    wait_until("the node to catch up", lambda: node.http.json("GET", "/v1/node")["log_index"] >= wanted, 60)
    other.troupe("node", "resume", mine)
    return drained, status


def again_after_done(http, job):
    """Stages of a job that began an attempt after they were done, and attempts that were lost with their node."""
    done, again, lost = set(), 0, 0
    page = http.json("GET", f"/v1/jobs/{job}")
    for id_, type_, data in http.events(f"/v1/jobs/{job}/events"):
        task = (data.get("stage"), data.get("instance", 0))
        again += type_ == "attempt_started" and task in done
        lost += type_ == "attempt_failed" and data.get("cause") == "node_lost"
        if type_ == "stage_done":
            done.add(task)
        if id_ is not None and int(id_) >= page["revision"]:
            break
    return again, lost


def restarts(check, folder):
    band = Band(folder)
    load = mixed_load.Load(Anywhere(band.nodes), 10, picture(folder), random.random())
    load.start()
    drained, statuses = [], []
    for number in range(ROUNDS):
        for node in band.nodes:
            view, status = restart(band, node)
            drained.append(view)
            statuses.append(status)
            say(f"restart {len(statuses)} of {ROUNDS * NODES}: it was {view['state']} with {view['tasks']} tasks, {len(load.acknowledged)} jobs acknowledged")
    load.stop()
    http = band.leader().http
    found = mixed_load.examine(http, load)
    runs = [again_after_done(http, entry[3]) for entry in load.acknowledged.values()]
    for complaint in [*found["lost"], *found["twice"], *found["wrong"], *found["artifacts_missing"]][:20]:
        say(complaint)
    check.equal("nodes drained and restarted", len(statuses), ROUNDS * NODES)
    check.equal("of them not drained, or with tasks, when they were stopped", sum(view["state"] != "drained" or view["tasks"] != 0 for view in drained), 0)
    check.equal("of them that did not end well", sum(status != 0 for status in statuses), 0)
    check.at_least("acknowledged jobs", len(load.acknowledged), 300)
    check.equal("requests that failed after one retry on another node", sum(tries > 2 for tries in load.tries), 0)
    check.equal("jobs lost, doubled, wrong, or results missing", sum(len(each) for each in found.values()), 0)
    check.equal("completed stages that ran again", sum(again for again, _ in runs), 0)
    check.equal("attempts lost with their node", sum(lost for _, lost in runs), 0)
    for node in band.nodes:
        node.stop()
    band.holes.close()


def old_program():
    """Builds the program of `BEFORE` beside this one."""
    tree = ROOT / "build" / f"before-{BEFORE}"
    if not tree.exists():
        sh("git", "worktree", "add", "--detach", tree, BEFORE)
    sh(tree / "scripts" / "build", "release", "troupe", "troupe-worker", cwd=tree, stream=True, timeout=7200)
    return tree / "build" / "release" / "bin" / "troupe"


def upgrade(check, folder):
    mixed_load.install(folder / "pipelines")
    node = Node("--slots", 4, "--pipelines", folder / "pipelines", program=old_program())
    node.start()
    load = mixed_load.Load(node.http, 20, picture(folder), random.random())
    load.start()
    wait_until("some load", lambda: len(load.acknowledged) >= 100)
    load.stop()
    check.equal("exit status of the old program", node.stop(signal.SIGTERM, seconds=60), 0)
    node.program = TROUPE
    began = time.monotonic()
    node.start()
    say(f"the new program is ready after {time.monotonic() - began:.1f} s")
    found = mixed_load.examine(node.http, load)
    for complaint in [each for complaints in found.values() for each in complaints][:20]:
        say(complaint)
    check.equal("of 100 jobs of the old program lost, doubled, wrong, or results missing", sum(len(each) for each in found.values()), 0)
    node.stop()


def run(check):
    for part in (restarts, upgrade):
        with tempfile.TemporaryDirectory(prefix="troupe-accept-") as name:
            part(check, pathlib.Path(name))
