"""What those see who look at the actors of a real cluster.

    inspector_test.py TROUPE_PROGRAM [TEST...]
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import wait_until
from cluster_test import TROUPE, ClusterCase
from websocket import Closed, Viewer, WebSocket

class InspectorTest(ClusterCase):
    COUNT = 3

    def window(self, node, *opened):
        return {mark["path"]: mark for mark in node.json("GET", "/v1/actors?open=" + ",".join(opened))["marks"]}

    def test_any_node_shows_the_actors_of_all(self):
        ids = [node.id for node in self.cluster.nodes]
        for node in self.cluster.nodes:
            seen = wait_until("all nodes to be seen", lambda node=node: self.up(self.window(node, *ids)))
            for other in self.cluster.nodes:
                self.assertEqual(seen[other.id]["name"], other.address)
                self.assertEqual(seen[f"{other.id}/slot"]["actors"], 2)
                self.assertEqual(seen[f"{other.id}/shard"]["actors"], 1)

    def up(self, marks):
        nodes = [marks.get(node.id) for node in self.cluster.nodes]
        return marks if all(mark and mark["state"] == "up" and f"{mark['path']}/slot" in marks for mark in nodes) else None

    def test_a_viewer_follows_what_changes_on_another_node(self):
        here, there = self.cluster.nodes[0], self.cluster.nodes[1]
        viewer = Viewer(here, open=[there.id, f"{there.id}/shard"], hz=10)
        self.addCleanup(viewer.close)
        path = f"{there.id}/shard/shard-0"
        before = viewer.look_until(lambda marks: marks.get(path))
        self.assertIn(before["state"], ("leader", "follower"))
        for _ in range(5):
            there.json("GET", "/v1/jobs")
        after = viewer.look_until(lambda marks: marks[path] if marks[path]["received"].get("http", 0) >= before["received"].get("http", 0) + 5 else None)
        self.assertGreater(after["handled"], before["handled"])
        self.assertGreater(after["busy_seconds"], before["busy_seconds"])

    def test_what_is_opened_later_is_shown_and_what_is_closed_goes(self):
        node = self.cluster.nodes[2]
        viewer = Viewer(node, hz=10)
        self.addCleanup(viewer.close)
        viewer.look()
        self.assertNotIn(f"{node.id}/slot", viewer.marks)
        viewer.send({"open": [node.id, f"{node.id}/slot", f"{node.id}/slot/slot-1"], "hz": 10})
        slot = viewer.look_until(lambda marks: marks.get(f"{node.id}/slot/slot-1"))
        self.assertTrue(slot["times"])
        viewer.send({"open": [], "hz": 10})
        viewer.look_until(lambda marks: f"{node.id}/slot" not in marks)
        self.assertIn(node.id, viewer.marks)

    def test_a_killed_node_is_shown_as_silent_and_as_up_again(self):
        here, other = self.cluster.nodes[0], self.cluster.nodes[2]
        viewer = Viewer(here, hz=5)
        self.addCleanup(viewer.close)
        viewer.look_until(lambda marks: marks.get(other.id, {}).get("state") == "up")
        other.kill()
        viewer.look_until(lambda marks: marks[other.id]["state"] == "silent")
        other.start()
        self.cluster.wait_ready()
        viewer.look_until(lambda marks: marks[other.id]["state"] == "up")

    def test_a_node_that_hangs_is_silent_and_nothing_is_said_of_its_actors(self):
        here, other = self.cluster.nodes[0], self.cluster.nodes[1]
        viewer = Viewer(here, open=[other.id, f"{other.id}/slot"], hz=5)
        self.addCleanup(viewer.close)
        viewer.look_until(lambda marks: f"{other.id}/slot/slot-0" in marks)
        other.pause()
        viewer.look_until(lambda marks: marks[other.id]["state"] == "silent" and f"{other.id}/slot" not in marks)
        self.assertNotIn(f"{other.id}/slot/slot-0", viewer.marks)
        other.resume()
        viewer.look_until(lambda marks: marks[other.id]["state"] == "up" and f"{other.id}/slot/slot-0" in marks)

    def test_viewers_do_not_hide_from_each_other_what_they_look_at(self):
        here, other = self.cluster.nodes[0], self.cluster.nodes[1]
        greedy = Viewer(here, open=[f"{other.id}/x/{number:03}" for number in range(256)], hz=5)
        self.addCleanup(greedy.close)
        greedy.look()
        seen = self.window(here, other.id, f"{other.id}/slot")
        self.assertIn(f"{other.id}/slot/slot-1", seen)
        self.assertNotIn(f"{other.id}/slot/slot-1", self.window(here, f"{other.id}/slot"))  # its node is not open

    def test_most_counts_members_of_another_node_and_not_its_groups(self):
        here, other = self.cluster.nodes[0], self.cluster.nodes[1]
        marks = [mark["path"] for mark in here.json("GET", f"/v1/actors?most=1&open={other.id},{other.id}/slot")["marks"]]
        self.assertEqual(sum(path.startswith(f"{other.id}/slot/") for path in marks), 1, marks)
        self.assertGreater(sum(path.startswith(other.id) and path.count("/") == 1 for path in marks), 5, marks)

    def test_a_killed_worker_is_counted(self):
        node = self.cluster.nodes[1]
        viewer = Viewer(node, open=[node.id, f"{node.id}/worker"], hz=10)
        self.addCleanup(viewer.close)
        path = f"{node.id}/worker/worker-0"
        viewer.look_until(lambda marks: marks.get(path, {}).get("state") == "up")
        self.kill_a_worker(node)
        viewer.look_until(lambda marks: marks[f"{node.id}/worker"]["restarts"] >= 1)

    def test_what_an_attempt_writes_is_seen_on_another_node_while_it_runs(self):
        here = self.cluster.nodes[0]
        workers = [f"{node.id}/worker/worker-{slot}" for node in self.cluster.nodes for slot in (0, 1)]
        viewer = Viewer(here, open=[*(part for path in workers for part in (path.split("/")[0], path.rsplit("/", 1)[0])), *workers], hz=10)
        self.addCleanup(viewer.close)
        job = here.submit("long", {"number": 4711})["id"]
        self.addCleanup(lambda: here.json("POST", f"/v1/jobs/{job}/cancel", {"reason": "seen enough"}))
        path = viewer.look_until(lambda marks: next((path for path in workers if "number 4711 sleeps" in marks.get(path, {}).get("log", "")), None))
        worker = viewer.marks[path]
        self.assertEqual((worker["doing"]["job"], worker["doing"]["pipeline"], worker["doing"]["stage"]), (job, "long", "only"))
        node = path.split("/")[0]
        self.assertGreaterEqual(viewer.marks[node]["at_work"], 1)
        self.assertGreaterEqual(viewer.marks[f"{node}/worker"]["at_work"], 1)

    def test_the_leader_is_seen_to_send_to_all_others(self):
        leader = self.cluster.leader()
        others = {node.id for node in self.cluster.nodes if node is not leader}
        seen = wait_until("the frames to both others", lambda: self.sent_to(leader, others))
        again = wait_until("more of them", lambda: self.sent_to(leader, others, more_than=seen))
        self.assertEqual(set(again), others)

    def sent_to(self, node, others, more_than=None):
        frames = self.window(self.cluster.nodes[0])[node.id].get("sent_to", {})
        return frames if all(frames.get(other, 0) > (more_than or {}).get(other, 0) for other in others) else None

    def test_a_job_that_has_ended_is_submitted_again_as_a_new_one(self):
        node, other = self.cluster.nodes[0], self.cluster.nodes[1]

        def retry(job, body=b"{}", **headers):
            status, _, answer = node.request("POST", f"/v1/jobs/{job}/retry", body, {"Content-Type": "application/json", **headers})
            return status, json.loads(answer)

        old = other.submit("long", {"number": 7}, priority=7, labels={"team": "blue"})
        self.assertEqual(retry(old["id"])[0], 409)
        other.json("POST", f"/v1/jobs/{old['id']}/cancel", {"reason": "no longer needed"})
        status, new = retry(old["id"], **{"Idempotency-Key": "again"})
        self.assertEqual(status, 202, new)
        self.assertNotEqual(new["id"], old["id"])
        self.assertEqual((new["inputs"], new["priority"], new["pipeline"]), ({"number": 7}, 7, "long"))
        self.assertEqual(new["labels"], {"team": "blue", "retry_of": old["id"]})
        self.assertEqual(retry(old["id"], **{"Idempotency-Key": "again"})[1]["id"], new["id"])
        self.assertEqual(other.job(old["id"])["state"], "cancelled")
        other.json("POST", f"/v1/jobs/{new['id']}/cancel", {})
        self.assertEqual(retry(new["id"])[1]["labels"]["retry_of"], new["id"])  # of the one before, not of the first
        self.assertEqual(retry("0" * 16)[0], 404)
        speak = {"only": {"kind": "media.speak", "params": {"text": "hello"}}}
        for name, why in (("echo", "is not the one that the job had"), ("mine", "came with one of its own")):
            inline = node.json("POST", "/v1/jobs", {"pipeline": {"name": name, "stages": speak, "result": {}}, "inputs": {}})
            node.wait_final(inline["id"])
            code, told = retry(inline["id"])
            self.assertEqual(code, 409, told)
            self.assertIn(why, told["detail"])
        self.assertEqual(retry(new["id"], b'{"priority": 9}')[0], 400)
        self.assertEqual(retry(new["id"], **{"Content-Type": "text/plain"})[0], 415)

    def test_the_terminal_shows_the_same(self):
        node = self.cluster.nodes[1]

        def troupe(*words):
            return subprocess.run([TROUPE, "--url", f"http://{node.address}", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

        job = node.submit("long", {"number": 1})["id"]
        wait_until("the job to run", lambda: node.job(job)["state"] == "running")
        top = troupe("top", "--once")
        self.assertEqual(top.returncode, 0, top.stderr)
        self.assertIn("3 of 3 nodes up", top.stdout)
        self.assertRegex(top.stdout, rf"{job} long +only +127.0.0.1:\d+ slot-\d")
        self.assertRegex(top.stdout, r"shard-0 +leader +[1-9]")
        self.assertIn("runs on slot-", troupe("inspect", job).stdout)
        shards = troupe("inspect", "shard-0").stdout
        self.assertEqual(shards.count("shard-0 of node"), 3, shards)
        self.assertIn("state      leader", shards)
        at_one = troupe("inspect", f"{node.address}/shard/shard-0").stdout
        self.assertEqual(at_one.count("shard-0 of node"), 1, at_one)
        nobody = troupe("inspect", "slot-99")
        self.assertEqual(nobody.returncode, 4)
        self.assertIn("there is no actor 'slot-99'", nobody.stderr)
        node.json("POST", f"/v1/jobs/{job}/cancel", {})

    @staticmethod
    def kill_a_worker(node):
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and (entry / "stat").read_text().split(") ")[1].split()[1] == str(node.process.pid):
                    os.kill(int(entry.name), signal.SIGKILL)
                    return
            except (OSError, IndexError):
                continue
        raise AssertionError("the node has no worker")

    def test_a_viewer_that_says_nonsense_is_told_what_is_wrong(self):
        node = self.cluster.nodes[0]
        for said, told in (({"hz": 1000}, "`hz` must be 1 to 10"), ({"open": ["x"]}, "a path is NODE"), ([], "must be a JSON object"), ({"colour": "red"}, "'colour' is not known")):
            viewer = WebSocket("127.0.0.1", node.port, "/v1/inspect")
            self.addCleanup(viewer.close)
            viewer.send(said)
            with self.assertRaisesRegex(Closed, told):
                viewer.receive()
        status, _, body = node.request("GET", "/v1/actors?open=x")
        self.assertEqual(status, 400)
        self.assertIn("NODE/KIND/NAME", json.loads(body)["detail"])
        self.assertEqual(node.request("GET", "/v1/inspect")[0], 426)

    def test_too_many_viewers_are_turned_away_and_let_in_when_others_have_gone(self):
        node = self.cluster.nodes[0]
        viewers = []
        with self.assertRaises(Closed) as refused:
            while True:
                viewers.append(Viewer(node))
                viewers[-1].look()
        self.assertIn("503", str(refused.exception))
        self.assertEqual(len(viewers), 64)
        for viewer in viewers:
            viewer.close()

        def one_more():
            try:
                viewer = Viewer(node)
            except Closed:
                return False
            viewer.look()
            viewer.close()
            return True

        wait_until("a viewer to be let in", one_more)


if __name__ == "__main__":
    unittest.main(verbosity=2)
