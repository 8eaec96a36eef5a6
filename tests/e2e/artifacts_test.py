"""Artifacts of a real cluster: none is lost that a job needs, and none stays that nobody needs.

    artifacts_test.py TROUPE_PROGRAM [TEST...]
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

from cluster import Cluster, Node, TestCase, free_ports, wait_until

TROUPE = sys.argv.pop(1)

COPY = """\
name: copy
inputs: {file: {type: file, required: true}}
stages:
  first: {kind: exec, program: {mode: once, command: [sh, ./copy.sh], outputs: {file: file}}, params: {file: "${inputs.file}"}}
  second: {kind: exec, program: {mode: once, command: [sh, ./copy.sh], outputs: {file: file}}, params: {file: "${stages.first.file}"}}
result: {file: "${stages.second.file}"}
"""
COPY_SH = """\
path=$(sed -n 's/.*"path": *"\\([^"]*\\)".*/\\1/p')
{ cat "$path"; echo copied; } >"$TROUPE_OUT/file.txt" || exit 1
echo '{"output": {"name": "file", "file": "file.txt", "media_type": "text/plain"}}'
"""


GATED = """\
name: gated
inputs: {file: {type: file, required: true}, gate: {type: text, required: true}}
stages:
  first: {kind: exec, program: {mode: once, command: [sh, ./copy.sh], outputs: {file: file}}, params: {file: "${inputs.file}"}}
  gate: {kind: exec, needs: [first], program: {mode: once, command: [sh, ./gate.sh]}, params: {gate: "${inputs.gate}"}}
  second: {kind: exec, needs: [gate], program: {mode: once, command: [sh, ./copy.sh], outputs: {file: file}}, params: {file: "${stages.first.file}"}}
result: {file: "${stages.second.file}"}
"""
GATE_SH = """\
gate=$(sed -n 's/.*"gate": *"\\([^"]*\\)".*/\\1/p')
while [ ! -e "$gate" ]; do sleep 0.05; done
"""


def has(node, artifact):
    """Whether it is in this node's own store."""
    return node.request("HEAD", f"/v1/peers/artifacts/{artifact}")[0] == 200


def unique(size=1000):
    return uuid.uuid4().bytes + os.urandom(size)


class ArtifactsCase(TestCase):
    count, settings = 3, []

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        pipelines = pathlib.Path(cls.folder.name) / "pipelines"
        pipelines.mkdir()
        (pipelines / "copy.yaml").write_text(COPY)
        (pipelines / "copy.sh").write_text(COPY_SH)
        (pipelines / "gated.yaml").write_text(GATED)
        (pipelines / "gate.sh").write_text(GATE_SH)
        settings = [word for setting in cls.settings for word in ("--set", setting)]
        cls.cluster = Cluster(TROUPE, cls.count, ["--slots", "2", "--pipelines", pipelines, *settings])
        cls.cluster.start()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.folder.cleanup()

    def copied(self, node, artifact, seconds=60):
        """Submits an artifact and waits for the result. @returns the ended job."""
        job = node.submit("copy", {"file": {"artifact": artifact}})["id"]
        ended = node.wait_final(job, seconds)
        self.assertEqual(ended["state"], "succeeded", ended)
        return ended


class RepairTest(ArtifactsCase):
    """Four nodes, three copies."""

    count, settings = 4, ["artifacts.repair_after=2s"]

    def holders(self, artifact):
        return [node for node in self.cluster.live() if has(node, artifact)]

    def test_the_copies_of_a_lost_node_are_made_anew(self):
        first = self.cluster.nodes[0]
        kept = []
        for number in range(6):
            source = self.cluster.nodes[number % 4].put(unique())
            kept += [source, self.copied(first, source)["result"]["file"]["artifact"]]
        unneeded = first.put(unique())
        lost = next(node for node in self.cluster.nodes if node is not first and any(has(node, each) for each in kept))
        lost.kill()
        for artifact in kept:
            wait_until(f"three copies of {artifact}", lambda: len(self.holders(artifact)) == 3, 60)
        self.assertGreaterEqual(len(self.holders(unneeded)), 1)
        for artifact in kept:
            for node in self.cluster.live():
                self.assertEqual(hashlib.sha256(node.request("GET", f"/v1/peers/artifacts/{artifact}")[2]).hexdigest(), artifact)
        self.assertGreater(sum(node.view()["artifacts"]["copies_restored"] for node in self.cluster.live()), 0)


