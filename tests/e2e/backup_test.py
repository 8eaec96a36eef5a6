"""A backup of a cluster under load becomes a new cluster, and a survivor of a lost majority goes on alone: what operators rely on.

    backup_test.py TROUPE_PROGRAM [TEST...]
"""
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid

from cluster import FINAL, Cluster, Load, TestCase, free_ports, wait_until

TROUPE = sys.argv.pop(1)

ECHO = """\
name: %s
inputs: {number: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: once, command: [sh, ./step.sh, "%s"], outputs: {number: integer, file: file}}, params: {number: "${inputs.number}"}, retry: {attempts: 1}}
result: {number: "${stages.only.number}"%s}
"""
STEP = """\
number=$(sed -n 's/.*"number": *\\([0-9]*\\).*/\\1/p')
sleep "$1"
printf 'made of %s\\n' "$number" >"$TROUPE_OUT/file.txt"
echo '{"output": {"name": "file", "file": "file.txt", "media_type": "text/plain"}}'
echo "{\\"output\\": {\\"name\\": \\"number\\", \\"value\\": $number}}"
"""


def install(folder):
    """echo: at once. film: also gives its file. long: half a minute."""
    folder.mkdir()
    (folder / "step.sh").write_text(STEP)
    for name, seconds, more in (("echo", 0, ""), ("film", 0, ", file: \"${stages.only.file}\""), ("long", 30, "")):
        (folder / f"{name}.yaml").write_text(ECHO % (name, seconds, more))


