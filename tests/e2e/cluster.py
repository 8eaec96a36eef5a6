"""A cluster of real nodes on this machine, for tests: starts, stops, kills and pauses them, talks to them, waits for conditions.

Nothing waits for a time to pass; every wait is for a condition and has a generous limit. Whatever is started here is ended here,
by its process id.
"""
import atexit
import contextlib
import itertools
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "accept"))
from framework import CheckFailed as Failed, Http, wait_until

NEWEST_VERSION = 8  # of the log's commands: `own_versions` in src/model/cluster_version.hpp
FINAL = ("succeeded", "failed", "cancelled", "dead")


def free_ports(count):
    """Ports that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Node(Http):
    """One process and its data directory. It can be started again on the same port and data."""

    def __init__(self, program, folder, port, options, seeds=()):
        super().__init__(f"http://127.0.0.1:{port}")
        self.program, self.folder = program, pathlib.Path(folder)
        self.options, self.seeds = [str(option) for option in options], list(seeds)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data, self.log_path = self.folder / "data", self.folder / "log"
        self.process, self.is_paused = None, False
        self.known_id = None
        self.on_start = lambda node: None

    def __repr__(self):
        return f"node {self.folder.name} (port {self.port})"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def id(self):
        if not self.known_id:
            self.known_id = self.json("GET", "/v1/node")["id"]
        return self.known_id

    # -- the process

    def start(self):
        seeds = [word for seed in self.seeds for word in ("--seed", seed)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(self.program), "node", "--data", str(self.data), "--listen", self.address, *self.options, *seeds],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.on_start(self)
        return self

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9 of the node alone: what its workers do then is part of the test."""
        self.process.kill()
        self.process.wait()
        self.is_paused = False

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def stop(self, seconds=30):
        """@returns its exit status after SIGTERM."""
        self.process.terminate()
        return self.process.wait(seconds)

    def ended(self, seconds=20):
        """Waits for it to end by itself. @returns its exit status."""
        return self.process.wait(seconds)

    def close(self):
        if not self.is_up():
            return
        if self.is_paused:
            self.resume()
        self.kill()

    # -- requests

    def job(self, job):
        return self.json("GET", f"/v1/jobs/{job}")

    def job_events(self, job, after=0, timeout=60):
        """Yields (id or None, type, data) until the node ends the stream. Raises OSError when it breaks."""
        return self.events(f"/v1/jobs/{job}/events", after, timeout)

    def put(self, data):
        return self.json("POST", "/v1/artifacts", data, {"Content-Type": "application/octet-stream"})["artifact"]

    def is_ready(self):
        if not self.is_up():
            raise Failed(f"{self} ended with {self.process.poll() if self.process else None}: {self.log[-1000:]}")
        with contextlib.suppress(OSError):
            return self.request("GET", "/readyz", timeout=2)[0] == 200
        return False

    def view(self):
        """Its own view of node and cluster; None if it does not answer."""
        with contextlib.suppress(OSError, Failed):
            return self.json("GET", "/v1/node", timeout=2)
        return None


class Cluster:
    """Nodes 1 to N; all others have the first as their seed."""

    def __init__(self, program, count=3, options=()):
        self.program, self.options = pathlib.Path(program), list(options)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-cluster-"))
        self.nodes, self.others, self.numbers = [], [], itertools.count(1)
        atexit.register(self.close)
        ports = free_ports(count)
        for number, port in enumerate(ports, 1):
            self.nodes.append(self._node(f"node{number}", port, [f"127.0.0.1:{ports[0]}"] if number > 1 else []))

    def _node(self, name, port, seeds):
        return Node(self.program, self.folder / name, port, self.options, seeds)

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_ready()
        wait_until("three voters" if len(self.nodes) > 2 else "a voter", lambda: self.voters() == min(3, len(self.nodes)))
        return self

    def another(self, name, seeds=(), port=None):
        """A node beside the cluster's own, for tests of what does not belong. Not started."""
        node = self._node(f"{name}{next(self.numbers)}", port or free_ports(1)[0], seeds)
        self.others.append(node)
        return node

    def live(self):
        return [node for node in self.nodes if node.is_up() and not node.is_paused]

    def wait_ready(self, nodes=None, seconds=40):
        for node in nodes or self.live():
            wait_until(f"{node} to be ready", node.is_ready, seconds)

    def voters(self):
        """How many nodes vote, as all that live see it; 0 while they do not agree."""
        views = [node.view() for node in self.live()]
        if not all(views):
            return 0
        counts = {sum(member["role"] in ("voter", "leader") for member in view["members"]) for view in views}
        return counts.pop() if len(counts) == 1 else 0

    def find_leader(self):
        """The node that leads, by the word of a majority of those that live, in the newest term; None while there is none."""
        views = [view for view in (node.view() for node in self.live()) if view and view["ready"]]
        if not views:
            return None
        term = max(view["log_term"] for view in views)
        named = [member["id"] for view in views if view["log_term"] == term for member in view["members"] if member["role"] == "leader"]
        for node in self.live():
            if named.count(node.id) > len(self.live()) // 2:
                return node
        return None

    def leader(self, seconds=30):
        return wait_until("a leader", self.find_leader, seconds)

    def followers(self):
        leader = self.leader()
        return [node for node in self.live() if node is not leader]

    def applied(self):
        return [(view or {}).get("log_index") for view in (node.view() for node in self.live())]

    def wait_level(self, seconds=30):
        """Until all that live have applied the same."""
        wait_until("the same applied index on all nodes", lambda: len(set(self.applied())) == 1 and None not in self.applied(), seconds)

    def restore(self):
        """All nodes up, ready, and as far as each other."""
        for node in self.nodes:
            if node.is_paused:
                node.resume()
            if not node.is_up():
                node.start()
        self.wait_ready()
        self.wait_level()

    def tails(self, size=2500):
        for node in self.nodes + self.others:
            print(f"--- the end of the log of {node}, exit status {node.process.poll() if node.process else '-'}\n{node.log[-size:]}", file=sys.stderr)

    def close(self):
        for node in self.nodes + self.others:
            node.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)


