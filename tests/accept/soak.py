"""A day of virtual time and half an hour of real time, with load and faults: what a node keeps does not grow.

    TROUPE_ACCEPT_HOURS=1 TROUPE_ACCEPT_SECONDS=300 scripts/accept cluster A7     a short look; the verdict counts with 24 and 1,800 (a warm-up of 300 goes before it)
"""
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import statistics
import tempfile
import threading
import time
import uuid

import mixed_load
from band import Band
from framework import BUILD, CheckFailed, say, sh
from processes import descendants

HOURS = int(os.environ.get("TROUPE_ACCEPT_HOURS", 24))
SECONDS = int(os.environ.get("TROUPE_ACCEPT_SECONDS", 1800))
WARM_SECONDS = 660  # until all that a node does from time to time was done once: copies are looked after every ten minutes; less for a short look
EVERY = 5           # seconds between two samples
KEEP = "120s"       # of ended jobs and of files that nobody needs
CLIENTS = 24        # each with one job a second at most: a third of the time sees several rounds of logs that fill and tables that are merged
OPTIONS = ["--set", f"retention.finished={KEEP}", "--set", f"retention.dead={KEEP}", "--set", f"artifacts.grace={KEEP}", "--set", "artifacts.grace_least=30s",
           "--set", "disk.ballast=0B", "--set", "journal.compact_every=1000", "--set", "journal.write_buffer=1MiB",
           "--set", "journal.block_cache=1MiB"]  # the default one fills for hours, 4 MiB for a quarter of one
ALLOWED = 1.05
# What is done, and to whom: two nodes in turn, and whoever leads. The other processes live on and are looked at, so nobody else is killed.
STRIKES = (("kill", 3), ("pause", "leader"), ("black hole", 4), ("kill", 4), ("pause", 3), ("black hole", "leader"))


class Clients:
    """Jobs one after another, each followed to its end, as many from each client as it has time for, at most one a second."""

    def __init__(self, nodes):
        self.nodes, self.over, self.lock = nodes, threading.Event(), threading.Lock()
        self.acknowledged, self.ended, self.wrong = 0, 0, []
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _work(self, client):
        chance, node = random.Random(client), self.nodes[client % len(self.nodes)]
        kinds, shares = zip(*((kind, share) for kind, share in mixed_load.SHARES.items() if kind != "film"))
        for number in itertools.count(client * 1_000_000):
            begun = time.monotonic()
            kind = chance.choices(kinds, shares)[0]
            inputs = {"parts": [number, number + 1, number + 2]} if kind == "fan" else {"number": number}
            try:
                job = self._submit(node, kind, inputs)
                with self.lock:
                    self.acknowledged += 1
                complaint = mixed_load.expected_end(kind, number, inputs, self._end(node, job))
            except Exception as broken:  # whatever it is, the job was not seen to end right
                complaint = repr(broken)
            with self.lock:
                self.ended += 1
                if complaint:
                    self.wrong.append(f"{kind} {number}: {complaint}")
            if self.over.wait(max(0.0, begun + 1 - time.monotonic())):
                return

    @staticmethod
    def _submit(node, kind, inputs):
        key, deadline = str(uuid.uuid4()), time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return node.http.submit(kind, inputs, key=key)["id"]
            except (CheckFailed, OSError):
                time.sleep(0.1)
        raise CheckFailed("no answer to a submission in 60 s")

    @staticmethod
    def _end(node, job):
        """A question may be refused for a moment while a new leader is found."""
        deadline = time.monotonic() + 90
        while True:
            try:
                return node.http.wait_final(job, 60)
            except (CheckFailed, OSError):
                if time.monotonic() > deadline:
                    raise

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def disk_used(folder):
    """Bytes of blocks. Files come and go meanwhile."""
    used = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                used += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return used