def troupe(*words, stdin=""):
    return subprocess.run([TROUPE, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=120)


def told(*words, stdin=""):
    """Standard output of a command that works."""
    done = troupe(*words, stdin=stdin)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def events(node, job):
    """The journalled events up to the present."""
    revision, seen = node.job(job)["revision"], []
    for id_, type_, data in node.job_events(job):
        if id_:
            seen.append((int(id_), type_, data))
        if len(seen) == revision:
            return seen
    return seen


def flip(path, at):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


class Scripted(http.server.BaseHTTPRequestHandler):
    """A node that has nothing but a state, and gives the answers of its server's script: the body's beginning, or all of it."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.begin()

    def do_GET(self):
        body = self.server.script.pop(0) if len(self.server.script) > 1 else self.server.script[0]
        self.begin()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        if len(body) == self.server.size:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def begin(self):
        self.send_response(200)
        for name, value in (("Troupe-Cluster", "00000000000000c1"), ("Troupe-Keys-About", "9"), ("Transfer-Encoding", "chunked")):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class BackupTest(TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-backup-"))
        self.addClassCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        install(self.folder / "pipelines")
        self.cluster = self.new_cluster(3)

    def new_cluster(self, count):
        made = Cluster(TROUPE, count, ["--slots", "2", "--pipelines", self.folder / "pipelines"])
        self.clusters.append(made)
        return made

    def run(self, result=None):
        self.clusters = []
        super().run(result)
        for each in self.clusters:
            each.close()
        return result

    def shown(self):
        return self.clusters

    @staticmethod
    def start_elsewhere(node):
        """Its port was free for a while, and somebody may have it now."""
        node.port = free_ports(1)[0]
        node.start()

    def restored(self, backup, count=3):
        """A cluster that grows out of a backup."""
        made = self.new_cluster(count)
        said = told("--json", "restore", backup, "--data", made.nodes[0].data)
        first = made.nodes[0].start()
        made.wait_ready([first])
        for node in made.nodes[1:]:
            node.start()
        made.wait_ready()
        wait_until("its voters", lambda: made.voters() == count)
        return made, json.loads(said)

    def test_a_backup_under_load_becomes_a_cluster_that_has_each_job_from_before(self):
        self.cluster.start()
        follower = self.cluster.followers()[0]
        backup, keys = self.folder / "backup", [str(uuid.uuid4()) for _ in range(3)]
        films = [follower.submit("film", {"number": number}, key)["id"] for number, key in enumerate(keys)]
        ended = {job: (follower.wait_final(job), events(follower, job)) for job in films}
        paused = follower.json("POST", "/v1/queue/pause", {"pipeline": "film", "reason": "kept"})["pauses"]
        running = follower.submit("long", {"number": 1})["id"]
        wait_until("it to run", lambda: follower.job(running)["state"] == "running")
        with Load(self.cluster, rate=40) as load:
            wait_until("some load", lambda: load.count() >= 60)
            before = dict(load.acknowledged)
            about = json.loads(told("--url", follower.url, "--json", "backup", "-o", backup, "--artifacts"))
            enough = load.count() + 20
            wait_until("more load", lambda: load.count() >= enough)
        known_then = events(follower, running)
        self.assertEqual(json.loads(told("--json", "backup", "verify", backup)), about)
        self.assertGreaterEqual(about["jobs"]["total"], len(before) + 4)
        self.assertEqual(about["artifacts"]["missing"], 0)

        new, _ = self.restored(backup)
        for node in new.nodes:
            self.assertGreater(node.view()["log_index"], about["index"])
            self.assertEqual(node.json("GET", "/v1/queue")["pauses"], paused)
        for key, (job, number, *_) in before.items():
            there, here = self.cluster.nodes[0].wait_final(job), new.nodes[number % 3].wait_final(job)
            for member in ("id", "pipeline", "inputs", "priority", "labels", "created_at", "state", "result"):
                self.assertEqual(here[member], there[member], f"{member} of {job}")
            again = new.nodes[0].request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": number}}, {"Idempotency-Key": key})
            self.assertEqual((again[0], json.loads(again[2])["id"]), (202, job))
        for job, (page, past) in ended.items():
            for node in new.nodes:
                self.assertEqual(node.job(job), page)
                self.assertEqual(events(node, job), past)
            file = page["result"]["file"]["artifact"]
            self.assertEqual(new.nodes[2].request("GET", f"/v1/artifacts/{file}")[2], f"made of {page['inputs']['number']}\n".encode())
        self.moved_on(new, running, known_then)
        self.old_nodes_stay_out(new)

    def moved_on(self, new, job, known_then):
        """What ran on nodes that are gone begins anew, at the cost of a lost node and no own failure (it has one try)."""
        wait_until("another attempt", lambda: new.nodes[1].job(job)["stages"][0]["attempts"] == 2, 30)
        seen = events(new.nodes[1], job)
        self.assertEqual(seen[:len(known_then)], known_then)
        self.assertEqual([id_ for id_, _, _ in seen], list(range(1, len(seen) + 1)))
        failed = [data["cause"] for _, type_, data in seen if type_ == "attempt_failed"]
        self.assertEqual(failed, ["node_lost"])

    def old_nodes_stay_out(self, new):
        old = self.cluster.nodes[1]
        old.kill()
        old.seeds = [new.nodes[0].address]
        self.start_elsewhere(old)
        wait_until("a clear word", lambda: "a node belongs to one cluster for life" in old.log)
        self.assertEqual(len(new.leader().view()["members"]), 3)

    def artifact_requests(self, node):
        text = node.request("GET", "/metrics")[2].decode()
        return sum(int(float(count)) for count in re.findall(r'^troupe_http_request_seconds_count\{[^}]*route="artifacts"[^}]*\} (\S+)$', text, re.M))

    def test_the_next_backup_fetches_only_what_is_new_or_damaged(self):
        one = self.new_cluster(1).start().nodes[0]
        backup = self.folder / "backup"
        files = [one.wait_final(one.submit("film", {"number": number})["id"])["result"]["file"]["artifact"] for number in range(2)]
        take = lambda: told("--url", one.url, "backup", "-o", backup, "--artifacts")
        take()
        counts = [self.artifact_requests(one)]
        self.assertGreater(counts[0], 0)
        take()
        counts.append(self.artifact_requests(one))
        one.wait_final(one.submit("film", {"number": 2})["id"])
        flip(backup / "artifacts" / files[0][:2] / files[0], 3)
        take()
        counts.append(self.artifact_requests(one))
        self.assertEqual(counts[1], counts[0])
        self.assertEqual(counts[2] - counts[1], counts[0] // len(files) * 2)
        told("backup", "verify", backup)
        self.assertEqual(len(list(backup.glob("state-*"))), 1)

        stranger = self.new_cluster(1).start().nodes[0]
        refused = troupe("--url", stranger.url, "backup", "-o", backup)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("holds a backup of cluster", refused.stderr)
        told("backup", "verify", backup)

    def test_a_damaged_backup_is_refused_and_nothing_is_made_of_it(self):
        one = self.new_cluster(1).start().nodes[0]
        backup, data = self.folder / "backup", self.folder / "data"
        one.wait_final(one.submit("film", {"number": 5})["id"])
        told("--url", one.url, "backup", "-o", backup, "--artifacts")
        files = [path for path in backup.rglob("*") if path.is_file() and path.name not in ("backup.lock",) and path.suffix != ".type"]
        self.assertEqual(len(files), 4)
        for path in files:
            for at in (0, path.stat().st_size // 2, path.stat().st_size - 1):
                flip(path, at)
                for words in (("backup", "verify", backup), ("restore", backup, "--data", data)):
                    refused = troupe(*words)
                    self.assertIn(refused.returncode, (2, 7), f"{words} with byte {at} of {path} wrong")
                    self.assertIn(str(backup), refused.stderr)
                flip(path, at)
        self.assertFalse(data.exists())
        data.mkdir()
        (data / "letter").write_text("dear")
        refused = troupe("restore", backup, "--data", data)
        self.assertEqual((refused.returncode, [path.name for path in data.iterdir()]), (2, ["letter"]))
        self.assertIn("not empty", refused.stderr)
        refused = troupe("restore", backup, "--data", one.data)
        self.assertEqual(refused.returncode, 2)
        refused = troupe("backup", "verify", self.folder / "nothing")
        self.assertEqual(refused.returncode, 7)
        self.assertIn("no finished backup", refused.stderr)

    def test_a_backup_that_is_killed_leaves_none(self):
        one = self.new_cluster(1).start().nodes[0]
        one.pause()
        backup = self.folder / "backup"
        process = subprocess.Popen([TROUPE, "--url", one.url, "backup", "-o", str(backup)], stderr=subprocess.DEVNULL)
        wait_until("it to begin", lambda: (backup / "backup.lock").exists())
        process.kill()
        process.wait()
        one.resume()
        self.assertEqual(troupe("backup", "verify", backup).returncode, 7)
        told("--url", one.url, "backup", "-o", backup)
        told("backup", "verify", backup)

    def test_a_state_that_breaks_off_is_fetched_anew_and_a_wrong_one_is_refused(self):
        one = self.new_cluster(1).start().nodes[0]
        one.wait_final(one.submit("echo", {"number": 5})["id"])
        told("--url", one.url, "backup", "-o", self.folder / "real")
        state = next((self.folder / "real").glob("state-*")).read_bytes()
        wrong = state[:400] + bytes([state[400] ^ 1]) + state[401:]
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        server.size = len(state)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def take(name, *script):
            server.script = list(script)
            return troupe("--url", f"http://127.0.0.1:{server.server_port}", "--patience", "2s", "backup", "-o", self.folder / name)

        self.assertEqual(take("anew", state[:500], state).returncode, 0)
        told("backup", "verify", self.folder / "anew")
        for name, code, script in (("never", 3, state[:500]), ("wrong", 7, wrong), ("short", 7, b"something else")):
            done = take(name, script)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual([path.name for path in (self.folder / name).iterdir()], ["backup.lock"])

    def test_a_survivor_goes_on_alone_and_others_join_it_anew(self):
        self.cluster.start()
        with Load(self.cluster, rate=40) as load:
            wait_until("some load", lambda: load.count() >= 40)
        running = self.cluster.nodes[0].submit("long", {"number": 1})["id"]
        wait_until("it to run", lambda: self.cluster.nodes[0].job(running)["state"] == "running")
        survivor, *lost = self.cluster.nodes
        refused = troupe("recover", "--data", survivor.data)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("already runs a node", refused.stderr)
        self.cluster.wait_level()
        ids = sorted(node.id for node in self.cluster.nodes)
        for node in self.cluster.nodes:
            node.kill()
        looked = json.loads(told("--json", "recover", "--data", survivor.data))
        self.assertEqual(sorted(looked["voters"]), ids)
        words = troupe("recover", "--unsafe", "--data", survivor.data, stdin="no\n")
        self.assertEqual(words.returncode, 2)
        self.assertIn("acknowledged after entry", words.stdout)
        self.assertEqual(json.loads(told("--json", "recover", "--data", survivor.data)), looked)
        self.assertIn("only voter", told("recover", "--unsafe", "--data", survivor.data, stdin="recover\n"))

        survivor.start()
        self.cluster.wait_ready([survivor])
        self.assertEqual([member["role"] for member in survivor.view()["members"]], ["leader"])
        self.assertEqual(load.complaints(survivor), [])
        wait_until("lost work to begin anew", lambda: survivor.job(running)["stages"][0]["attempts"] >= 2 or survivor.job(running)["state"] in FINAL, 30)
        lost[0].seeds = [survivor.address]
        self.start_elsewhere(lost[0])
        wait_until("the old node to be refused", lambda: "a node belongs to one cluster for life" in lost[0].log)
        lost[0].kill()
        for node in lost:
            shutil.rmtree(node.data)
            node.seeds = [survivor.address]
            node.known_id = None
            self.start_elsewhere(node)
        self.cluster.wait_ready()
        wait_until("three voters", lambda: self.cluster.voters() == 3)
        self.assertEqual(len(survivor.view()["members"]), 3)
        for job, number, *_ in load.acknowledged.values():
            self.assertEqual(lost[0].job(job)["result"], {"number": number})


if __name__ == "__main__":
    unittest.main(verbosity=2)
