"""Three real nodes whose cluster has several shards are one service like any other.

    shards_test.py TROUPE_PROGRAM [TEST...]
"""
import contextlib
import json
import re
import subprocess
import time
import unittest
import urllib.parse
import uuid

from cluster import FINAL, Failed, wait_until
from cluster_test import TROUPE, ClusterCase, figure


class ShardsCase(ClusterCase):
    SHARDS = 0

    @classmethod
    def prepare(cls):
        cls.cluster.nodes[0].options += ["--set", f"cluster.shards={cls.SHARDS}"]  # who joins learns it

    def leaders(self, node):
        """By shard, as this node knows them; None while it does not answer."""
        view = node.view()
        return [shard["leader"] for shard in view["shards"]] if view else None

    def spread(self, nodes=None):
        """Who should lead which shard: the voters in turn, by id. The three nodes all vote."""
        ids = sorted(node.id for node in nodes or self.cluster.nodes)
        return [ids[shard % len(ids)] for shard in range(self.SHARDS)]

    def wait_spread(self, seconds=60):
        wait_until("the leaders to be spread", lambda: all(self.leaders(node) == self.spread() for node in self.cluster.nodes), seconds)

    def shard_of(self, job):
        return (int(job, 16) >> 52) * self.SHARDS // 4096

    def accepted_after(self, load, moment):
        """When each shard had acknowledged a submission that was begun after a moment; None as long as one has not."""
        with load.lock:
            after = [(self.shard_of(job), answered) for job, _, begun, answered, _ in load.acknowledged.values() if begun > moment]
        firsts = [min((answered for of, answered in after if of == shard), default=None) for shard in range(self.SHARDS)]
        return None if None in firsts else max(firsts)

    def paged(self, node, limit, query=""):
        """All jobs in the order of the pages."""
        found, cursor = [], ""
        while True:
            page = node.json("GET", f"/v1/jobs?limit={limit}{query}" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            self.assertLessEqual(len(page["jobs"]), limit)
            found += page["jobs"]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found


class FourShardsTest(ShardsCase):
    SHARDS, OPTIONS = 4, ["--set", "journal.compact_every=100"]

    def test_1_every_node_has_all_shards_and_leaders_are_spread(self):
        began = time.monotonic()
        self.wait_spread()
        figure("the leaders of 4 shards are spread after", time.monotonic() - began)
        for node in self.cluster.nodes:
            roles = [shard["role"] for shard in node.view()["shards"]]
            self.assertEqual(roles.count("leader"), self.leaders(node).count(node.id))
            self.assertEqual(len(roles), 4)
        self.assertIn("leadership_handed_over", "".join(node.log for node in self.cluster.nodes))

    def test_2_jobs_of_all_shards_are_read_on_every_node_and_listed_in_order(self):
        jobs = {}
        for number in range(32):
            node = self.cluster.nodes[number % 3]
            jobs[node.submit("echo", {"number": number}, str(uuid.uuid4()) if number % 2 else None)["id"]] = number
        self.assertEqual({self.shard_of(job) for job in jobs}, {0, 1, 2, 3})
        for job, number in jobs.items():
            self.assertEqual(self.cluster.nodes[(number + 1) % 3].wait_final(job)["result"], {"number": number})
        self.cluster.wait_level()
        for node in self.cluster.nodes:
            listed = self.paged(node, 5)
            ids = [job["id"] for job in listed]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertLessEqual(set(jobs), set(ids))
            times = [job["created_at"] for job in listed]
            self.assertEqual(times, sorted(times, reverse=True))
            self.assertEqual({job["id"] for job in self.paged(node, 3, "&state=failed")}, set())

    def test_3_a_key_is_known_on_every_node(self):
        first, second, third = self.cluster.nodes
        for _ in range(8):
            key = str(uuid.uuid4())
            job = first.submit("echo", {"number": 7}, key)["id"]
            status, headers, body = second.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 7}}, {"Idempotency-Key": key})
            self.assertEqual((status, headers.get("idempotency-replayed"), json.loads(body)["id"]), (202, "true", job))
            status, _, body = third.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 8}}, {"Idempotency-Key": key})
            self.assertEqual((status, json.loads(body)["code"]), (409, "conflict"))

    def test_4_events_go_on_at_another_node(self):
        first, second, third = self.cluster.nodes
        for _ in range(4):
            job = first.submit("steps-node3", {"number": 2})["id"]
            seen = []
            for id_, type_, _ in second.job_events(job):
                if id_:
                    seen.append((int(id_), type_))
                if len(seen) == 4:
                    break
            seen += [(int(id_), type_) for id_, type_, _ in third.job_events(job, after=seen[-1][0]) if id_]
            self.assertEqual([id_ for id_, _ in seen], list(range(1, len(seen) + 1)))
            self.assertIn(seen[-1][1], FINAL)

    def test_5_a_node_is_killed_under_load(self):
        self.wait_spread()
        with self.under_load() as load:
            wait_until("some load", lambda: load.count() >= 20)
            victim = self.cluster.nodes[1]
            victim.kill()
            struck = time.monotonic()
            answered = wait_until("writes to be accepted in all shards", lambda: self.accepted_after(load, struck), 15)
            figure("kill -9 of a leader of some shards: writes are accepted again in all shards after", answered - struck)
            enough = load.count() + 30
            wait_until("more load", lambda: load.count() >= enough)
            victim.start()
            self.cluster.wait_ready([victim])
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
        self.examine(load)
        self.assertEqual({self.shard_of(entry[0]) for entry in load.acknowledged.values()}, {0, 1, 2, 3})
        known = {entry[0] for entry in load.acknowledged.values()}
        self.assertLessEqual(known, {job["id"] for job in self.paged(self.cluster.nodes[2], 7)})

    def test_6_a_node_is_drained_in_all_shards_under_load_and_resumed(self):
        node = self.cluster.nodes[2]
        other = self.cluster.nodes[0]
        member = lambda: next(one for one in other.json("GET", "/v1/nodes")["nodes"] if one["id"] == node.id)
        with self.under_load() as load:
            wait_until("some load", lambda: load.count() >= 10)
            other.json("POST", f"/v1/nodes/{node.id}/drain")
            wait_until("it to be drained", lambda: member()["state"] == "drained")
            self.assertEqual(member()["tasks"], 0)
            self.assertNotIn(node.id, self.leaders(other))
            enough = load.count() + 10
            wait_until("more load", lambda: load.count() >= enough)
            self.assertEqual([slot["task"] for slot in node.view()["slots"]], [None, None])
            other.json("POST", f"/v1/nodes/{node.id}/resume")
            self.assertEqual(member()["state"], "active")
        self.examine(load)

    def test_7_another_number_of_shards_is_refused(self):
        stranger = self.cluster.another("stranger", [self.cluster.nodes[0].address])
        stranger.options += ["--set", "cluster.shards=8"]
        self.assertEqual(stranger.start().ended(), 5)
        self.assertIn("8 are wanted, and the cluster has had 4 since it was begun", stranger.log)
        node = self.cluster.nodes[2]
        self.assertEqual(node.stop(), 0)
        options = list(node.options)
        node.options += ["--set", "cluster.shards=1"]
        self.assertEqual(node.start().ended(), 7)
        self.assertIn("1 are wanted, and the cluster has had 4 since it was begun", node.log)
        node.options = options
        node.start()
        self.cluster.wait_ready()

    def test_8_a_backup_has_all_shards_and_a_survivor_goes_on_with_all_of_them(self):
        jobs = set()
        while len({self.shard_of(job) for job in jobs}) < 4:
            jobs.add(self.cluster.nodes[0].submit("echo", {"number": len(jobs)})["id"])
        backup = self.cluster.folder / "backup"
        about = self.told("--url", self.cluster.nodes[1].url, "backup", "-o", backup)
        self.assertEqual(len(about["indexes"]), 4)
        self.assertEqual(self.told("backup", "verify", backup), about)
        restored = self.cluster.another("restored")
        self.told("restore", backup, "--data", restored.data)
        restored.start()
        self.cluster.wait_ready([restored])
        self.assertLessEqual(jobs, {job["id"] for job in self.paged(restored, 50)})
        for job in jobs:
            self.assertEqual(restored.wait_final(job)["state"], "succeeded")
        self.assertEqual(len(restored.view()["shards"]), 4)
        restored.kill()
        found = self.told("recover", "--unsafe", "--yes", "--data", restored.data)
        self.assertEqual([shard["voters"] for shard in found["shards"]], [[found["node"]]] * 4)
        restored.start()
        self.cluster.wait_ready([restored])
        self.assertLessEqual(jobs, {job["id"] for job in self.paged(restored, 50)})

    def has(self, node, jobs):
        with contextlib.suppress(Failed):  # while a state is put in its place there is nothing to read
            return jobs <= {job["id"] for job in self.paged(node, 500)}
        return False

    def told(self, *words):
        done = subprocess.run([TROUPE, "--json", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_9_metrics_name_each_shard(self):
        text = self.cluster.nodes[0].request("GET", "/metrics")[2].decode()
        for shard in range(4):
            self.assertIn(f'troupe_shard_applied_index{{shard="{shard}"}}', text)

    def test_9_metrics_count_actors_and_jobs_leave_none_behind(self):
        node = self.cluster.nodes[0]

        def actors():
            return float(re.search(r"^troupe_actors (\S+)", node.request("GET", "/metrics")[2].decode(), re.M)[1])
        before = actors()
        self.assertGreater(before, 4)  # a shard is one, and there are four
        for number in range(20):
            node.wait_final(node.submit("echo", {"number": number})["id"])
        wait_until("as many actors as before", lambda: actors() <= before)

    def test_z_a_node_that_joins_late_gets_the_state_of_every_shard(self):
        number = 0
        while min(shard["applied"] for shard in self.cluster.nodes[0].view()["shards"]) < 250:
            self.cluster.nodes[0].submit("echo", {"number": (number := number + 1)})
        jobs = {job["id"] for job in self.paged(self.cluster.nodes[0], 500)}
        late = self.cluster.another("late", [self.cluster.nodes[0].address]).start()
        self.cluster.wait_ready([late])
        wait_until("all jobs to be there", lambda: self.has(late, jobs))
        for shard in range(4):
            self.assertIn(f"snapshot_fetched shard={shard} ", late.log)
        wait_until("it to belong to all shards", lambda: [shard["role"] for shard in late.view()["shards"]] == ["learner"] * 4)
        self.assertEqual(late.wait_final(late.submit("echo", {"number": 1})["id"])["state"], "succeeded")


class SixteenShardsTest(ShardsCase):
    SHARDS = 16

    def test_a_node_is_killed_under_load(self):
        with self.under_load() as load:
            wait_until("some load", lambda: load.count() >= 40)
            victim = self.cluster.nodes[0]
            victim.kill()
            struck = time.monotonic()
            wait_until("writes to be accepted in all shards", lambda: self.accepted_after(load, struck), 30)
            victim.start()
            self.cluster.wait_ready([victim])
        self.examine(load)
        began = time.monotonic()
        self.wait_spread()
        figure("the leaders of 16 shards are spread after", time.monotonic() - began)


if __name__ == "__main__":
    unittest.main(verbosity=2)