class LostIntermediateTest(ArtifactsCase):
    def test_the_stage_that_made_it_runs_again_and_no_other_one(self):
        node = self.cluster.nodes[0]
        uploaded = node.put(unique())
        gate = pathlib.Path(self.folder.name) / "gate"
        job = node.submit("gated", {"file": {"artifact": uploaded}, "gate": str(gate)})["id"]
        made = wait_until("the first stage to be done", lambda: node.job(job)["stages"][0]["outputs"])["file"]["artifact"]
        wait_until("the gate to be reached", lambda: node.job(job)["stages"][1]["state"] == "running")
        files = [file for each in self.cluster.nodes for file in each.folder.rglob(f"{made}*") if file.is_file()]
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            file.unlink()
        gate.touch()

        ended = node.wait_final(job, 60)
        self.assertEqual(ended["state"], "succeeded", ended)
        self.assertEqual({stage["name"]: stage["attempts"] for stage in ended["stages"]}, {"first": 2, "gate": 1, "second": 2})
        events = list(node.job_events(job))
        self.assertEqual([data["stage"] for _, kind, data in events if kind == "stage_reopened"], ["first"])
        self.assertEqual([data["cause"] for _, kind, data in events if kind == "attempt_failed"], ["input_lost"])
        status, _, body = node.request("GET", f"/v1/artifacts/{ended['result']['file']['artifact']}")
        self.assertEqual((status, body[-14:]), (200, b"copied\ncopied\n"))


