"""The alerts of deploy/prometheus, for real: clusters in which something goes wrong, and a Prometheus that scrapes them.

Durations and windows are cut to seconds; thresholds are as they stand. One cluster stays well, and no alert may name it.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

import fleet_alarms
from framework import ROOT, CheckFailed, Http, Node, free_port, wait_until

STAGE = ("name: %s\ninputs: {}\nstages:\n  only: {kind: exec, program: {mode: once, command: [sh, -c, \"%s\"], outputs: {}}%s, "
         "retry: {attempts: 1, backoff: 100ms..100ms}}\nresult: {}\n")
PIPELINES = {"good": ("true", ""), "bad": ("exit 1", ""), "slow": ("sleep 100", ""), "parked": ("true", ", requires: {labels: [nowhere]}")}
ONE_NODE = ("pool: one\nlimits: {min: 1, max: 1, warn_at_limit_after: 1min}\nrules: {all: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}}\n"
            "degrade: {refuse: {above: 1s}, after: 0s, hold: 1min}\n")
# What cannot be brought about from outside: actors that hang, a node 10,000 entries behind that still answers, a slow disk.
NOT_CAUSED = {"TroupeNodeStuck", "TroupeNodeBehind", "TroupeJournalSlow"}
ALERTS_OF = {"troupe-limit": ("TroupeDegraded", "TroupeJobsRefused", "TroupeScalingAtMax"), "troupe-nobody": ("TroupeScalingNobodyDecides",),
             "troupe-fleet": fleet_alarms.OF_FLEET, "troupe-devices": fleet_alarms.OF_DEVICES}
DISK = {"TroupeDiskFull", "TroupeDiskNearlyFull", "TroupeDiskFillsUp", "TroupeCollectsForRoom"}


def hasty(rules):
    """The same alerts, sooner."""
    rules = re.sub(r"for: \w+", "for: 5s", rules)
    rules = rules.replace("[5m]", "[20s]").replace("[2m]", "[20s]")
    return rules.replace("[10m]", "[60s]").replace("[1h]", "[60s]").replace("4 * 3600", "4 * 60")


class Prometheus:
    """Scrapes clusters every second, and remembers which alerts have fired since when."""

    def __init__(self, clusters):
        if not shutil.which("prometheus"):
            raise CheckFailed("prometheus is not installed: apt-get install --no-install-recommends prometheus")
        self.folder, self.port, self.seen = pathlib.Path(tempfile.mkdtemp(prefix="troupe-alarms-")), free_port(), {}
        rules = (ROOT / "deploy" / "prometheus" / "troupe.rules.yml").read_text()
        self.alerts = set(re.findall(r"- alert: (\w+)", rules))
        (self.folder / "troupe.rules.yml").write_text(hasty(rules))
        jobs = [{"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{node.port}" for node in nodes]}]} for name, nodes in clusters.items()]
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        (self.folder / "prometheus.yml").write_text(json.dumps({"global": every, "rule_files": ["troupe.rules.yml"], "scrape_configs": jobs}))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["prometheus", "--config.file", self.folder / "prometheus.yml", "--storage.tsdb.path", self.folder / "data",
                                             "--web.listen-address", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.http, self.stopping = Http(f"http://127.0.0.1:{self.port}"), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def wait_scraped(self, nodes):
        """Until it has seen all of them twice: what is counted before that is in no increase."""
        wait_until("Prometheus to be ready", self._is_ready, 60)
        wait_until("all nodes to be scraped", lambda: len(self.labels("count_over_time(troupe_ready[1m]) > 1")) == nodes, 60)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise CheckFailed("prometheus ended: " + (self.folder / "log").read_text()[-1000:])
        with contextlib.suppress(OSError):
            return self.http.request("GET", "/-/ready", timeout=2)[0] == 200
        return False

    def labels(self, expression):
        """Of each series of the answer."""
        query = urllib.parse.urlencode({"query": expression})
        return [one["metric"] for one in self.http.json("GET", f"/api/v1/query?{query}", timeout=10)["data"]["result"]]

    def firing(self):
        """(alert, cluster) of all that fire now."""
        return {(one["alertname"], one.get("job", "")) for one in self.labels('ALERTS{alertstate="firing"}')}

    def _watch(self):
        while not self.stopping.wait(1):
            with contextlib.suppress(OSError, CheckFailed):
                for one in self.firing():
                    self.seen.setdefault(one, time.monotonic())

    def wait(self, alert, cluster, seconds=90):
        with contextlib.suppress(CheckFailed):  # the verdict is given at the end
            wait_until(f"{alert} of {cluster}", lambda: (alert, cluster) in self.seen, seconds, 0.5)

    def close(self):
        self.stopping.set()
        self.thread.join()
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 256 MiB there, if this process may mount one."""
    at = pathlib.Path(folder) / "disk"
    at.mkdir()
    is_there = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", at], capture_output=True, check=False).returncode == 0
    try:
        yield at if is_there else None
    finally:
        if is_there:
            subprocess.run(["umount", "-l", at], check=False)


