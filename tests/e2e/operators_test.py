"""What an operator of a cluster sees and does: status, plans of drains, rolling restarts; four real nodes in three domains.

    operators_test.py TROUPE_PROGRAM [TEST...]
"""
import json
import os
import pathlib
import stat
import subprocess
import unittest

from cluster import NEWEST_VERSION, Load, wait_until
from cluster_test import TROUPE, ClusterCase, figure

DOMAINS = ["north", "north", "south", "west"]


class OperatorsTest(ClusterCase):
    COUNT, OPTIONS = 4, []

    @classmethod
    def prepare(cls):
        for node, domain in zip(cls.cluster.nodes, DOMAINS):
            node.options += ["--set", f"node.domain={domain}"]

    def troupe(self, at, *words, seconds=120):
        return subprocess.run([TROUPE, "--url", f"http://{at.address}", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=seconds, check=False)

    def status(self, at):
        done = self.troupe(at, "--json", "cluster", "status")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def domains(self):
        """Of those that vote."""
        seen = self.status(self.cluster.nodes[0])
        return sorted(node.get("domain", "") for node in seen["nodes"] if node["role"] in ("leader", "voter"))

    def test_voters_stand_in_as_many_domains_as_there_are(self):
        wait_until("a voter in each domain", lambda: self.domains() == ["north", "south", "west"], 60)

    def test_any_node_shows_the_cluster_as_its_leader_sees_it(self):
        leader = self.cluster.leader()
        wait_until("all to have said what they are", lambda: all("program" in node for node in self.status(leader)["nodes"]))
        for node in self.cluster.nodes:
            seen = self.status(node)
            self.assertTrue(seen["leads"])
            self.assertEqual((seen["leader"], seen["voters"], seen["losses_survived"], seen["version"]), (leader.id, 3, 1, NEWEST_VERSION))
            self.assertEqual(sorted(each["domain"] for each in seen["nodes"]), DOMAINS)
            self.assertIn("members_changed", [made["what"] for made in seen["decisions"]])
            self.assertTrue(all(made["why"] for made in seen["decisions"]))
        told = self.troupe(self.cluster.nodes[2], "cluster", "status").stdout
        self.assertIn(f"{leader.id} ({leader.address}) leads", told)
        self.assertIn("1 of them may be lost", told)
        self.assertIn("members_changed: ", told)

    def test_a_lost_voter_is_an_alarm_until_it_is_back(self):
        voter = next(node for node in self.cluster.followers() if self.role(node) == "voter")
        voter.kill()
        at = next(node for node in self.cluster.live())
        codes = lambda: {alarm["code"] for alarm in self.status(at)["alarms"]}
        wait_until("the alarms", lambda: codes() >= {"one_more_loss_stops_writes", "node_silent"})
        refused = self.troupe(at, "cluster", "roll", "--restart-command", "true")
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn("nothing was begun: the loss of one more voter stops all writes", refused.stderr)
        voter.start()
        self.cluster.wait_ready([voter])
        wait_until("no alarm", lambda: not codes())

    def role(self, node):
        return next(each["role"] for each in self.cluster.leader().json("GET", "/v1/nodes")["nodes"] if each["address"] == node.address)

    def test_a_drain_says_first_what_it_would_do(self):
        leader = self.cluster.leader()
        before = leader.json("GET", "/v1/nodes")
        at = self.cluster.followers()[0]
        told = self.troupe(at, "node", "drain", leader.address, "--dry-run")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("it hands the leadership over", told.stderr)
        self.assertIn("6 of 8 slots are left", told.stderr)
        self.assertIn(f"no other node has the labels {leader.folder.name}", told.stderr)
        plan = json.loads(self.troupe(at, "--json", "node", "drain", leader.address, "--dry-run").stdout)
        self.assertEqual((plan["leads"], plan["guess"], plan["slots"], plan["slots_left"]), (True, False, 2, 6))
        self.assertNotEqual(plan["leader_then"], leader.id)
        after = leader.json("GET", "/v1/nodes")
        self.assertEqual([(each["id"], each["state"]) for each in before["nodes"]], [(each["id"], each["state"]) for each in after["nodes"]])

    def test_a_roll_restarts_each_node_once_and_fails_no_request_twice(self):
        starts = {node.id: node.view()["incarnation"] for node in self.cluster.nodes}
        restart = pathlib.Path(self.folder.name) / "restart"
        requests = pathlib.Path(self.folder.name) / "requests"
        done = pathlib.Path(self.folder.name) / "done"
        os.mkfifo(requests)
        os.mkfifo(done)
        restart.write_text(f"#!/bin/sh\necho $1 >{requests}\nread word <{done}\n")
        restart.chmod(restart.stat().st_mode | stat.S_IXUSR)
        load = Load(self.cluster)
        self.before = load.listed(self.cluster.leader())
        order = []
        with load:
            wait_until("some load", lambda: load.count() >= 20)
            rolling = subprocess.Popen([TROUPE, "--url", f"http://{self.cluster.nodes[0].address}", "cluster", "roll", "--deadline", "20s",
                                        "--restart-command", f"{restart} {{port}}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for _ in self.cluster.nodes:
                port = int(requests.read_text())
                node = next(node for node in self.cluster.nodes if node.port == port)
                order.append(node)
                self.assertEqual(node.stop(), 0)
                node.start()
                done.write_text("done\n")
            told = rolling.communicate(timeout=120)[1]
        self.assertEqual(rolling.returncode, 0, told)
        self.assertEqual({node.id for node in order}, set(starts))
        for node in self.cluster.nodes:
            self.assertEqual(int(node.view()["incarnation"], 16), int(starts[node.id], 16) + 1)
        figure("requests while all nodes were rolled", load.count(), "")
        self.assertLessEqual(max(entry[4] for entry in load.acknowledged.values()), 2)
        self.examine(load)
        self.assertEqual({each["state"] for each in self.cluster.leader().json("GET", "/v1/nodes")["nodes"]}, {"active"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
