"""A cluster of real processes that follows the load: nobody, then 200 users, then nobody again, as in guide S0's spike, in three minutes.

One node that a person started, and up to four that the policy orders from this machine. What counts is what the users see and what the jobs say of
themselves; the node's own account of its decisions gives the times alone.
"""
import contextlib
import datetime
import http.client
import os
import pathlib
import random
import signal
import threading
import time

from framework import CheckFailed, Http, Node, say, wait_until

SLOTS, USERS, MOST = 8, 200, 5
JOB_S, EVERY_S = 2, 10      # a user's job, and how often one is submitted
RAMP_S, HOLD_S = 30, 60
POLICY = f"""pool: spike
limits: {{min: 1, max: {MOST}, changes_per_minute: 20, actions_per_hour: 100}}
stabilise: {{in: 20s}}
rules:
  tasks: {{kind: target, metric: unfinished, total: true, target: {SLOTS * 0.8}, period: 5s}}
"""
PIPELINE = f"""name: visit
inputs: {{user: {{type: integer, required: true}}}}
stages:
  only: {{kind: exec, program: {{command: [sleep, "{JOB_S}"], outputs: {{}}}}}}
result: {{}}
"""


class Users:
    """As many as are there at the moment each submit a job every ten seconds, at any node that was there a moment ago, also one that
    is about to go. A request that fails is tried once more."""

    def __init__(self, node):
        self.nodes, self.there, self.over, self.lock = [node.http], 0, threading.Event(), threading.Lock()
        self.jobs, self.retried, self.failed = [], 0, []
        self.threads = [threading.Thread(target=self._live, args=(number,), daemon=True) for number in range(USERS)]
        for thread in self.threads:
            thread.start()

    def _live(self, number):
        time.sleep(random.Random(number).random() * EVERY_S)
        while not self.over.is_set():
            began = time.monotonic()
            if number < self.there:
                self._submit(number)
            self.over.wait(max(0.0, EVERY_S - (time.monotonic() - began)))

    def _submit(self, number):
        key = f"{number}-{time.monotonic_ns()}"
        for attempt in range(2):
            try:
                job = random.choice(self.nodes).submit("visit", {"user": number}, key=key)["id"]
                with self.lock:
                    self.jobs.append(job)
                return
            except (OSError, CheckFailed, http.client.HTTPException) as why:
                with self.lock:
                    self.retried += 1
                    if attempt == 1:
                        self.failed.append(str(why))

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def active(node):
    return [each for each in node.http.json("GET", "/v1/nodes")["nodes"] if each["state"] == "active" and each.get("slots", 0) > 0]


def run(check):
    node = Node("--slots", SLOTS, "--set", "queue.limit=100000", "--set", "scaling.every=1s", "--set", "lease.duration=3s", "--set", "worker.niceness=0")
    pipelines = node.folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "visit.yaml").write_text(PIPELINE)
    policy = node.folder / "spike.yaml"
    policy.write_text(POLICY)
    node.options += ["--pipelines", str(pipelines), "--set", f"scaling.policy={policy}", "--set",
                     f"scaling.arguments=--slots,{SLOTS},--pipelines,{pipelines},--set,worker.niceness=0"]
    node.start()
    fleet = node.data / "fleet"
    try:
        follow(check, node, fleet)
    finally:  # they outlive the node that ordered them
        for folder in fleet.glob("*"):
            with contextlib.suppress(OSError, ValueError):
                if alive(folder):
                    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


def follow(check, node, fleet):
    wait_until("it to decide", lambda: node.http.json("GET", "/v1/scaling")["leads"])
    users, counts, seen = Users(node), [], {}
    began = time.monotonic()

    def look():
        nodes = active(node)
        counts.append((time.monotonic() - began, len(nodes)))
        users.nodes = [Http(f"http://{each['address']}") for each in nodes]
        for each in nodes:
            seen.setdefault(each["id"], time.time())

    def stage(seconds, users_at):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            users.there = users_at(1 - (until - time.monotonic()) / seconds)
            look()
            time.sleep(0.5)

    stage(RAMP_S, lambda share: int(USERS * share))
    stage(HOLD_S, lambda share: USERS)
    stage(RAMP_S, lambda share: int(USERS * (1 - share)))
    users.there = 0
    wait_until("the last job to end", lambda: node.http.json("GET", "/v1/node")["jobs_running"] + node.http.json("GET", "/v1/node")["jobs_queued"] == 0, 120)
    users.end()

    def shrunk():
        look()
        return len(active(node)) == 1 and len(node.http.json("GET", "/v1/nodes")["nodes"]) == 1 and not [each for each in fleet.iterdir() if (each / "pid").exists() and alive(each)]
    wait_until("all ordered nodes to be gone", shrunk, 180, 1)

    status = node.http.json("GET", "/v1/scaling")
    decisions = [each for each in status["decisions"] if each["to"] != each["from"]]
    for each in decisions:
        say(f"{each['from']} -> {each['to']}: {each['text']}")
    judge(check, node, users, counts, decisions)
    check.equal("alarms of machines or of the provider", len(status["alarms"]), 0)


def alive(folder):
    pid = (folder / "pid").read_text().strip()
    try:
        return str(folder) in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def judge(check, node, users, counts, decisions):
    own = node.http.json("GET", "/v1/node")["id"]
    lost, again, first = 0, 0, {}
    for job in users.jobs:
        found = node.http.json("GET", f"/v1/jobs/{job}")
        lost += found["state"] != "succeeded"
        again += found["stages"][0]["attempts"] != 1
        for _, kind, data in node.http.events(f"/v1/jobs/{job}/events"):
            if kind == "attempt_started":
                where = data["slot"].split(".")[0]
                at = datetime.datetime.fromisoformat(data["at"].replace("Z", "+00:00")).timestamp() * 1000
                first[where] = min(first.get(where, 1 << 62), at)
    say(f"{len(users.jobs)} jobs, {users.retried} requests tried again; nodes over time: {counts[::10]}")
    ordered = sorted(at for where, at in first.items() if where != own)
    asked = sorted(each["at"] for each in decisions if each["to"] > each["from"] for _ in range(each["to"] - each["from"]))
    delays = [(began - at) / 1000 for began, at in zip(ordered, asked)]
    most = max(count for _, count in counts)
    check.equal("nodes at first", counts[0][1], 1)
    check.equal("nodes at the height of it", most, MOST)
    check.equal("nodes at the end", counts[-1][1], 1)
    check.at_least("jobs", len(users.jobs), 1000)
    check.equal("jobs that did not succeed", lost, 0)
    check.equal("jobs that needed a second attempt: a node went away under them", again, 0)
    check.equal("requests that failed twice", len(users.failed), 0)
    check.equal("ordered nodes that ran tasks", len(ordered), len(asked))
    check.at_most("from a decision to the first task on its node, the longest", max(delays, default=1e9), 10, "s")
    check.equal("decisions that went in while users came", sum(each["to"] < each["from"] for each in decisions if each["at"] < decisions[0]["at"] + 1000 * (RAMP_S + HOLD_S) * 0.9), 0)
    told = node.http.json("GET", "/v1/cluster")["decisions"]
    drained = {each["why"].split()[1] for each in told if each["what"] == "node_drained"}
    check.equal("ordered nodes that were drained before they went", len(drained & set(first) - {own}), MOST - 1)