def fill(disk, name, leave):
    """Takes all of the disk but for so many bytes."""
    with open(disk / name, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - leave))


def overload(node):
    """Jobs that die, and 150 that nobody can run."""
    for _ in range(3):
        node.http.wait_final(node.http.submit("bad", {})["id"])
    node.http.json("POST", "/v1/jobs:batch", {"jobs": [{"pipeline": "parked", "inputs": {}}] * 150})


def reach_limit(node):
    """More jobs than the only node that may be can do soon, so that it takes no more of the least important ones."""
    low = {"pipeline": "good", "inputs": {}, "priority": "low"}
    node.http.wait_final(node.http.submit("good", {})["id"])
    node.http.submit("slow", {})
    node.http.json("POST", "/v1/jobs:batch", {"jobs": [low] * 500})
    wait_until("a job to be refused", lambda: node.http.request("POST", "/v1/jobs", low)[0] == 429)


def lose_one_after_the_other(prometheus, nodes):
    """Five voters, until two are left that take no jobs."""
    nodes[4].kill()
    for alert in ("TroupeNodeDown", "TroupeNodeSilent", "TroupeLinkDown", "TroupeFewerLossesSurvived"):
        prometheus.wait(alert, "troupe-five")
    nodes[3].kill()
    prometheus.wait("TroupeOneMoreLossStopsWrites", "troupe-five")
    nodes[2].kill()
    prometheus.wait("TroupeNoLeader", "troupe-five")
    stopping = threading.Event()

    def submit():
        while not stopping.is_set():
            with contextlib.suppress(OSError):
                nodes[0].http.request("POST", "/v1/jobs", {"pipeline": "good", "inputs": {}}, timeout=40)
    clients = [threading.Thread(target=submit, daemon=True) for _ in range(8)]
    for client in clients:
        client.start()
    for alert in ("TroupeNodeSeesNoLeader", "TroupeNodeNotReady", "TroupeHttpErrors", "TroupeHttpSlow"):
        prometheus.wait(alert, "troupe-five")
    stopping.set()
    for client in clients:
        client.join()


def take_out(node, through):
    """Drains and removes a node that lives on."""
    me = node.http.json("GET", "/v1/node")["id"]
    through.http.json("POST", f"/v1/nodes/{me}/drain", {})

    def removed():
        return through.http.request("DELETE", f"/v1/nodes/{me}")[0] == 200
    wait_until("it to be removed", removed, 60, 0.5)


def lead_from_elsewhere(nodes):
    """The first one cannot read all that the others can, so only one of them sees what holds the cluster back."""
    http, me = nodes[0].http, nodes[0].http.json("GET", "/v1/node")["id"]
    wait_until("five voters", lambda: http.json("GET", "/v1/cluster")["voters"] == 5, 60)
    http.json("POST", f"/v1/nodes/{me}/drain", {})
    wait_until("another one to lead", lambda: http.json("GET", "/v1/cluster")["leader"] not in (None, me), 60)
    wait_until("five voters", lambda: http.json("GET", "/v1/cluster")["voters"] == 5, 60)
    http.json("POST", f"/v1/nodes/{me}/resume", {})


def fill_up(prometheus, node, disk):
    node.http.put(b"nobody needs this")
    for step in range(8):  # a trend
        fill(disk, f"part{step}", (120 - step) << 20)
        time.sleep(2)
    prometheus.wait("TroupeDiskFillsUp", "troupe-disk")
    fill(disk, "most", 48 << 20)
    for alert in ("TroupeDiskNearlyFull", "TroupeCollectsForRoom"):
        prometheus.wait(alert, "troupe-disk", 150)
    fill(disk, "all", 3 << 20)
    prometheus.wait("TroupeDiskFull", "troupe-disk")


