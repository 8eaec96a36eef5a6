"""An operator pauses the queue of real nodes, and what is paused does not start, whatever becomes of the nodes meanwhile.

    queue_test.py TROUPE_PROGRAM [TEST...]

That nothing starts is shown with other jobs, which are submitted later and end while the paused ones still wait.
"""
import json
import subprocess
import unittest
import uuid

from cluster import wait_until
from cluster_test import TROUPE, ClusterCase


class QueueCase(ClusterCase):
    def troupe(self, at, *words):
        return subprocess.run([TROUPE, "--url", f"http://{at.address}", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=60, check=False)

    def pauses(self, at):
        return [(pause["pipeline"], pause["reason"]) for pause in at.json("GET", "/v1/queue")["pauses"]]

    def others_pass_by(self, at, waiting):
        """Later jobs of another pipeline are done, and these have not begun."""
        for _ in range(2):
            self.assertEqual(at.wait_final(at.submit("film-node1", {"number": 1})["id"])["state"], "succeeded")
        for job in waiting:
            found = at.job(job)
            self.assertEqual((found["state"], found["stages"][0]["attempts"]), ("queued", 0))


class OneNodeTest(QueueCase):
    COUNT = 1

    def test_a_paused_job_waits_through_a_crash_and_is_done_after_the_resume(self):
        node = self.cluster.nodes[0]
        paused = self.troupe(node, "--json", "queue", "pause", "echo", "--reason", "the model is replaced")
        self.assertEqual(paused.returncode, 0, paused.stderr)
        self.assertIn("pipeline echo is paused: no task of it starts until `troupe queue resume echo`", paused.stderr)
        since = json.loads(paused.stdout)["pauses"][0]["since"]
        status, _, body = node.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 5}})
        self.assertEqual(status, 202)
        job = json.loads(body)["id"]
        self.others_pass_by(node, [job])
        why = f"its pipeline was paused by an operator at {since[:19]}Z: the model is replaced"
        self.assertEqual(node.job(job)["stages"][0]["reason"], why)
        self.assertIn(why, self.troupe(node, "job", job).stdout)
        self.assertIn("echo (paused)", self.troupe(node, "jobs").stdout)

        node.kill()
        node.start()
        self.cluster.wait_ready()
        self.assertEqual(self.pauses(node), [("echo", "the model is replaced")])
        shown = self.troupe(node, "queue")
        self.assertRegex(shown.stdout, rf"echo +{since} +1 +1 +the model is replaced")
        self.others_pass_by(node, [job])
        metrics = node.request("GET", "/metrics")[2].decode()
        for line in ("troupe_queue_pauses 1", "troupe_queue_tasks 0", "troupe_queue_tasks_paused 1", "troupe_jobs_paused 1"):
            self.assertIn(f"\n{line}\n", metrics)

        self.assertIn("1 are paused", self.troupe(node, "top", "--once").stdout)
        resumed = self.troupe(node, "queue", "resume", "echo")
        self.assertEqual((resumed.returncode, resumed.stderr), (0, "troupe: pipeline echo goes on\n"))
        self.assertEqual(node.wait_final(job)["result"], {"number": 5})
        self.assertIn("pipeline echo was not paused", self.troupe(node, "queue", "resume", "echo").stderr)
        self.assertIn("queue_paused why=\"pipeline echo, by an operator: the model is replaced\"", node.log)

    def test_what_runs_goes_on_while_everything_is_paused(self):
        node = self.cluster.nodes[0]
        job = node.submit("steps-node1", {"number": 6})["id"]
        next(event for event in node.job_events(job) if event[1] == "attempt_started")
        self.assertEqual(self.troupe(node, "queue", "pause").returncode, 0)
        first_ended = wait_until("a stage to end", lambda: next((s for s in node.job(job)["stages"] if s["state"] == "done"), None))
        self.assertEqual(first_ended["attempts"], 1)
        waiting = wait_until("the next one to wait", lambda: next((s for s in node.job(job)["stages"] if s["state"] == "ready"), None))
        self.assertTrue(waiting["reason"].startswith("the whole queue was paused by an operator at "), waiting["reason"])
        self.assertEqual(node.view()["tasks_ready"], 0)
        self.assertEqual(self.troupe(node, "queue", "resume").returncode, 0)
        self.assertEqual(node.wait_final(job)["result"], {"number": 6})

    def test_a_slip_of_the_finger_is_refused_and_a_long_reason_too(self):
        node = self.cluster.nodes[0]
        unknown = self.troupe(node, "--json", "queue", "pause", "ehco")
        self.assertEqual(unknown.returncode, 4)
        self.assertIn("there is no pipeline 'ehco'", json.loads(unknown.stdout)["error"]["detail"])
        self.assertEqual(self.troupe(node, "queue", "pause", "echo", "--reason", "x" * 201).returncode, 4)
        self.assertEqual(self.pauses(node), [])


class ThreeNodesTest(QueueCase):
    def test_a_pause_outlives_the_leader_that_took_it(self):
        leader = self.cluster.leader()
        follower = self.cluster.followers()[0]
        self.assertEqual(self.troupe(follower, "queue", "pause", "echo").returncode, 0)
        job = follower.submit("echo", {"number": 7})["id"]
        is_first = leader is self.cluster.nodes[0]
        leader.kill()
        new = self.cluster.leader()
        self.assertIsNot(new, leader)
        if is_first:  # the films are made there
            leader.start()
        self.cluster.wait_ready()
        for node in self.cluster.live():
            self.assertEqual(self.pauses(node), [("echo", "")])
        self.others_pass_by(new, [job])
        self.assertEqual(self.troupe(self.cluster.live()[-1], "queue", "resume", "echo").returncode, 0)
        self.assertEqual(new.wait_final(job)["result"], {"number": 7})
        if not is_first:
            leader.start()
        self.cluster.wait_ready()
        wait_until("it to know that nothing is paused any more", lambda: self.pauses(leader) == [])


class FourShardsTest(QueueCase):
    COUNT = 1

    @classmethod
    def prepare(cls):
        cls.cluster.nodes[0].options += ["--set", "cluster.shards=4"]

    def test_a_pause_is_one_of_all_shards(self):
        node = self.cluster.nodes[0]
        self.assertEqual(self.troupe(node, "queue", "pause", "echo", "--reason", "why").returncode, 0)
        jobs = [node.submit("echo", {"number": number}, str(uuid.uuid4()))["id"] for number in range(24)]
        self.assertEqual({(int(job, 16) >> 52) // 1024 for job in jobs}, {0, 1, 2, 3})
        self.others_pass_by(node, jobs)
        (pause,) = node.json("GET", "/v1/queue")["pauses"]
        self.assertEqual((pause["pipeline"], pause["tasks"], pause["jobs"]), ("echo", 24, 24))
        self.assertEqual(node.view()["tasks_paused"], 24)
        self.assertEqual(self.troupe(node, "queue", "resume", "echo").returncode, 0)
        for number, job in enumerate(jobs):
            self.assertEqual(node.wait_final(job)["result"], {"number": number})


if __name__ == "__main__":
    unittest.main(verbosity=2)