def anonymous_memory(process):
    return int(re.search(r"RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())[1]) / 1024


def workers_of(node):
    """MiB of each worker that the node keeps."""
    found = []
    for process in descendants(node.process.pid):
        with contextlib.suppress(OSError, TypeError):  # it has just ended
            if pathlib.Path(f"/proc/{process}/comm").read_text().startswith("troupe-worker"):
                found.append(anonymous_memory(process))
    return found


def sample(steady, all_nodes):
    """{(node, what): figure}: of the nodes that are not killed what their processes hold, of all together what they have on the disk."""
    found = {}
    for number, node in enumerate(steady):
        process, workers = pathlib.Path(f"/proc/{node.process.pid}"), workers_of(node)
        found[number, "memory (RssAnon), MiB"] = anonymous_memory(node.process.pid)
        found[number, "threads"] = int(re.search(r"Threads:\s+(\d+)", (process / "status").read_text())[1])
        found[number, "descriptors"] = len(os.listdir(process / "fd"))
        found[number, "workers"] = len(workers)
        found[number, "memory of its workers, MiB"] = sum(workers)
        metrics = node.http.request("GET", "/metrics")[2].decode()
        found[number, "actors"] = float(re.search(r"^troupe_actors (\S+)", metrics, re.M)[1])
    found["all", "disk, MiB"] = sum(disk_used(node.data) for node in all_nodes) / (1 << 20)
    return found


def take_samples(steady, all_nodes, ended, so_far):
    """One each few seconds, as long as the check takes. @returns (samples, jobs that had ended at each)."""
    samples, jobs, began = [], [], time.monotonic()
    while time.monotonic() < began + SECONDS:
        samples.append(sample(steady, all_nodes))
        jobs.append(ended())
        if len(samples) % 12 == 0:
            most = {what: max(figure for (_, each), figure in samples[-1].items() if each == what) for _, what in samples[-1]}
            say(f"{time.monotonic() - began:.0f} s: {so_far()}, " + ", ".join(f"{what} {figure:.0f}" for what, figure in sorted(most.items())))
        time.sleep(max(0.0, began + len(samples) * EVERY - time.monotonic()))
    return samples, jobs


def disturb(band, over, done):
    """Kills, pauses and cuts off one node after another until told to stop."""
    for how, whom in itertools.cycle(STRIKES):
        if over.wait(15):
            return
        victim = band.leader() if whom == "leader" else band.nodes[whom]
        band.strike(victim, how)
        over.wait(8)
        band.heal(victim, how)
        done.append((how, whom))


def growth(series):
    """(first third, end): the mean of the first third and of the last third, so that what goes up and down with compactions counts as what it is."""
    third = max(1, len(series) // 3)
    return statistics.fmean(series[:third]), statistics.fmean(series[-third:])


def sixths(series):
    """For people, who want to see whether what grew goes on growing."""
    ends = [len(series) * part // 6 for part in range(7)]
    return " ".join(f"{statistics.fmean(series[begin:end]):.1f}" for begin, end in zip(ends, ends[1:]) if end > begin)


def virtual_day(check):
    """The same question to the simulation, which finds the growth itself."""
    done = sh(BUILD / "bin" / "sim", "--nodes", 5, "--hours", HOURS, "--json", timeout=7200, check=False)
    for line in done.stderr.splitlines():
        say(line)
    figures = json.loads(done.stdout.splitlines()[-1]) if done.stdout.startswith("{") else {"virtual_hours": 0, "jobs": 0, "faults": 0}
    check.at_least("virtual time", figures["virtual_hours"], 24, "h")
    check.at_least("jobs in it", figures["jobs"], 500 * HOURS)
    check.at_least("faults in it", figures["faults"], 15 * HOURS)
    check.equal("exit status of the simulation (no violation, nothing grew)", done.returncode, 0)


def run(check):
    virtual_day(check)
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        band = Band(pathlib.Path(folder), *OPTIONS)
        steady, term = band.nodes[:3], max(band.terms())
        clients, over, struck, broken = Clients(steady), threading.Event(), [], []

        def faults():
            try:
                disturb(band, over, struck)
            except Exception as failure:  # a node that does not come back
                broken.append(repr(failure))

        disturber = threading.Thread(target=faults)
        disturber.start()
        try:
            time.sleep(min(WARM_SECONDS, SECONDS))
            samples, jobs = take_samples(steady, band.nodes, lambda: clients.ended, lambda: f"{clients.ended} jobs, {len(struck)} faults")
        finally:  # else they would go on when nobody looks any more
            over.set()
            disturber.join()
            clients.stop()
        check.at_least("elections, of those that a leader that is stopped or cut off makes necessary", max(band.terms()) - term, sum(whom == "leader" for _, whom in struck))
        report(check, samples, jobs, clients, struck, broken)
        for node in band.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)
        band.holes.close()


def report(check, samples, jobs, clients, struck, broken):
    for complaint in [*clients.wrong, *broken][:20]:
        say(complaint)
    check.at_least("time under load and faults", SECONDS, 1800, "s")
    check.at_least("faults (kill -9, SIGSTOP, black hole), a third of them of the leader", len(struck), SECONDS / 40)
    check.at_least("jobs that were acknowledged", clients.acknowledged, 12 * SECONDS)
    third = len(jobs) // 3
    check.at_least("jobs in the last third against the first", (jobs[-1] - jobs[-third]) / (jobs[third - 1] - jobs[0]), 0.9, "times")
    check.equal("of these lost, or not ended right", len(clients.wrong) + len(broken), 0)
    for what in sorted({what for _, what in samples[0]}):
        shares = {}
        for node in {number for number, each in samples[0] if each == what}:
            first, end = growth([each[node, what] for each in samples])
            shares[node] = end / first
            say(f"{what}, node {node}: {first:.1f} in the first third, {end:.1f} in the last; by sixths {sixths([each[node, what] for each in samples])}")
        check.at_most(f"{what}: last third against the first, the worst node", max(shares.values()), ALLOWED, "times")
