"""A scripted node for tests of the client: a small part of the HTTP API, and faults on demand.

It listens on a port that the system chooses. `node.script(METHOD, PATH, [step, ...])` sets what the next requests meet: a step
is a function of the request handler. When a script is used up, the ordinary answer follows.
"""
import hashlib
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIPELINE = {
    "name": "video-message", "description": "A picture that speaks", "hash": "0" * 64,
    "inputs": [
        {"name": "image", "type": "image", "list": False, "required": True, "default": None, "choices": [], "description": "who speaks"},
        {"name": "text", "type": "text", "list": False, "required": True, "default": None, "choices": [], "description": "what is said"},
        {"name": "voice", "type": "text", "list": False, "required": False, "default": "slt", "choices": ["slt", "kal"], "description": ""},
        {"name": "extra", "type": "file", "list": True, "required": False, "default": [], "choices": [], "description": ""},
    ],
    "stages": [{"name": "speak", "kind": "media.speak", "needs": []}, {"name": "compose", "kind": "media.compose", "needs": ["speak"]}],
}
JOB = "00f00000000000ab"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 2000


def stage(name, state, done):
    return {"name": name, "kind": "media." + name, "state": state, "instances": 1, "instances_done": int(done), "attempts": 1,
            "permille": 1000 if done else 0, "frames_done": 0, "frames_total": 0, "eta_ms": None, "message": "", "started_at": None,
            "ended_at": None, "reason": "", "outputs": None, "last_failure": None}