class CollectionTest(ArtifactsCase):
    settings = ["artifacts.grace=30s", "artifacts.grace_least=30s", "retention.finished=1min", "retention.dead=1min"]

    def gone(self, *artifacts):
        return not any(has(node, artifact) for node in self.cluster.nodes for artifact in artifacts)

    def test_what_no_job_needs_goes_and_the_rest_stays(self):
        nodes = self.cluster.nodes
        began = time.monotonic()
        unneeded, source = nodes[0].put(unique()), nodes[1].put(unique())
        ended = self.copied(nodes[2], source)
        middle, result = ended["stages"][0]["outputs"]["file"]["artifact"], ended["result"]["file"]["artifact"]
        wait_until("what nobody named to be gone", lambda: self.gone(unneeded, middle), 90)
        self.assertGreater(time.monotonic() - began, 29)
        for node in nodes:
            self.assertTrue(has(node, source) and has(node, result), "a kept job's input and result stay")
        wait_until("the job to be forgotten", lambda: nodes[0].request("GET", f"/v1/jobs/{ended['id']}")[0] == 404, 120)
        wait_until("its files to be gone", lambda: self.gone(source, result), 90)
        metrics = nodes[0].request("GET", "/metrics")[2].decode()
        collected = [line for line in metrics.splitlines() if line.startswith("troupe_artifacts_collected_total ")]
        self.assertGreaterEqual(float(collected[0].split()[1]), 4)

    def test_an_accepted_job_finds_its_input_however_old_that_is(self):
        """Files of all ages around the grace are named while they are being collected: a submission is refused, or its job ends well."""
        nodes, count = self.cluster.nodes, 150
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            put = list(pool.map(lambda number: (nodes[number % 3].put(unique()), time.monotonic()), range(count)))
            sources = [source for source, _ in put]

            def submit(number):
                time.sleep(max(0, put[number][1] + 25 + number / count * 14 - time.monotonic()))  # what is waited for is age itself
                return nodes[(number // 3) % 3].request("POST", "/v1/jobs", {"pipeline": "copy", "inputs": {"file": {"artifact": sources[number]}}})

            answers = list(pool.map(submit, range(count)))
        accepted = [number for number, (status, _, _) in enumerate(answers) if status == 202]
        refused = [number for number, (status, _, body) in enumerate(answers) if status == 400 and b"there is no artifact" in body]
        print(f"artifacts: {len(accepted)} jobs accepted, {len(refused)} refused because their file was gone", file=sys.stderr)
        self.assertEqual(len(accepted) + len(refused), count, [answer for answer in answers if answer[0] not in (202, 400)])
        self.assertGreater(len(accepted), 10)
        self.assertGreater(len(refused), 10)
        for number in accepted:
            ended = nodes[0].wait_final(json.loads(answers[number][2])["id"])
            self.assertEqual(ended["state"], "succeeded", ended)
            self.assertFalse(self.gone(sources[number]), "the input of a job that is kept")


class FullDiskTest(unittest.TestCase):
    """One node on a small disk that another program fills."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.disk = pathlib.Path(self.folder.name) / "disk"
        self.disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", self.disk], capture_output=True).returncode != 0:
            self.folder.cleanup()
            self.skipTest("this needs the right to mount a file system")
        pipelines = self.disk / "pipelines"
        pipelines.mkdir()
        (pipelines / "copy.yaml").write_text(COPY)
        (pipelines / "copy.sh").write_text(COPY_SH)
        settings = ["disk.keep_free=16MiB", "disk.ballast=16MiB", "journal.write_buffer=1MiB"]
        self.node = Node(TROUPE, self.disk / "node", free_ports(1)[0], ["--slots", "1", "--pipelines", pipelines] + [word for each in settings for word in ("--set", each)])
        self.filler = self.disk / "filler"

    def tearDown(self):
        self.node.close()
        if not self._outcome.success:
            print(f"the end of the node's log:\n{self.node.log[-1500:]}", file=sys.stderr)
        wait_until("the node's workers, which end after it, to leave the disk", self.unmount)
        self.folder.cleanup()

    def unmount(self):
        return subprocess.run(["umount", self.disk], capture_output=True).returncode == 0

    def fill(self, leave):
        """Takes all of the disk but for so many bytes."""
        free = shutil.disk_usage(self.disk).free
        with open(self.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - leave)

    def start(self):
        self.node.start()
        wait_until("the node to be ready", self.node.is_ready)

    def submit(self):
        return self.node.request("POST", "/v1/jobs", {"pipeline": "copy", "inputs": {"file": {"artifact": self.source}}})[0]

    def test_a_full_disk_costs_new_jobs_and_nothing_else(self):
        self.start()
        ballast = self.node.data / "ballast"
        self.assertGreaterEqual(ballast.stat().st_blocks * 512, 16 << 20)
        self.source = self.node.put(unique())
        ended = self.node.wait_final(self.node.submit("copy", {"file": {"artifact": self.source}})["id"])
        self.assertEqual(ended["state"], "succeeded", ended)

        self.fill(leave=3 << 20)
        wait_until("the ballast to be given up", lambda: not ballast.exists())
        wait_until("jobs to be refused", lambda: self.submit() == 507)
        self.assertEqual(self.node.job(ended["id"])["state"], "succeeded")
        self.assertIn("disk_full", self.node.log)

        self.filler.unlink()
        wait_until("jobs to be taken", lambda: self.submit() == 202)
        self.assertTrue(ballast.exists())

    def test_a_node_that_the_disk_has_ended_starts_in_the_room_of_its_ballast(self):
        self.start()
        self.source = self.node.put(unique())
        ended = self.node.submit("copy", {"file": {"artifact": self.source}})["id"]
        self.node.wait_final(ended)
        self.node.kill()
        self.fill(leave=0)

        self.node.start()
        wait_until("the node to answer", lambda: self.node.view() is not None)

        self.assertFalse((self.node.data / "ballast").exists())
        self.assertEqual(self.node.job(ended)["state"], "succeeded")
        wait_until("jobs to be refused", lambda: self.submit() == 507)
        wait_until("the node not to be ready", lambda: not self.node.is_ready())


if __name__ == "__main__":
    unittest.main(verbosity=2)
