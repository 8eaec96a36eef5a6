"""Four real nodes, three of which vote: nodes are drained, taken out, replaced and restarted under load.

    nodes_test.py TROUPE_PROGRAM [TEST...]
"""
import shutil
import subprocess
import time
import unittest

from cluster import Load, wait_until
from cluster_test import TROUPE, ClusterCase, figure


class NodesTest(ClusterCase):
    COUNT, OPTIONS = 4, ["--set", "cluster.replace_after=5s"]

    def setUp(self):
        super().setUp()
        for node in self.cluster.nodes:
            if self.member(node)["state"] != "active":
                self.tell("resume", node)
        wait_until("three voters and a learner", lambda: self.cluster.voters() == 3)

    def member(self, node, seen_by=None):
        views = (seen_by or self.cluster.leader()).json("GET", "/v1/nodes")["nodes"]
        return next((view for view in views if view["address"] == node.address), None)

    def troupe(self, at, *words, seconds=60):
        return subprocess.run([TROUPE, "--url", f"http://{at.address}", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds,
                              check=False)

    def tell(self, what, node, *options, seen_by=None):
        """@returns what the command said to the person in front."""
        done = self.troupe(seen_by or next(other for other in self.cluster.live() if other is not node), "node", what, node.address, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def learner(self):
        return next(node for node in self.cluster.live() if self.member(node)["role"] == "learner")

    def voter(self):
        return next(node for node in self.cluster.followers() if self.member(node)["role"] == "voter")

    def roles(self):
        return sorted(self.member(node)["role"] for node in self.cluster.nodes)

    def test_a_drained_node_finishes_what_it_runs_and_takes_nothing_until_it_is_resumed(self):
        node = self.cluster.nodes[2]
        job = self.cluster.leader().submit("steps-node3", {"number": 5})["id"]
        wait_until("its first step", lambda: self.cluster.leader().job(job)["stages"][0]["state"] in ("running", "done"))
        self.tell("drain", node, "--wait")
        self.assertEqual((self.member(node)["state"], self.member(node)["tasks"]), ("drained", 0))
        waiting = [stage for stage in self.cluster.leader().job(job)["stages"] if stage["state"] == "ready"]
        self.assertEqual(len(waiting), 1)
        self.tell("resume", node)
        ended = self.cluster.leader().wait_final(job)
        self.assertEqual(ended["state"], "succeeded")
        self.assertEqual({stage["attempts"] for stage in ended["stages"]}, {1})

    def test_a_drained_leader_hands_over_office_and_vote(self):
        leader, learner = self.cluster.leader(), self.learner()
        said = self.tell("drain", leader, "--wait")
        for word in ("leader, active", "hands the leadership over", "gets its vote", "no new tasks"):
            self.assertIn(word, said)
        self.assertEqual(self.member(leader)["role"], "learner")
        self.assertIn(self.member(learner)["role"], ("voter", "leader"))
        for other in self.cluster.nodes:
            wait_until("it to be known everywhere", lambda other=other: self.member(leader, other)["state"] == "drained")
        self.tell("resume", leader)

    def test_what_runs_longer_than_a_drain_may_take_is_run_elsewhere(self):
        job = self.cluster.leader().submit("long", {"number": 1})["id"]
        slot = wait_until("an attempt", lambda: self.slot_of(job))
        node = next(node for node in self.cluster.nodes if slot.startswith(node.id))
        self.tell("drain", node, "--deadline", "1s", "--wait")
        failed = next(data for _, type_, data in self.cluster.leader().job_events(job) if type_ == "attempt_failed")
        self.assertEqual(failed["cause"], "handed_back")
        again = wait_until("another attempt", lambda: (lambda found: found if found != slot else None)(self.slot_of(job)))
        self.assertFalse(again.startswith(node.id))
        self.cluster.leader().json("POST", f"/v1/jobs/{job}/cancel", {"reason": "seen enough"})

    def slot_of(self, job):
        if self.cluster.leader().job(job)["stages"][0]["state"] != "running":
            return None
        found = None
        for _, type_, data in self.cluster.leader().job_events(job):
            found = data["slot"] if type_ == "attempt_started" else found
            if data.get("attempt") == self.cluster.leader().job(job)["stages"][0]["attempts"]:
                return found
        return found

    def test_a_node_is_taken_out_only_when_that_is_safe_and_comes_back_as_a_new_one(self):
        node, leader = self.voter(), self.cluster.leader()
        for each, word in ((node, "drain it"), (leader, "leads the cluster")):
            refused = self.troupe(node, "node", "remove", each.address)
            self.assertEqual(refused.returncode, 4, refused.stderr)
            self.assertIn(word, refused.stderr)
        self.tell("drain", node, "--wait")
        self.tell("remove", node)
        others = [other for other in self.cluster.nodes if other is not node]
        for other in others:
            wait_until("it to be gone", lambda other=other: self.member(node, other) is None)
        wait_until("it to be told", lambda: "taken out" in (node.view() or {}).get("why_not_ready", ""))
        node.stop()
        node.start()
        wait_until("it to be told again", lambda: "empty data directory" in (node.view() or {}).get("why_not_ready", ""))
        node.kill()
        shutil.rmtree(node.data)
        node.known_id = None
        if node is self.cluster.nodes[0]:
            node.seeds = [others[0].address]
        node.start()
        self.cluster.wait_ready([node])
        wait_until("it to be a member", lambda: (self.member(node) or {}).get("role") in ("learner", "voter"))

    def test_a_dead_voter_is_replaced_and_learns_when_it_comes_back(self):
        dead, learner = self.voter(), self.learner()
        dead.kill()
        began = time.monotonic()
        wait_until("the learner to vote", lambda: self.member(learner)["role"] == "voter")
        wait_until("the dead one not to vote", lambda: self.member(dead)["role"] == "learner")
        figure("a dead voter is replaced after (limit of 5 s)", time.monotonic() - began)
        log = self.cluster.leader().log
        self.assertIn("has been silent for too long and votes no more", log)
        self.assertIn("members_changed", log)
        dead.start()
        self.cluster.wait_ready([dead])
        self.assertEqual(self.member(dead)["role"], "learner")
        self.assertEqual(self.roles(), ["leader", "learner", "voter", "voter"])

    def test_a_rolling_restart_under_load_fails_no_request_twice_and_repeats_no_stage(self):
        load = Load(self.cluster)
        self.before = load.listed(self.cluster.leader())
        with load:
            wait_until("some load", lambda: load.count() >= 20)
            for node in self.cluster.nodes:
                self.tell("drain", node, "--deadline", "20s", "--wait")
                self.assertEqual(node.stop(), 0, node.log[-8000:])
                node.start()
                self.cluster.wait_ready([node])
                wanted = self.cluster.leader().view()["log_index"]
                wait_until("it to catch up", lambda node=node, wanted=wanted: (node.view() or {}).get("log_index", 0) >= wanted)
                self.tell("resume", node)
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
        tries = [entry[4] for entry in load.acknowledged.values()]
        figure("requests while all nodes were restarted", len(tries), "")
        figure("of them sent to a second node", sum(count > 1 for count in tries), "")
        self.assertLessEqual(max(tries), 2)
        self.examine(load)


if __name__ == "__main__":
    unittest.main(verbosity=2)
