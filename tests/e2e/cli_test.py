"""The client program against a scripted node: what it prints, what it sends, how it ends.

    cli_test.py TROUPE_PROGRAM
"""
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from fake_node import JOB, VIDEO, FakeNode

TROUPE = sys.argv.pop(1)
VIDEO_HASH = hashlib.sha256(VIDEO).hexdigest()


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.node = FakeNode()
        self.folder = tempfile.TemporaryDirectory()
        self.here = pathlib.Path(self.folder.name)
        (self.here / "me.png").write_bytes(b"\x89PNG not really")

    def tearDown(self):
        self.node.stop()
        self.folder.cleanup()

    def troupe(self, *arguments, url=None, stdin=None):
        environment = {**os.environ, "TROUPE_URL": url or self.node.url}
        return subprocess.run([TROUPE, *arguments], cwd=self.here, env=environment, input=stdin, capture_output=True, text=True, timeout=60)

    def submit(self, *more, **named):
        return self.troupe("submit", "video-message", "--image", "me.png", "--text", "Hello", *more, **named)

    def ended(self, result, code):
        self.assertEqual(result.returncode, code, f"stdout: {result.stdout}\nstderr: {result.stderr}")
        return result


class Submit(ClientTest):
    def test_uploads_the_file_submits_and_prints_the_id(self):
        done = self.ended(self.submit("--label", "for=test", "--priority", "high", "--deadline", "10m"), 0)
        self.assertEqual(done.stdout, JOB + "\n")
        (request,) = self.node.jobs_by_key.values()
        image = hashlib.sha256((self.here / "me.png").read_bytes()).hexdigest()
        self.assertEqual(request, {"pipeline": "video-message", "inputs": {"image": {"artifact": image}, "text": "Hello"},
                                   "labels": {"for": "test"}, "priority": "high", "deadline_ms": 600000})

    def test_follow_tells_the_story_and_prints_the_result(self):
        done = self.ended(self.submit("--follow"), 0)
        self.assertEqual(done.stdout, f"video: {self.node.url}/v1/artifacts/{VIDEO_HASH}\n")
        for line in ("speak: done", "compose: attempt 1 started", "compose: 30%, 30/100 frames, 0:02 left, encoding", "succeeded"):
            self.assertIn(line, done.stderr)

    def test_follow_saves_the_result_under_its_name_when_it_is_complete(self):
        self.ended(self.submit("-o", "out.mp4"), 0)
        self.assertEqual((self.here / "out.mp4").read_bytes(), VIDEO)
        self.assertEqual(sorted(p.name for p in self.here.iterdir()), ["me.png", "out.mp4"])

    def test_an_output_that_cannot_be_written_is_found_before_anything_is_sent(self):
        done = self.ended(self.submit("-o", "missing/out.mp4"), 7)
        self.assertIn("missing/out.mp4", done.stderr)
        self.assertEqual(self.node.requests, [])

    def test_json_goes_to_standard_output_alone(self):
        done = self.ended(self.submit("--follow", "--json"), 0)
        self.assertEqual(json.loads(done.stdout)["state"], "succeeded")

    def test_an_unknown_input_is_named_with_a_hint_before_anything_is_uploaded(self):
        done = self.ended(self.troupe("submit", "video-message", "--imgae", "me.png", "--text", "x"), 2)
        self.assertIn("did you mean 'image'?", done.stderr)
        self.assertEqual(self.node.count("POST", ".*"), 0)

    def test_texts_come_from_files_and_standard_input(self):
        (self.here / "said.txt").write_text("from a file")
        self.ended(self.troupe("submit", "video-message", "--image=-", "--text", "@said.txt", stdin="a picture"), 0)
        (request,) = self.node.jobs_by_key.values()
        self.assertEqual(request["inputs"], {"image": {"artifact": hashlib.sha256(b"a picture").hexdigest()}, "text": "from a file"})

    def test_a_repeated_input_is_a_list_and_each_file_goes_up_once(self):
        self.ended(self.submit("--extra", "me.png", "--extra", "me.png"), 0)
        (request,) = self.node.jobs_by_key.values()
        self.assertEqual(len(request["inputs"]["extra"]), 2)
        self.assertEqual(self.node.count("POST", "/v1/artifacts"), 1)

    def test_a_failed_job_is_told_with_its_error_and_what_the_program_wrote(self):
        self.node.final_state = "dead"
        done = self.ended(self.submit("--follow"), 1)
        self.assertIn("compose crashed: signal 11", done.stderr)
        self.assertIn("| frame 7: bad things", done.stderr)

    def test_a_cancelled_job_has_a_status_of_its_own(self):
        self.node.final_state = "cancelled"
        self.ended(self.submit("--follow"), 6)