class FakeNode:
    def __init__(self):
        self.lock = threading.Lock()
        self.scripts = {}
        self.requests = []            # (method, path, headers, body)
        self.artifacts = {}
        self.jobs_by_key = {}
        self.final_state = "succeeded"
        self.events_sent_before_loss = None
        self.server = None
        self.port = 0
        self.start()

    def start(self):
        node = self

        class Handler(RequestHandler):
            fake = node

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def script(self, method, path, steps):
        self.scripts[(method, path)] = list(steps)

    def count(self, method, path_pattern):
        with self.lock:
            return sum(1 for m, p, _, _ in self.requests if m == method and re.fullmatch(path_pattern, p))

    def job(self, final):
        state = self.final_state if final else "running"
        good = state == "succeeded"
        error = None
        stages = [stage("speak", "done", True), stage("compose", "done" if good and final else "running", good and final)]
        if state in ("failed", "dead"):
            error = {"stage": "compose", "cause": "crashed", "detail": "signal 11"}
            stages[1]["state"] = "failed"
            stages[1]["last_failure"] = {"cause": "crashed", "detail": "signal 11", "stderr": "frame 7: bad things\n"}
        return {"id": JOB, "pipeline": "video-message", "pipeline_hash": "0" * 64, "state": state, "revision": 6 if final else 1, "priority": 5,
                "labels": {}, "created_at": "2026-01-01T00:00:00.000Z", "started_at": None, "ended_at": None, "deadline": None,
                "permille": 1000 if good and final else 0, "inputs": {}, "stages": stages,
                "result": {"video": {"artifact": hashlib.sha256(VIDEO).hexdigest()}} if good and final else None, "error": error,
                "links": {"self": f"/v1/jobs/{JOB}", "events": f"/v1/jobs/{JOB}/events", "cancel": f"/v1/jobs/{JOB}/cancel"}}

    def events(self):
        def journalled(revision, kind, **data):
            body = {"job": JOB, "revision": revision, "type": kind, "at": "2026-01-01T00:00:00.000Z", **data}
            return (revision, f"id: {revision}\nevent: {kind}\ndata: {json.dumps(body)}\n\n")

        def progress(stage_name, permille, done, total):
            body = {"job": JOB, "stage": stage_name, "instance": 0, "attempt": 1, "permille": permille, "frames_done": done,
                    "frames_total": total, "eta_ms": 1500, "message": "encoding"}
            return (None, f"event: progress\ndata: {json.dumps(body)}\n\n")

        return [journalled(1, "submitted"), journalled(2, "attempt_started", stage="speak", instance=0, attempt=1), (None, ": keep-alive\n\n"),
                journalled(3, "stage_done", stage="speak", instance=0, attempt=1, outputs={"duration_ms": 1000}),
                journalled(4, "attempt_started", stage="compose", instance=0, attempt=1), progress("compose", 300, 30, 100),
                progress("compose", 900, 90, 100), journalled(5, "stage_done", stage="compose", instance=0, attempt=1),
                journalled(6, self.final_state, **({} if self.final_state == "succeeded" else {"stage": "compose", "cause": "crashed", "detail": "signal 11"}))]


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake = None
    wbufsize = -1

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            data = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, value, headers=()):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
            self.wfile.flush()

    def problem(self, status, code, detail, headers=()):
        self.answer(status, {"type": f"about:blank#{code}", "title": code, "status": status, "code": code, "detail": detail},
                    [("Content-Type", "application/problem+json"), *headers])

    def drop(self):
        """Breaks the connection without an answer, or in the middle of one."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def handle_any(self):
        body = self.body()
        path = self.path.split("?")[0]
        self.parsed_body = body
        with self.fake.lock:
            self.fake.requests.append((self.command, path, dict(self.headers), body))
            steps = self.fake.scripts.get((self.command, path))
            step = steps.pop(0) if steps else None
        if step:
            return step(self)
        return self.ordinary(path, body)

    do_GET = do_POST = do_HEAD = handle_any

    def ordinary(self, path, body):
        fake = self.fake
        if path == "/v1/pipelines":
            return self.answer(200, {"pipelines": [PIPELINE]})
        if path == "/v1/pipelines/video-message":
            return self.answer(200, PIPELINE)
        if path == "/v1/artifacts" and self.command == "POST":
            name = hashlib.sha256(body).hexdigest()
            fake.artifacts[name] = body
            return self.answer(201, {"artifact": name, "size": len(body), "media_type": self.headers["Content-Type"]})
        if path.startswith("/v1/artifacts/"):
            return self.artifact(path.rsplit("/", 1)[1])
        if path == "/v1/jobs" and self.command == "POST":
            fake.jobs_by_key[self.headers["Idempotency-Key"]] = json.loads(body)
            return self.answer(202, fake.job(False), [("Location", f"/v1/jobs/{JOB}")])
        if path == "/v1/jobs":
            return self.answer(200, {"jobs": [fake.job(True)], "next_cursor": None, "as_of": 9})
        if path == f"/v1/jobs/{JOB}":
            return self.answer(200, fake.job(getattr(fake, "ended", False)))
        if path == f"/v1/jobs/{JOB}/cancel":
            fake.final_state = "cancelled"
            return self.answer(200, fake.job(True))
        if path == f"/v1/jobs/{JOB}/events":
            return self.stream(None)
        return self.problem(404, "not_found", f"there is no {path}")

    def artifact(self, name):
        data = {**self.fake.artifacts, hashlib.sha256(VIDEO).hexdigest(): VIDEO}.get(name)
        if data is None:
            return self.problem(404, "not_found", "there is no such artifact")
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        headers = [("Content-Type", "video/mp4"), ("ETag", f'"{name}"')]
        if not start:
            return self.answer(200, data, headers)
        at = int(start[1])
        return self.answer(206, data[at:], [*headers, ("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")])

    def stream(self, most):
        """Sends the events after Last-Event-ID; with `most`, so many of them, then the connection breaks."""
        after = int(self.headers.get("Last-Event-ID", "0"))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        seen = after
        sent = 0
        for revision, text in self.fake.events():
            if revision is not None:
                seen = revision
            if seen <= after:
                continue
            self.wfile.write(text.encode())
            self.wfile.flush()
            sent += 1
            if most is not None and sent == most:
                return self.drop()
        self.fake.ended = True
        self.close_connection = True
