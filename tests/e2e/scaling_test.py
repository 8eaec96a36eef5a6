"""A real node whose cluster follows the load: nodes are ordered, replaced when they die, drained and given back; an operator overrules it.

    scaling_test.py TROUPE_PROGRAM [TEST...]
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cluster import Cluster, TestCase, wait_until

TROUPE = sys.argv.pop(1)
POLICY = """pool: test
limits: {min: 1, max: 3}
stabilise: {in: 4s}
rules:
  tasks: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}
"""


class FakePrometheus:
    """Answers instant queries with `results`, the samples of a vector, or not at all."""

    def __init__(self):
        self.results, self.asked = ["1"], []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                fake.asked.append(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["query"][0])
                found = [{"metric": {}, "value": [1, value]} for value in fake.results]
                body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": found}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


class ScalingTest(TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-scaling-"))
        self.go = self.folder / "go"
        (self.folder / "pipelines").mkdir()
        (self.folder / "policy.yaml").write_text(POLICY)
        (self.folder / "pipelines" / "hold.yaml").write_text(json.dumps({
            "name": "hold", "inputs": {}, "result": {},
            "stages": {"only": {"kind": "exec", "timeout": "5min", "program": {"command": ["sh", "-c", f"while [ ! -e {self.go} ]; do sleep 0.05; done"], "outputs": {}}}}}))
        own = ["--slots", "1", "--pipelines", self.folder / "pipelines"]
        self.cluster = Cluster(TROUPE, 1, [
            *own, "--set", "lease.duration=1s", "--set", "lease.heartbeat=300ms", "--set", "scaling.every=1s", "--set", f"scaling.policy={self.folder / 'policy.yaml'}", "--set",
            f"scaling.directory={self.folder / 'fleet'}", "--set",
            f"scaling.arguments=--slots,1,--pipelines,{self.folder / 'pipelines'},--set,lease.duration=1s,--set,lease.heartbeat=300ms"])
        self.addCleanup(self.end_ordered)
        self.addCleanup(self.cluster.close)
        self.node = self.cluster.start().nodes[0]
        wait_until("it to decide", lambda: self.status()["leads"])

    def end_ordered(self):
        for machine in self.ordered():
            with contextlib.suppress(OSError):
                os.kill(machine[1], signal.SIGKILL)

    def ordered(self):
        """Names and processes of the ordered nodes that run."""
        found = []
        for folder in (self.folder / "fleet").glob("*"):
            with contextlib.suppress(OSError, ValueError):
                pid = int((folder / "pid").read_text())
                if str(folder) in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                    found.append((folder.name, pid))
        return found

    def status(self):
        return self.node.json("GET", "/v1/scaling")

    def working(self):
        return sum(one["state"] == "active" and one["role"] != "joining" for one in self.node.json("GET", "/v1/nodes")["nodes"])

    def status_with_machine(self):
        shown = self.troupe("scale", "status").stdout
        return shown if self.ordered()[0][0] in shown else None

    def troupe(self, *words):
        return run(TROUPE, "--url", self.node.url, *words)

    def test_nodes_come_with_the_load_are_replaced_when_they_die_and_go_when_they_have_nothing_to_do(self):
        jobs = [self.node.submit("hold", {})["id"] for _ in range(3)]
        wait_until("three tasks to run at once", lambda: self.node.json("GET", "/v1/node")["jobs_running"] == 3, 60)
        before = dict(self.ordered())
        self.assertEqual(len(before), 2)
        killed = next(iter(before))
        os.kill(before[killed], signal.SIGKILL)
        wait_until("another one in its place", lambda: len(self.ordered()) == 2 and killed not in dict(self.ordered()), 60)
        wait_until("three tasks to run again", lambda: self.node.json("GET", "/v1/node")["jobs_running"] == 3 and self.working() >= 3, 60)
        wait_until("the loss to be told", lambda: "machine_lost" in [alarm["code"] for alarm in self.status()["alarms"]])  # after it was replaced
        self.go.touch()
        for job in jobs:
            self.assertEqual(self.node.wait_final(job)["state"], "succeeded")
        rows = [line.split(",") for line in self.troupe("scale", "record", "--for", "1h").stdout.splitlines()[1:]]
        self.assertEqual((len(rows), sum(int(row[1]) for row in rows)), (60, 3))
        wait_until("the first node to be alone", lambda: not self.ordered() and len(self.node.json("GET", "/v1/nodes")["nodes"]) == 1, 60)
        changes = [(one["from"], one["to"], one["reason"]) for one in self.status()["decisions"] if one["from"] != one["to"]]
        self.assertEqual({reason for was, now, reason in changes if now > was}, {"demand"})
        self.assertEqual({reason for was, now, reason in changes if now < was}, {"surplus"})

    def test_an_operator_overrules_the_policy_for_a_while_within_its_limits(self):
        refused = self.troupe("scale", "hold", "7", "--for", "1min")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("7 nodes: the policy 'policy' allows 1 to 3", refused.stderr)
        held = self.troupe("scale", "hold", "2", "--for", "1min")
        self.assertEqual(held.returncode, 0, held.stderr)
        wait_until("two nodes", lambda: self.working() == 2, 60)
        shown = wait_until("the machine to be shown", self.status_with_machine)
        self.assertIn("an operator holds it at 2 nodes", shown)
        released = self.troupe("scale", "release")
        self.assertEqual(released.returncode, 0, released.stderr)
        wait_until("one node", lambda: len(self.node.json("GET", "/v1/nodes")["nodes"]) == 1 and not self.ordered(), 60)

    def test_a_query_of_a_prometheus_is_a_metric_and_is_missing_when_its_answer_is_no_number(self):
        prometheus = FakePrometheus()
        self.addCleanup(prometheus.close)
        query = 'sum(rate(requests_total{job="web"}[1m]))'
        policy = self.folder / "query.yaml"
        policy.write_text("pool: test\nlimits: {min: 1, max: 3}\nstabilise: {out: 24h}\nrules:\n  web:\n    kind: target\n    metric: 'prometheus:" + query + "'\n    total: true\n    target: 10\n    period: 1s\n")
        words = ["--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s"]
        refused = run(TROUPE, "node", "--data", self.folder / "refused", "--listen", "127.0.0.1:0", *words)
        self.assertIn("so a Prometheus has to be named", refused.stderr)
        other = Cluster(TROUPE, 1, [*words, "--set", f"scaling.prometheus.url={prometheus.url}"]).start()
        self.addCleanup(other.close)

        def status():
            return other.nodes[0].json("GET", "/v1/scaling")

        def says():
            return (status().get("now") or {"said": [{}]})["said"][0]
        prometheus.results = ["25"]
        wait_until("the number", lambda: says().get("value") == "25" and says()["nodes"] == 3, 20)
        self.assertEqual(set(prometheus.asked), {query})
        for results, why in ((["NaN"], "the answer is NaN"), ([], "the answer has no series"), (["1", "2"], "the answer has 2 series")):
            prometheus.results = results
            wait_until(why, lambda: says()["says"] == "blind" and any(why in alarm["why"] for alarm in status()["alarms"] if alarm["code"] == "query_failed"), 20)
        self.assertIn("metric_missing", status()["now"]["alerts"])
        prometheus.results = ["5"]
        wait_until("it to see again", lambda: says().get("value") == "5" and not [alarm for alarm in status()["alarms"] if alarm["code"] == "query_failed"], 20)

    def test_what_nodes_have_to_do_is_measured_and_averaged(self):
        metrics = ("cpu_use", "memory_use", "connections", "requests_per_node")
        policy = self.folder / "loads.yaml"
        policy.write_text("pool: test\nlimits: {min: 1, max: 2}\nstabilise: {out: 24h, in: 24h}\nrules:\n" + "".join(
            f"  {metric}: {{kind: target, metric: {metric}, target: 1000000, period: 1s}}\n" for metric in metrics))
        three = Cluster(TROUPE, 3, ["--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s"]).start()
        self.addCleanup(three.close)

        def said():
            return {one["rule"]: one for one in (three.leader().json("GET", "/v1/scaling").get("now") or {"said": []})["said"]}
        wait_until("all four to be known", lambda: set(said()) == set(metrics) and all(one.get("value") for one in said().values()), 40)
        for _ in range(40):
            for node in three.nodes:
                node.json("GET", "/v1/jobs")
        wait_until("the requests to be seen", lambda: float(said()["requests_per_node"]["value"]) > 10, 40)
        for metric, most in (("cpu_use", 100), ("memory_use", 100), ("connections", 1000)):
            self.assertLessEqual(float(said()[metric]["value"]), most, metric)
        self.assertLess(0, float(said()["memory_use"]["value"]))
        self.assertLess(0, float(said()["connections"]["value"]))

    def test_what_waits_is_measured_by_class_with_how_long_it_has_waited(self):
        policy = self.folder / "queue.yaml"
        policy.write_text("pool: test\nlimits: {min: 1, max: 2}\nstabilise: {out: 24h, in: 24h}\nrules:\n"
                          "  age: {kind: target, metric: oldest_age, target: 1000000, period: 1s}\n"
                          "  best: {kind: target, metric: \"queue_depth:critical\", target: 1000000, period: 1s}\n")
        one = Cluster(TROUPE, 1, ["--slots", "1", "--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s"]).start()
        self.addCleanup(one.close)
        node = one.nodes[0]

        def said(rule):
            return next((float(each["value"]) for each in (node.json("GET", "/v1/scaling").get("now") or {"said": []})["said"] if each["rule"] == rule), None)
        wait_until("nothing to wait", lambda: said("age") == 0 and said("best") == 0)
        jobs = [node.submit("hold", {})["id"]]
        wait_until("it to run", lambda: node.json("GET", "/v1/node")["jobs_running"] == 1)
        began = time.time()
        jobs += [node.submit("hold", {}, priority=priority)["id"] for priority in ("high", "high", "low")]
        wait_until("three to wait for two seconds", lambda: said("best") == 2 and (said("age") or 0) >= 2)
        self.assertLess(said("age"), time.time() - began + 1)
        classes = {each["class"]: each for each in node.json("GET", "/v1/queue")["degradation"]["classes"]}
        self.assertEqual({name: each["tasks_ready"] for name, each in classes.items()}, {"background": 1, "normal": 0, "critical": 2})
        self.assertIsNone(classes["normal"]["oldest_since"])
        metrics = node.request("GET", "/metrics")[2].decode()
        self.assertIn('troupe_queue_class_tasks{class="critical"} 2', metrics)
        oldest = {name: float(value) for name, value in re.findall(r'^troupe_queue_oldest_timestamp_seconds\{class="(\w+)"\} (\S+)$', metrics, re.MULTILINE)}
        self.assertTrue(began - 0.001 <= oldest["critical"] <= oldest["background"] <= time.time(), oldest)
        self.assertNotEqual(oldest["normal"], oldest["normal"])  # NaN
        self.go.touch()
        for job in jobs:
            node.wait_final(job)
        wait_until("nothing to wait", lambda: said("age") == 0 and said("best") == 0)

    def test_what_is_wanted_before_the_provider_has_answered_is_no_runaway(self):
        policy, program, answers = (self.folder / name for name in ("guarded.yaml", "provider", "answers"))
        policy.write_text(POLICY.replace("min: 1, max: 3", "min: 2, max: 3, actions_per_hour: 2"))
        program.write_text(f"#!/bin/sh\ntest -e {answers}\n")
        program.chmod(0o755)
        one = Cluster(TROUPE, 1, ["--slots", "1", "--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s",
                                  "--set", "scaling.provider=exec", "--set", f"scaling.command={program}"]).start()
        self.addCleanup(one.close)
        node = one.nodes[0]

        def metric(series):
            text = node.request("GET", "/metrics")[2].decode()
            return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series + " ")), None)
        wait_until("the provider to be asked four times", lambda: (metric('troupe_scaling_provider_errors_total{call="list"}') or 0) >= 4)
        self.assertEqual(metric('troupe_scaling_alerts{code="runaway"}'), 0)
        self.assertEqual(metric('troupe_scaling_nodes{state="desired"}'), 2)
        answers.touch()
        wait_until("a node to be on order", lambda: metric('troupe_scaling_nodes{state="on_order"}') == 1)
        self.assertEqual(metric('troupe_scaling_alerts{code="runaway"}'), 0)

    def test_steps_and_holds_are_those_of_the_pool_whoever_leads(self):
        policy, program = self.folder / "resting.yaml", self.folder / "provider"
        policy.write_text(POLICY.replace("min: 1, max: 3", "min: 1, max: 6, changes_per_minute: 1") + "cooldown: {out: 10min}\n")
        program.write_text("#!/bin/sh\n")  # takes each order, and has nothing
        program.chmod(0o755)
        cluster = Cluster(TROUPE, 3, ["--slots", "1", "--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={policy}", "--set", "scaling.every=1s",
                                      "--set", "scaling.provider=exec", "--set", f"scaling.command={program}"])
        self.addCleanup(cluster.close)
        cluster.start()
        jobs = [cluster.nodes[0].submit("hold", {})["id"] for _ in range(6)]

        def decided(node):
            return [(one["from"], one["to"], one["reason"]) for one in node.json("GET", "/v1/scaling").get("decisions", [])]

        def steps(node):
            return [(was, now) for was, now, reason in decided(node) if reason == "demand"]

        def rests(node):
            return any(reason == "cooling_down" for _, _, reason in decided(node))
        first = cluster.leader()
        wait_until("the first owner to take a step, and to rest", lambda: steps(first) and rests(first))
        desired = first.json("GET", "/v1/scaling")["desired"]
        first.kill()
        second = cluster.leader()
        wait_until("the second owner to rest, too", lambda: rests(second))
        self.assertEqual((steps(second), decided(second)[0][0]), ([], desired))

        held = run(TROUPE, "--url", second.url, "scale", "hold", "5", "--for", "1h")
        self.assertEqual(held.returncode, 0, held.stderr)
        wait_until("the hold to take place", lambda: second.json("GET", "/v1/scaling")["now"]["text"].startswith("held at 5"))
        hold = second.json("GET", "/v1/scaling")["held"]
        first.start()
        cluster.wait_ready()
        cluster.wait_level()
        second.kill()
        third = cluster.leader()
        wait_until("the third owner to hold", lambda: third.json("GET", "/v1/scaling").get("held") == hold)
        self.go.touch()
        for job in jobs:
            self.assertEqual(third.wait_final(job)["state"], "succeeded")

    def test_a_policy_that_cannot_be_read_ends_the_start_and_says_where(self):
        (self.folder / "policy.yaml").write_text(POLICY.replace("max: 3", "max: three"))
        done = run(TROUPE, "node", "--data", self.folder / "other", "--listen", "127.0.0.1:0", "--pipelines", self.folder / "pipelines", "--set", f"scaling.policy={self.folder / 'policy.yaml'}")
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"scaling\.policy: .*policy\.yaml:2:\d+: ")

    def test_a_cluster_without_a_policy_says_so(self):
        other = Cluster(TROUPE, 1, ["--pipelines", self.folder / "pipelines"]).start()
        self.addCleanup(other.close)
        self.assertEqual(other.nodes[0].json("GET", "/v1/scaling"), {"policy": None, "leads": False})
        status, _, body = other.nodes[0].request("POST", "/v1/scaling/release")
        self.assertEqual(status, 409)
        self.assertIn("`scaling.policy` names no policy", json.loads(body)["detail"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