class Trouble(ClientTest):
    def test_a_busy_node_is_asked_again_after_the_time_that_it_names(self):
        busy = lambda handler: handler.problem(429, "queue_full", "10000 jobs wait", [("Retry-After", "1")])
        self.node.script("POST", "/v1/jobs", [busy])
        done = self.ended(self.submit(), 0)
        self.assertIn("10000 jobs wait (queue_full, 429); trying again in 1s", done.stderr)

    def test_a_node_that_stays_busy_is_given_up(self):
        busy = lambda handler: handler.problem(429, "queue_full", "10000 jobs wait", [("Retry-After", "90")])
        self.node.script("POST", "/v1/jobs", [busy])
        self.assertIn("it asks to come back in 90s", self.ended(self.submit("--patience", "1s"), 4).stderr)

    def test_a_lost_answer_is_asked_for_again_with_the_same_key(self):
        self.node.script("POST", "/v1/jobs", [lambda handler: handler.drop(), lambda handler: handler.drop()])
        self.ended(self.submit(), 0)
        keys = {headers["Idempotency-Key"] for method, path, headers, _ in self.node.requests if (method, path) == ("POST", "/v1/jobs")}
        self.assertEqual(self.node.count("POST", "/v1/jobs"), 3)
        self.assertEqual(len(keys), 1)

    def test_a_stream_that_breaks_goes_on_where_it_broke(self):
        self.node.script("GET", f"/v1/jobs/{JOB}/events", [lambda handler: handler.stream(2), lambda handler: handler.stream(3)])
        done = self.ended(self.submit("--follow"), 0)
        after = [headers.get("Last-Event-ID") for method, path, headers, _ in self.node.requests if path.endswith("/events")]
        self.assertEqual(after, ["0", "2", "4"])
        self.assertEqual(done.stderr.count("speak: done"), 1)
        self.assertIn("trying again", done.stderr)

    def test_a_node_that_restarts_during_the_stream_is_awaited(self):
        def die(handler):
            def restart():
                self.node.stop()
                self.node.start()
            handler.stream(2)
            thread = threading.Thread(target=restart)
            self.addCleanup(thread.join)
            thread.start()
        self.node.script("GET", f"/v1/jobs/{JOB}/events", [die])
        self.assertIn("succeeded", self.ended(self.submit("--follow"), 0).stderr)

    def test_a_node_that_does_not_answer_is_unreachable(self):
        with socket.socket() as taken:  # bound but not listening: nobody else can answer there
            taken.bind(("127.0.0.1", 0))
            done = self.ended(self.troupe("jobs", "--patience", "300ms", url=f"http://127.0.0.1:{taken.getsockname()[1]}"), 3)
        self.assertIn("trying again", done.stderr)

    def test_a_node_that_takes_a_connection_and_says_nothing_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            done = self.ended(self.troupe("jobs", "--patience", "1s", url=f"http://127.0.0.1:{silent.getsockname()[1]}"), 3)
        self.assertIn("connected, but not a byte came for 5s", done.stderr)
        self.assertNotIn("trying again", done.stderr)

    def test_an_answer_of_something_else_is_no_crash(self):
        self.node.script("GET", "/v1/jobs", [lambda handler: handler.answer(200, b"<html>\x1b[31m hello"), lambda handler: handler.answer(500, b"\x1b[31m oops")])
        self.assertIn("is it a Troupe node?", self.ended(self.troupe("jobs"), 5).stderr)
        self.assertNotIn("\x1b", self.ended(self.troupe("jobs"), 5).stderr)

    def test_a_refusal_is_told_with_the_nodes_words(self):
        done = self.ended(self.troupe("job", "ffff000000000000"), 4)
        self.assertIn("there is no /v1/jobs/ffff000000000000", done.stderr)

    def test_control_c_leaves_the_job_running_and_says_how_to_come_back(self):
        streaming = threading.Event()
        over = threading.Event()
        self.addCleanup(over.set)

        def hang(handler):
            handler.send_response(200)
            handler.send_header("Content-Type", "text/event-stream")
            handler.end_headers()
            handler.wfile.write(b": hello\n\n")
            handler.wfile.flush()
            streaming.set()
            over.wait(30)

        self.node.script("GET", f"/v1/jobs/{JOB}/events", [hang])
        process = subprocess.Popen([TROUPE, "--url", self.node.url, "submit", "video-message", "--image", "me.png", "--text", "x", "--follow"],
                                   cwd=self.here, stderr=subprocess.PIPE, text=True)
        self.assertTrue(streaming.wait(30))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn(f"troupe watch {JOB}", said)
        self.assertEqual(self.node.count("POST", f"/v1/jobs/{JOB}/cancel"), 0)


