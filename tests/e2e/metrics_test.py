"""What a real node says of itself in /metrics, and whether the alerts and the dashboard in deploy/ ask for nothing else.

    metrics_test.py TROUPE_PROGRAM [TEST...]

With promtool (Debian's package prometheus) in the PATH the alerts are tested, too.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from cluster import Cluster, TestCase, wait_until

TROUPE = sys.argv.pop(1)
DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
SERIES_MOST = 2000  # of a node, whatever it does
SERIES = re.compile(r'^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$')
NAME = re.compile(r"(?<![\w:])troupe_\w+\b(?!:)")  # and no recorded series, which has colons

STAGE = ("name: %s\ninputs: {}\nstages:\n  only: {kind: exec, program: {mode: once, command: [sh, -c, \"%s\"], outputs: {}}%s, "
         "retry: {attempts: 1, backoff: 100ms..100ms}}\nresult: {}\n")


# One node is all that there may be, so nothing is ordered.
POLICY = """pool: test
limits: {min: 1, max: 1}
rules:
  tasks: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}
"""


def install(folder):
    folder.mkdir()
    for name, command, more in (("good", "true", ""), ("bad", "exit 1", ""), ("parked", "true", ", requires: {labels: [nowhere]}")):
        (folder / f"{name}.yaml").write_text(STAGE % (name, command, more))


class Page:
    """/metrics, taken apart. Raises AssertionError for what Prometheus would not take or read otherwise than it is meant."""

    def __init__(self, text):
        self.types, self.values, helped = {}, {}, set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                helped.add(line.split(" ", 3)[2])
                assert len(line.split(" ", 3)[3]) > 4, line
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"two types of {name}"
                self.types[name] = kind
            else:
                found = SERIES.match(line)
                assert found, line
                self.add(found["name"], found["labels"] or "", float(found["value"]))
        assert helped == set(self.types)

    def add(self, name, labels, value):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        family = family if self.types.get(family) == "histogram" else name
        assert family in self.types, f"{name} stands before its type, or has none"
        assert (name, labels) not in self.values, f"{name}{{{labels}}} comes twice"
        assert (self.types[family] == "counter") == name.endswith("_total"), name
        self.values[name, labels] = value

    def names(self):
        return {name for name, _ in self.values} | set(self.types)

    def sum(self, name, labels=""):
        return sum(value for (each, with_), value in self.values.items() if each == name and labels in with_)

    def histograms(self):
        """Yields (name, labels without le, [(le, count)], count)."""
        for name in (name for name, kind in self.types.items() if kind == "histogram"):
            groups = {}
            for (each, labels), value in self.values.items():
                if each == name + "_bucket":
                    others = ",".join(label for label in labels.split(",") if not label.startswith("le="))
                    groups.setdefault(others, []).append((float(re.search(r'le="([^"]+)"', labels)[1]), value))
            for others, buckets in groups.items():
                yield name, others, buckets, self.values[name + "_count", others]


class NodesCase(TestCase):
    COUNT = 1

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pipelines = pathlib.Path(cls.folder.name) / "pipelines"
        install(pipelines)
        policy = pathlib.Path(cls.folder.name) / "policy.yaml"
        policy.write_text(POLICY)
        cls.cluster = Cluster(TROUPE, cls.COUNT, ["--slots", "2", "--pipelines", pipelines, "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s"]).start()
        cls.node = cls.cluster.nodes[0]

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.folder.cleanup()

    def text(self, node=None):
        return (node or self.node).request("GET", "/metrics")[2].decode()

    def page(self, node=None):
        return Page(self.text(node))


class MetricsTest(NodesCase):
    def test_each_histogram_is_whole(self):
        found = list(self.page().histograms())
        self.assertLess(3, len(found))
        for name, labels, buckets, count in found:
            with self.subTest(name=name, labels=labels):
                self.assertEqual(buckets, sorted(buckets))
                self.assertEqual(buckets[-1], (float("inf"), count))

    def test_ends_of_jobs_are_counted_with_their_times(self):
        before = self.page()
        for _ in range(3):
            self.node.wait_final(self.node.submit("good", {})["id"])
        self.assertEqual(self.node.wait_final(self.node.submit("bad", {})["id"])["state"], "dead")
        parked = self.node.submit("parked", {})["id"]
        self.node.json("POST", f"/v1/jobs/{parked}/cancel", {"reason": "a test"})
        self.node.wait_final(parked)

        def grown(name, labels=""):
            return self.page().sum(name, labels) - before.sum(name, labels)
        wait_until("all five to be counted", lambda: grown("troupe_jobs_ended_total") == 5, 5)
        for state, count in (("succeeded", 3), ("dead", 1), ("cancelled", 1), ("failed", 0)):
            self.assertEqual(grown("troupe_jobs_ended_total", f'"{state}"'), count, state)
        self.assertEqual(grown("troupe_job_seconds_count"), 3)
        self.assertEqual(grown("troupe_job_wait_seconds_count"), 4)  # the cancelled one had no attempt
        self.assertEqual(grown("troupe_job_seconds_bucket", 'le="600"'), 3)

    def test_decisions_about_the_number_of_nodes_are_counted(self):
        wait_until("it to decide", lambda: self.page().sum("troupe_scaling_decides") == 1, 20)
        before = self.page()
        self.assertEqual(before.sum("troupe_scaling_nodes", '"ready"'), 1)
        self.assertEqual(before.sum("troupe_scaling_nodes", '"desired"'), 1)
        wait_until("another decision", lambda: self.page().sum("troupe_scaling_decisions_total") > before.sum("troupe_scaling_decisions_total"), 20)
        codes = {re.search(r'code="(\w+)"', labels)[1] for name, labels in self.page().values if name == "troupe_scaling_alerts"}
        self.assertEqual(codes, {"metric_missing", "runaway", "at_max_long", "at_min_long", "provider_behind"})
        self.node.json("POST", "/v1/scaling/hold", {"nodes": 1, "for_ms": 60_000})
        self.assertEqual(self.page().sum("troupe_scaling_held"), 1)
        self.node.json("POST", "/v1/scaling/release", {})
        self.assertEqual(self.page().sum("troupe_scaling_held"), 0)

    def test_no_load_makes_a_new_series(self):
        wait_until("it to decide", lambda: self.page().sum("troupe_scaling_decides") == 1, 20)
        before = set(self.page().values)
        for pipeline in ("good", "bad"):
            self.node.wait_final(self.node.submit(pipeline, {})["id"])
        self.node.put(b"something")
        for method, path in (("GET", "/v1/nothing"), ("GET", "/v1/jobs/0000000000000000"), ("PATCH", "/v1/jobs"), ("GET", "/v1/cluster"), ("GET", "/")):
            self.node.request(method, path)
        self.assertEqual(set(self.page().values), before)

    def test_a_node_of_the_most_shards_has_few_series(self):
        wide = self.cluster.another("wide")
        wide.options += ["--set", "cluster.shards=64"]
        wide.start()
        self.cluster.wait_ready([wide])
        self.assertLess(len(self.page(wide).values), SERIES_MOST)
        wide.close()

    def test_alerts_and_dashboard_ask_for_what_is_there(self):
        equipped = self.cluster.another("equipped")
        equipped.options += ["--set", "devices.simulated=a:256MiB", "--set", "devices.reserve=64MiB"]
        equipped.start()
        self.cluster.wait_ready([equipped])
        there = self.page(equipped).names()
        equipped.close()
        self.assertEqual({name for name in there - self.page().names() if not name.startswith("troupe_device_")}, set())
        rules = (DEPLOY / "prometheus" / "troupe.rules.yml").read_text()
        dashboard = (DEPLOY / "grafana" / "troupe.json").read_text()
        recorded = set(re.findall(r"- record: (\S+)", rules))
        for text in (rules, dashboard):
            asked = set(NAME.findall(text))
            self.assertLess(15, len(asked))
            self.assertEqual(asked - there, set())
            self.assertEqual(set(re.findall(r"\b\w+:troupe_\w+:\w+", text)) - recorded, set())
        codes = {re.search(r'code="(\w+)"', labels)[1] for name, labels in self.page().values if name == "troupe_cluster_alarms"}
        self.assertEqual(set(re.findall(r'alarms\{code="(\w+)"', rules)), codes)  # each alarm of the cluster is an alert

    def test_each_panel_stands_in_its_own_place(self):
        panels = json.loads((DEPLOY / "grafana" / "troupe.json").read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_finds_nothing_wrong(self):
        def told(*words, **more):
            done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=120, check=False, **more)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout + done.stderr
        self.assertEqual(told("check", "metrics", input=self.text()), "")
        told("check", "config", DEPLOY / "prometheus" / "prometheus.yml")
        told("check", "rules", DEPLOY / "prometheus" / "troupe.rules.yml")
        told("test", "rules", DEPLOY / "prometheus" / "troupe.rules.test.yml")


class ClusterMetricsTest(NodesCase):
    COUNT = 3

    def test_one_node_counts_a_job_and_all_know_the_queue(self):
        jobs = [self.cluster.nodes[number % 3].submit("good", {})["id"] for number in range(12)]
        for job in jobs:
            self.node.wait_final(job)
        parked = self.node.submit("parked", {})["id"]

        def pages():
            return [self.page(node) for node in self.cluster.nodes]
        wait_until("twelve to be counted", lambda: sum(page.sum("troupe_jobs_ended_total") for page in pages()) == 12, 10)
        wait_until("all to know of the one that waits", lambda: all(page.sum("troupe_queue_tasks") == 1 for page in pages()), 10)
        self.assertEqual(sum(page.sum("troupe_shard_leads") for page in pages()), 1)
        self.node.json("POST", f"/v1/jobs/{parked}/cancel", {"reason": "a test"})

    def test_the_leader_says_that_a_node_is_silent(self):
        leader = self.cluster.leader()
        other = self.cluster.followers()[0]
        other.kill()
        wait_until("the alarm", lambda: self.page(leader).sum("troupe_cluster_alarms", '"node_silent"') == 1, 30)
        self.assertEqual(self.page(leader).sum("troupe_cluster_losses_survived"), 0)
        other.start()
        wait_until("the end of the alarm", lambda: self.page(leader).sum("troupe_cluster_alarms") == 0, 60)
        self.cluster.wait_ready()


if __name__ == "__main__":
    unittest.main(verbosity=2)
