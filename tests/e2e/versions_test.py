"""Real nodes of two programs in one cluster: one that reads only the commands of the first version, and one that reads all.

    versions_test.py TROUPE_PROGRAM [TEST...]

`cluster.version_most=1` makes of this program one of a time before the second version.
"""
import unittest

from cluster import NEWEST_VERSION, wait_until
from cluster_test import ClusterCase

OLDER = ["--set", "cluster.version_most=1"]


class VersionsTest(ClusterCase):
    COUNT, OPTIONS = 3, OLDER

    def upgrade(self, node):
        self.assertEqual(node.stop(), 0)
        node.options = [option for option in node.options if option not in OLDER]
        node.start()
        self.cluster.wait_ready([node])

    def downgrade(self, node):
        node.options = node.options + OLDER
        node.start()

    def test_the_version_rises_with_the_last_upgraded_node_and_an_older_program_is_refused_from_then_on(self):
        first, second, third = self.cluster.nodes
        self.upgrade(first)
        self.upgrade(second)
        job = third.submit("echo", {"number": 1})["id"]
        status, _, body = first.request("POST", "/v1/queue/pause", {"pipeline": "echo"})  # the third one could not read it
        self.assertEqual((status, "upgrade the other nodes first" in body.decode()), (409, True), body)
        self.assertNotIn("cluster_version_raised", "".join(node.log for node in self.cluster.nodes))
        second.stop()
        self.downgrade(second)  # there is a way back until the version rises
        self.cluster.wait_ready([second])
        self.upgrade(second)
        self.upgrade(third)
        wait_until("the version to rise", lambda: any("cluster_version_raised" in node.log for node in self.cluster.nodes))
        self.assertEqual(first.wait_final(job)["state"], "succeeded")
        self.cluster.wait_level()

        third.kill()
        self.downgrade(third)
        self.assertNotEqual(third.ended(), 0)
        self.assertIn(f"the cluster writes commands of version {NEWEST_VERSION}, the program of this node reads up to 1: upgrade this node", third.log)
        stranger = self.cluster.another("older", [first.address])
        stranger.start()
        wait_until("it to say why", lambda: "upgrade node" in stranger.log)
        wait_until("/readyz to say why", lambda: b"reads up to 1: upgrade node" in stranger.request("GET", "/readyz")[2])

        third.options = [option for option in third.options if option not in OLDER]
        third.start()
        self.cluster.wait_ready([third])
        self.assertEqual(third.wait_final(third.submit("echo", {"number": 2})["id"])["state"], "succeeded")
        self.assertTrue(third.json("POST", "/v1/queue/pause", {"pipeline": "echo"})["changed"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
