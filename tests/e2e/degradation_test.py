"""Real nodes at their limit: jobs hear how long they will wait, the worst ones feel it first, critical ones are taken, and all goes back.

    degradation_test.py TROUPE_PROGRAM [TEST...]

A job takes a second until the file `fast` is there; one that holds its slot ends when the file `go` is there.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from cluster import Cluster, TestCase, wait_until

TROUPE = sys.argv.pop(1)
POLICY = """pool: test
limits: {min: 1, max: NODES}
rules:
  tasks: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}
degrade:
  later: {above: 6s}
  cheaper: {above: 8s}
  refuse: {above: 20s}
  after: 2s
  hold: 2s
"""
LOW, NORMAL, HIGH = "low", "normal", "high"


class DegradationCase(TestCase):
    COUNT = 1

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-degradation-"))
        self.go, self.fast = self.folder / "go", self.folder / "fast"
        (self.folder / "pipelines").mkdir()
        (self.folder / "policy.yaml").write_text(POLICY.replace("NODES", str(self.COUNT)))
        self.install("hold", f"while [ ! -e {self.go} ]; do sleep 0.05; done")
        self.install("second", f"[ -e {self.fast} ] || sleep 1", {"size": {"type": "integer", "default": 1080}}, {"size": 360})
        self.cluster = Cluster(TROUPE, self.COUNT, [
            "--slots", "1", "--pipelines", self.folder / "pipelines", "--set", "lease.duration=1s", "--set", "lease.heartbeat=300ms", "--set", "queue.ageing=1s",
            "--set", "scaling.every=1s", "--set", f"scaling.policy={self.folder / 'policy.yaml'}", "--set", f"scaling.directory={self.folder / 'fleet'}"])
        self.addCleanup(self.cluster.close)
        self.node = self.cluster.start().nodes[0]
        for _ in range(3):
            self.assertEqual(self.node.wait_final(self.node.submit("second", {})["id"])["state"], "succeeded")

    def install(self, name, script, inputs=None, cheaper=None):
        pipeline = {"name": name, "inputs": inputs or {}, "result": {}, "stages": {"only": {
            "kind": "exec", "timeout": "5min", "program": {"command": ["sh", "-c", script], "outputs": {}}}}}
        if cheaper:
            pipeline["cheaper"] = cheaper
        (self.folder / "pipelines" / f"{name}.yaml").write_text(json.dumps(pipeline))

    def submit(self, priority, pipeline="second", at=None, **more):
        status, headers, body = (at or self.node).request("POST", "/v1/jobs", {"pipeline": pipeline, "inputs": {}, "priority": priority, **more})
        return status, headers, json.loads(body)

    def taken(self, priority, pipeline="second", at=None, **more):
        status, _, job = self.submit(priority, pipeline, at, **more)
        self.assertEqual(status, 202, job)
        return job

    def degradation(self, at=None):
        return (at or self.node).json("GET", "/v1/queue")["degradation"]

    def measures(self, at=None):
        return {one["class"]: one["measure"] for one in self.degradation(at)["classes"]}

    def wait_level(self, level, at=None, seconds=60):
        wait_until(f"level {level}", lambda: self.degradation(at)["level"] == level, seconds)

    def hold_all_slots(self):
        """@returns the jobs that do."""
        jobs = [self.taken(HIGH, "hold")["id"] for _ in range(self.COUNT)]
        wait_until("all slots to be taken", lambda: self.node.json("GET", "/v1/node")["jobs_running"] == self.COUNT)
        return jobs

    def end_all(self, jobs):
        self.fast.touch()
        self.go.touch()
        for job in jobs:
            self.assertEqual(self.node.wait_final(job)["state"], "succeeded")


class OneNodeTest(DegradationCase):
    def metric(self, line):
        return f"\n{line}\n" in self.node.request("GET", "/metrics")[2].decode()

    def steps(self):
        found = self.node.json("GET", "/v1/cluster")["decisions"]
        return [one["what"] for one in found if one["what"].startswith("degradation_")]

    def test_the_worst_jobs_feel_the_limit_first_and_all_goes_back_when_it_is_over(self):
        self.assertEqual(self.taken(NORMAL)["expected_wait_ms"], 0)
        jobs = self.hold_all_slots()
        waits = [self.taken(LOW).get("expected_wait_ms") for _ in range(9)]
        self.assertEqual(waits, sorted(waits))
        self.assertGreaterEqual(waits[-1], 9000)  # eight before it and its own place, a second each
        self.wait_level(2)
        self.assertEqual(self.measures(), {"background": "cheaper", "normal": "none", "critical": "none"})
        self.assertIn("level 2", subprocess.run([TROUPE, "--url", self.node.url, "scale", "status"], capture_output=True, text=True, timeout=60, check=False).stdout)

        offered, used = self.taken(LOW), self.taken(LOW, accept_cheaper=True)
        self.assertEqual((offered["degraded"], offered["cheaper_inputs"], offered["inputs"]), ("cheaper", "offered", {"size": 1080}))
        self.assertEqual((used["degraded"], used["cheaper_inputs"], used["inputs"]), ("cheaper", "used", {"size": 360}))
        low = [offered["id"], used["id"], *(self.taken(LOW)["id"] for _ in range(10))]
        self.wait_level(3)
        status, headers, refused = self.submit(LOW)
        self.assertEqual((status, refused["code"]), (429, "degraded"))
        self.assertGreaterEqual(int(headers["retry-after"]), 20)
        self.assertIn("takes no background jobs", refused["detail"])
        critical, normal = self.taken(HIGH), self.taken(NORMAL)
        for job in (critical, normal):
            self.assertNotIn("degraded", job)
            self.assertLess(job["expected_wait_ms"], 6000)
        for line in ("troupe_degradation_level 3", 'troupe_jobs_degraded_total{class="background",measure="refused"} 1', 'troupe_jobs_degraded_total{class="background",measure="cheaper"} 1'):
            self.assertTrue(self.metric(line), line)

        self.end_all([*jobs, *low, critical["id"], normal["id"]])
        began = {job: self.node.job(job)["started_at"] for job in (*low, normal["id"])}
        # The low ones had waited six seconds more, which is six priorities: without the level they would have gone first.
        self.assertTrue(all(began[normal["id"]] <= began[job] for job in low), began)
        self.wait_level(0)
        self.assertNotIn("degraded", self.taken(LOW))
        self.assertEqual(self.steps(), ["degradation_raised"] * 3 + ["degradation_lowered"] * 3)


class ThreeNodesTest(DegradationCase):
    COUNT = 3

    def test_all_nodes_refuse_alike_and_go_on_so_under_another_leader(self):
        self.hold_all_slots()
        jobs = [self.taken(LOW)["id"] for _ in range(72)]
        for node in self.cluster.nodes:
            self.wait_level(3, node)
            self.assertEqual(self.submit(LOW, at=node)[0], 429)
            jobs.append(self.taken(NORMAL, at=node)["id"])
        killed = self.cluster.leader()
        killed.kill()
        leader = self.cluster.leader()
        self.node = leader
        status, _, refused = self.submit(LOW, at=leader)
        self.assertEqual((status, refused["code"]), (429, "degraded"))
        wait_until("the new leader to decide", lambda: leader.json("GET", "/v1/scaling")["leads"])
        self.end_all(jobs)
        for node in self.cluster.live():
            self.wait_level(0, node)
            self.assertNotIn("degraded", self.taken(LOW, at=node))


if __name__ == "__main__":
    unittest.main(verbosity=2)