class TestCase(unittest.TestCase):
    """Shows the ends of the nodes' logs when a test has failed."""

    def shown(self):
        """@returns the clusters whose logs these are."""
        return [self.cluster]

    def run(self, result=None):
        before = len(result.errors) + len(result.failures)
        super().run(result)
        if len(result.errors) + len(result.failures) > before:
            for each in self.shown():
                each.tails()
        return result


class Load:
    """Submissions at a fixed rate from several threads, each with its own key. One that gets no answer, or is told to come back, is
    repeated with its key on another node until a node answers for it."""

    def __init__(self, cluster, rate=20, threads=4, pipeline="echo"):
        self.cluster, self.pipeline, self.lock = cluster, pipeline, threading.Lock()
        self.name = uuid.uuid4()
        self.acknowledged, self.wrong = {}, []  # key -> (job, number, begun, answered, tries)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(which, threads / rate), daemon=True) for which in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        """Ends when each submission that was begun has its answer."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def first_after(self, moment):
        """When the first submission that was begun after a moment was acknowledged; None if none was."""
        with self.lock:
            return min((answered for _, _, begun, answered, _ in self.acknowledged.values() if begun > moment), default=None)

    def _run(self, which, period):
        next_at, round_ = time.monotonic() + which * period / len(self.threads), 0
        while not self.stopping.wait(max(0.0, next_at - time.monotonic())):
            next_at = max(next_at + period, time.monotonic() - 1)
            round_ += 1
            self._submit(which, round_ * len(self.threads) + which)

    def _submit(self, which, number, seconds=60):
        key, begun, tries = f"{self.name}-{number}", time.monotonic(), 0
        status, body = 0, b""
        while time.monotonic() < begun + seconds:
            node = self.cluster.nodes[(number + tries) % len(self.cluster.nodes)]
            tries += 1
            try:
                status, _, body = node.request("POST", "/v1/jobs", {"pipeline": self.pipeline, "inputs": {"number": number}},
                                               {"Idempotency-Key": key}, timeout=3)
            except OSError:
                continue
            if status == 202:
                with self.lock:
                    self.acknowledged[key] = (json.loads(body)["id"], number, begun, time.monotonic(), tries)
                return
            if status not in (429, 503, 504):
                break
        with self.lock:
            self.wrong.append(f"{key}: {status} {body[:200]!r} after {tries} tries")

    def complaints(self, node, seconds=60):
        """Waits for the end of each acknowledged job and looks at its history. @returns what is wrong with them."""
        wrong, seen = list(self.wrong), set()
        for job, number, *_ in self.acknowledged.values():
            if job in seen:
                wrong.append(f"{job}: two submissions became it")
            seen.add(job)
            ended = node.wait_final(job, seconds)
            if ended["state"] != "succeeded" or ended["result"] != {"number": number}:
                wrong.append(f"{job}: ended {ended['state']} with {ended['result']}, not {number}: {ended['error']}")
            events = [(int(id_), type_) for id_, type_, _ in node.job_events(job) if id_]
            types = [type_ for _, type_ in events]
            if [id_ for id_, _ in events] != list(range(1, ended["revision"] + 1)):
                wrong.append(f"{job}: revisions {events}")
            if types.count("stage_done") != 1 or sum(type_ in FINAL for type_ in types) != 1 or types[-1] not in FINAL:
                wrong.append(f"{job}: events {types}")
        return wrong

    def listed(self, node):
        """The ids of all jobs of the load's pipeline that the node has."""
        found, cursor = set(), ""
        while True:
            page = node.json("GET", f"/v1/jobs?limit=500&pipeline={self.pipeline}" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            found |= {job["id"] for job in page["jobs"]}
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found