def clusters_of(folder, disk):
    """By the names of their scrape jobs; started, and ready where they should be."""
    pipelines = pathlib.Path(folder) / "pipelines"
    pipelines.mkdir()
    for name, (command, more) in PIPELINES.items():
        (pipelines / f"{name}.yaml").write_text(STAGE % (name, command, more))
    (pathlib.Path(folder) / "one.yaml").write_text(ONE_NODE)
    common = ["--slots", "1", "--pipelines", pipelines]

    def alone(*more, data=None):
        return [Node(*common, *more, data=data)]
    clusters = {"troupe-well": alone(), "troupe-work": alone("--set", "queue.limit=160"), "troupe-slow": alone(), "troupe-drained": alone(),
                "troupe-limit": alone("--set", f"scaling.policy={pathlib.Path(folder) / 'one.yaml'}", "--set", "scaling.every=1s"),
                "troupe-lame": alone("--set", "worker_program=/bin/false")}
    if disk:
        clusters["troupe-disk"] = alone("--set", "disk.keep_free=32MiB", "--set", "disk.ballast=16MiB", "--set", "journal.write_buffer=1MiB",
                                        "--set", "artifacts.grace=1min", "--set", "artifacts.grace_least=30s", data=disk / "data")
    clusters |= fleet_alarms.clusters(pathlib.Path(folder), common)
    five = ["--set", "cluster.voters=5", "--set", "node.domain=rack"]
    first = Node(*common, *five, "--set", "cluster.version_most=3")
    others = [Node(*common, *five, "--seed", f"127.0.0.1:{first.port}") for _ in range(5)]
    clusters["troupe-five"] = [first, *others]
    for nodes in clusters.values():
        for node in nodes:
            node.start(wait=node is not clusters["troupe-lame"][0])
    return clusters


def alerts_fire(check):
    """Each alert whose condition can be brought about does; none names the cluster that is well."""
    with tempfile.TemporaryDirectory(prefix="troupe-alarms-") as folder, small_disk(folder) as disk:
        clusters = clusters_of(folder, disk)
        slow = clusters["troupe-slow"][0].http.submit("slow", {})["id"]
        prometheus = Prometheus(clusters)
        try:
            prometheus.wait_scraped(sum(map(len, clusters.values())))
            for _ in range(20):
                clusters["troupe-well"][0].http.submit("good", {})
            drained = clusters["troupe-drained"][0]
            drained.http.json("POST", f"/v1/nodes/{drained.http.json('GET', '/v1/node')['id']}/drain", {})
            drained.http.json("POST", "/v1/queue/pause", {"reason": "to see the alert"})
            overload(clusters["troupe-work"][0])
            reach_limit(clusters["troupe-limit"][0])
            fleet_alarms.want_too_many(clusters["troupe-fleet"][0], pathlib.Path(folder))
            fleet_alarms.break_devices(clusters["troupe-devices"][0], pathlib.Path(folder))
            prometheus.wait("TroupeQueuePaused", "troupe-drained")
            for cluster, alerts in ALERTS_OF.items():
                for alert in alerts:
                    prometheus.wait(alert, cluster)
            five = clusters["troupe-five"]
            lead_from_elsewhere(five)
            for alert in ("TroupeVotersShareDomain", "TroupeVersionHeldBack"):
                prometheus.wait(alert, "troupe-five")
            voters = {one["id"] for one in five[0].http.json("GET", "/v1/nodes")["nodes"] if one["role"] in ("leader", "voter")}
            learner = next(node for node in five if node.http.json("GET", "/v1/node")["id"] not in voters)
            take_out(learner, next(node for node in five if node is not learner))
            prometheus.wait("TroupeNotAMember", "troupe-five")
            lose_one_after_the_other(prometheus, [node for node in five if node is not learner])
            if disk:
                fill_up(prometheus, clusters["troupe-disk"][0], disk)
            clusters["troupe-slow"][0].http.wait_final(slow, 200)
            prometheus.wait("TroupeJobsSlow", "troupe-slow")
            prometheus.wait("TroupeScalingBehind", "troupe-fleet", 700)  # ten minutes after it was the first time
            well = {alert for alert, cluster in prometheus.seen if cluster == "troupe-well"}
            for nodes in clusters.values():
                for node in nodes:
                    node.close()
            prometheus.wait("TroupeNoNodeAnswers", "")
        finally:
            prometheus.close()
        give_verdict(check, prometheus, well, disk)


def give_verdict(check, prometheus, well, disk):
    caused = prometheus.alerts - NOT_CAUSED - (set() if disk else DISK)
    fired = {alert for alert, _ in prometheus.seen}
    check.that("no alert names the cluster that is well", not well, ", ".join(sorted(well)) or "none", "none")
    for alert in sorted(caused):
        clusters = sorted(cluster or "all of them" for each, cluster in prometheus.seen if each == alert)
        check.that(f"{alert} fires", alert in fired, ", ".join(clusters) or "no")
