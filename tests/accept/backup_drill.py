"""A backup of many jobs becomes a new cluster, and each acknowledged job is in it as it was.

    TROUPE_ACCEPT_JOBS=2000 scripts/accept cluster A8     a short look; the verdict counts with 100,000
"""
import collections
import concurrent.futures
import hashlib
import http.client
import itertools
import json
import os
import pathlib
import tempfile
import threading
import time

import mixed_load
from framework import CheckFailed, Node, say, sh, TROUPE, wait_until

JOBS = int(os.environ.get("TROUPE_ACCEPT_JOBS", 100_000))
CLIENTS = 16
ENDED = 400  # of them; the others wait for a label that no slot has
WITH_FILES = 20  # of those that ended
AGAIN = 100  # of the others are submitted again after the restore

WAITING = """\
name: waiting
inputs: {number: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: once, command: [sh, -c, 'exit 1'], outputs: {}}, params: {number: "${inputs.number}"}, requires: {labels: [nowhere]}}
result: {}
"""


class Connections:
    """A connection for each thread that asks, to one node."""

    def __init__(self, node):
        self.node, self.local = node, threading.local()

    def request(self, method, path, body=None, headers=None):
        """@returns (status, body), after one more try on a new connection if the first one was of no use."""
        for is_last in (False, True):
            if not hasattr(self.local, "connection"):
                self.local.connection = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=60)
            try:
                self.local.connection.request(method, path, body, headers or {})
                answer = self.local.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.local.connection.close()
                del self.local.connection
                if is_last:
                    raise


def voters_by(node):
    return sum(member["role"] in ("leader", "voter") for member in node.http.json("GET", "/v1/node")["members"])


def three_nodes(folder, first_data=None):
    """A cluster whose first node may have its data already. @returns the nodes, and the seconds until the first one was ready."""
    options = ["--slots", 2, "--pipelines", folder / "pipelines", "--set", f"queue.limit={JOBS + 1000}"]
    nodes = [Node(*options, data=first_data)]
    began = time.monotonic()
    nodes[0].start()
    ready = time.monotonic() - began
    for _ in range(2):
        nodes.append(Node(*options, "--seed", f"127.0.0.1:{nodes[0].port}").start())
    wait_until("three voters", lambda: all(voters_by(node) == 3 for node in nodes), 300)
    return nodes, ready


def submit(speaker, pipeline, number):
    """@returns the job of this number; the same one however often it is asked for."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"drill-{number}"}
    status, body = speaker.request("POST", "/v1/jobs", json.dumps({"pipeline": pipeline, "inputs": {"number": number}}), headers)
    if status != 202:
        raise CheckFailed(f"submission {number} was answered {status}: {body[:200]!r}")
    return json.loads(body)["id"]


def submit_all(nodes):
    """@returns the acknowledged jobs: id -> (pipeline, number)."""
    speakers, numbers, acknowledged, lock = [Connections(node) for node in nodes], itertools.count(), {}, threading.Lock()

    def work(_):
        while (number := next(numbers)) < JOBS:
            pipeline = "chain" if number < WITH_FILES else "echo" if number < ENDED else "waiting"
            job = submit(speakers[number % 3], pipeline, number)
            with lock:
                acknowledged[job] = (pipeline, number)
                if len(acknowledged) % 10_000 == 0:
                    say(f"{len(acknowledged)} of {JOBS} jobs are acknowledged")

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    return acknowledged


def pages_of(node, jobs):
    """What the node says of each job: id -> the answer's bytes; nothing of those that it does not know."""
    speaker, found = Connections(node), {}

    def look(job):
        status, body = speaker.request("GET", f"/v1/jobs/{job}")
        if status == 200:
            found[job] = body
        elif status != 404:
            raise CheckFailed(f"job {job} was answered {status}: {body[:200]!r}")

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for number, _ in enumerate(pool.map(look, jobs), 1):
            if number % 20_000 == 0:
                say(f"{number} of {len(jobs)} jobs are read")
    return found


def timed(*command):
    began = time.monotonic()
    done = sh(*command, timeout=3600)
    return time.monotonic() - began, done


def drill(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as name:
        folder = pathlib.Path(name)
        mixed_load.install(folder / "pipelines")
        (folder / "pipelines" / "waiting.yaml").write_text(WAITING)
        nodes, _ = three_nodes(folder)
        acknowledged = submit_all(nodes)
        for job in [job for job, (pipeline, _) in acknowledged.items() if pipeline != "waiting"]:
            nodes[0].http.wait_final(job, 300)
        took, done = timed(TROUPE, "--url", nodes[1].url, "--json", "backup", "-o", folder / "backup", "--artifacts")
        about = json.loads(done.stdout)
        before = pages_of(nodes[2], acknowledged)
        for node in nodes:
            node.stop(seconds=60)
        checked, _ = timed(TROUPE, "backup", "verify", folder / "backup")
        restored, _ = timed(TROUPE, "restore", folder / "backup", "--data", folder / "data")
        new, ready = three_nodes(folder, folder / "data")
        after = pages_of(new[2], acknowledged)
        report(check, about, acknowledged, before, after)
        works_again(check, new, acknowledged, after)
        say(f"the state has {about['state_bytes'] / 2**20:.0f} MiB")
        check.at_most("taking the backup", took, 60, "s")
        check.at_most("reading it to its last byte", checked, 60, "s")
        check.at_most("restore", restored, 60, "s")
        check.at_most("from the start of the restored node until it is ready", ready, 60, "s")


def works_again(check, nodes, acknowledged, pages):
    """The new cluster knows the keys, has the files, and goes on."""
    speaker, damaged = Connections(nodes[1]), 0
    again = [job for job, (pipeline, number) in acknowledged.items() if number >= JOBS - AGAIN and submit(speaker, pipeline, number) == job]
    check.equal("jobs that their keys still name", len(again), AGAIN)
    files = [json.loads(pages[job])["result"]["file"]["artifact"] for job, (pipeline, _) in acknowledged.items() if pipeline == "chain" and job in pages]
    for hash_ in files:
        status, body = speaker.request("GET", f"/v1/artifacts/{hash_}")
        damaged += status != 200 or hashlib.sha256(body).hexdigest() != hash_
    check.equal("jobs with files", len(files), WITH_FILES)
    check.equal("files that are missing or differ", damaged, 0)
    new = nodes[2].http.submit("echo", {"number": JOBS + 1})["id"]
    check.equal("a new job", nodes[0].http.wait_final(new)["state"], "succeeded")


def report(check, about, acknowledged, before, after):
    states = collections.Counter(json.loads(page)["state"] for page in after.values())
    say(f"restored: {dict(states)}; the backup says {about['jobs']}")
    check.at_least("acknowledged jobs", len(acknowledged), 100_000)
    check.at_least("of these ended", states["succeeded"], ENDED)
    check.equal("jobs in the backup", about["jobs"]["total"], len(acknowledged))
    check.equal("acknowledged jobs that the old cluster does not know", len(acknowledged) - len(before), 0)
    missing = [job for job in acknowledged if job not in after]
    other = [job for job, page in after.items() if page != before.get(job)]
    for job in [*missing, *other][:5]:
        say(f"job {job}: was {before.get(job)}, is {after.get(job)}")
    check.equal("acknowledged jobs that are not in the restored cluster", len(missing), 0)
    check.equal("jobs whose content is another one there", len(other), 0)