class Artifacts(ClientTest):
    def test_put_prints_the_hash_and_get_brings_the_bytes_back(self):
        put = self.ended(self.troupe("artifact", "put", "me.png"), 0)
        name = put.stdout.strip()
        self.ended(self.troupe("artifact", "get", name, "-o", "again.png"), 0)
        self.assertEqual((self.here / "again.png").read_bytes(), (self.here / "me.png").read_bytes())

    def test_usage_says_what_is_stored_and_what_was_removed(self):
        figures = {"count": 12, "bytes": 3 << 20, "collected": 4, "collected_bytes": 2048, "copies_restored": 1}
        self.node.script("GET", "/v1/node", [lambda handler: handler.answer(200, {"artifacts": figures})] * 2)
        said = self.ended(self.troupe("artifact", "usage"), 0).stdout
        for part in ("12 artifacts, 3.0 MiB", "4 removed (2.0 KiB)", "1 copies restored"):
            self.assertIn(part, said)
        self.assertEqual(json.loads(self.ended(self.troupe("--json", "artifact", "usage"), 0).stdout), figures)

    def test_a_download_that_breaks_goes_on_where_it_broke(self):
        def half(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(VIDEO)))
            handler.end_headers()
            handler.wfile.write(VIDEO[:100000])
            handler.drop()
        self.node.script("GET", f"/v1/artifacts/{VIDEO_HASH}", [half])
        self.ended(self.troupe("artifact", "get", VIDEO_HASH, "-o", "v.mp4"), 0)
        self.assertEqual((self.here / "v.mp4").read_bytes(), VIDEO)
        ranges = [headers.get("Range") for method, path, headers, _ in self.node.requests if method == "GET"]
        self.assertEqual(ranges, [None, "bytes=100000-"])

    def test_bytes_with_a_wrong_checksum_are_not_kept(self):
        self.node.script("GET", f"/v1/artifacts/{VIDEO_HASH}", [lambda handler: handler.answer(200, VIDEO[:-1] + b"x")])
        done = self.ended(self.troupe("artifact", "get", VIDEO_HASH, "-o", "v.mp4"), 5)
        self.assertIn("arrived damaged", done.stderr)
        self.assertEqual([p.name for p in self.here.iterdir()], ["me.png"])


class Jobs(ClientTest):
    def test_the_list_the_job_and_its_cancellation(self):
        self.assertIn(JOB, self.ended(self.troupe("jobs", "--state", "succeeded", "--label", "a=b"), 0).stdout)
        self.assertIn("state: running", self.ended(self.troupe("job", JOB), 0).stdout)
        self.assertEqual(self.ended(self.troupe("cancel", JOB, "--reason", "enough"), 0).stdout, f"{JOB} cancelled\n")
        self.assertEqual(json.loads(self.node.requests[-1][3]), {"reason": "enough"})

    def test_watch_with_json_prints_each_event_and_the_job(self):
        lines = [json.loads(line) for line in self.ended(self.troupe("watch", JOB, "--json"), 0).stdout.splitlines()]
        self.assertEqual([line.get("type") for line in lines], ["submitted", "attempt_started", "stage_done", "attempt_started", "progress",
                                                                 "progress", "stage_done", "succeeded", None])
        self.assertEqual(lines[-1]["state"], "succeeded")

    def test_the_pipelines_and_what_they_take(self):
        self.assertIn("--image image", self.ended(self.troupe("pipeline", "list"), 0).stdout)

    def test_help_names_the_exit_codes_and_nonsense_is_a_usage_error(self):
        self.assertIn("130 interrupted", self.ended(self.troupe("--help"), 0).stdout)
        self.ended(self.troupe("jobs", "--state", "asleep"), 2)
        self.ended(self.troupe("jobs", url="nonsense"), 2)


if __name__ == "__main__":
    unittest.main(verbosity=1)
