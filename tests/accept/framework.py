"""Acceptance checks: numbered, each with a figure, a limit and a verdict.

A capability is one file here. It makes a `Suite`, adds checks with `@suite.check("A1", "what")` and ends with `suite.main()`:

    @suite.check("A2", "the demo makes a video")
    def demo(check):
        check.at_most("second run", seconds, 60, "s")

A check prints one line for each figure, `A2 | what: figure's name | figure | limit | PASS`. It may use `Node` (a node on a free
port in a temporary folder), `Http` and `sh`. Whatever a check starts is stopped at its end, also when it fails. Python's standard
library alone.
"""
import atexit
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TROUPE_BUILD", ROOT / "build" / "release"))
TROUPE = BUILD / "bin" / "troupe"


def say(text):
    """Progress for people; verdicts alone go to standard output."""
    print(f"accept: {text}", file=sys.stderr, flush=True)


class CheckFailed(Exception):
    """A check cannot go on."""


def sh(*command, timeout=600, cwd=ROOT, env=None, check=True, stream=False, stdin=None):
    """Runs a program. @returns subprocess.CompletedProcess with text; `stream` also shows its output while it runs."""
    words = [str(word) for word in command]
    environment = {**os.environ, **(env or {})}
    if not stream:
        done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, errors="replace", timeout=timeout, input=stdin)
    else:
        process = subprocess.Popen(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, errors="replace", start_new_session=True)
        deadline, lines = time.monotonic() + timeout, []
        try:
            for line in process.stdout:
                lines.append(line)
                print("    " + line, end="", file=sys.stderr, flush=True)
                if time.monotonic() > deadline:
                    raise CheckFailed(f"{words[0]} took longer than {timeout} s")
            process.wait(timeout=max(1, deadline - time.monotonic()))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        done = subprocess.CompletedProcess(words, process.returncode, "".join(lines), "")
    if check and done.returncode != 0:
        raise CheckFailed(f"{' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done


def subject():
    """What is judged: the commit, whether files differ from it, and the program."""
    commit = sh("git", "rev-parse", "--short", "HEAD", check=False).stdout.strip() or "no commit"
    changed = "" if sh("git", "status", "--porcelain", check=False).stdout == "" else " with changes"
    return f"{commit}{changed}, {TROUPE} ({hashlib.sha256(TROUPE.read_bytes()).hexdigest()[:12]})"


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, seconds=30, pause=0.05):
    """Waits for a condition of another process. @returns its first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(pause)
    raise CheckFailed(f"waited {seconds} s for {what}")


class Http:
    """Requests to one node; a new connection each, so that a restart is no surprise."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port

    def connect(self, timeout):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=60):
        """@returns (status, headers, bytes). A dict or list as body is sent as JSON. Raises OSError without an answer."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        except http.client.HTTPException as broken:
            raise ConnectionError(f"{method} {path}: {broken!r}") from broken
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None, expect=(200, 201, 202), timeout=60):
        status, _, data = self.request(method, path, body, headers, timeout)
        if status not in expect:
            raise CheckFailed(f"{method} {path} answered {status}: {data[:500]!r}")
        return json.loads(data)

    def events(self, path, after=0, timeout=120):
        """Yields (id or None, type, data) of an event stream until the server ends it. Raises OSError when it breaks."""
        connection = self.connect(timeout)
        try:
            connection.request("GET", path, headers={"Accept": "text/event-stream", "Last-Event-ID": str(after)})
            answer = connection.getresponse()
            if answer.status == 204:  # nothing more will ever come
                return
            if answer.status != 200:
                raise CheckFailed(f"GET {path} answered {answer.status}")
            event = {}
            for raw in answer:
                line = raw.decode().rstrip("\r\n")
                if not line and "data" in event:
                    yield event.get("id"), event.get("event", "message"), json.loads(event["data"])
                if not line:
                    event = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(":")
                    event[name] = value.removeprefix(" ")
        except http.client.HTTPException as broken:
            raise ConnectionError(f"GET {path}: {broken!r}") from broken
        finally:
            connection.close()

    def submit(self, pipeline, inputs, key=None, **more):
        return self.json("POST", "/v1/jobs", {"pipeline": pipeline, "inputs": inputs, **more}, {"Idempotency-Key": key} if key else {})

    def wait_final(self, job, seconds=120):
        """@returns the job object once it is final."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0:
            found = self.json("GET", f"/v1/jobs/{job}?wait={max(1, min(30, int(rest)))}s", timeout=60)
            if found["state"] in ("succeeded", "failed", "cancelled", "dead"):
                return found
        raise CheckFailed(f"job {job} was not final after {seconds} s")

    def put(self, data, media_type="application/octet-stream"):
        return self.json("POST", "/v1/artifacts", data, {"Content-Type": media_type})["artifact"]


class Node:
    """A node of this build, its data in a temporary folder that goes with it. `data` keeps it somewhere else."""

    alive = []

    def __init__(self, *options, data=None, env=None, port=None, program=TROUPE):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-accept-"))
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.options, self.env, self.program = [str(option) for option in options], env or {}, program
        self.port = port or free_port()
        self.log_path = self.folder / "node.log"
        self.process = None
        Node.alive.append(self)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def http(self):
        return Http(self.url)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, wait=True):
        """Starts it, or starts it again on the same port and data."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(self.program), "node", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *self.options],
                                            cwd=ROOT, env={**os.environ, **self.env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            wait_until("the node to be ready", self._is_ready)
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise CheckFailed(f"the node ended with {self.process.returncode}:\n{self.log[-3000:]}")
        with contextlib.suppress(OSError):
            return self.http.request("GET", "/readyz", timeout=2)[0] == 200
        return False

    def stop(self, number=signal.SIGINT, seconds=30):
        """@returns its exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            raise CheckFailed(f"the node did not end within {seconds} s after signal {number}") from late

    def kill(self):
        """kill -9, and nothing else: what its workers do then is part of the check."""
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self in Node.alive:
            Node.alive.remove(self)

    def troupe(self, *arguments, **more):
        """The command line client of this node's program, for this node."""
        return sh(self.program, "--url", self.url, *arguments, **more)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


class Check:
    """Collects the figures of one check."""

    def __init__(self, number, what):
        self.number, self.what, self.passed, self.lines, self.is_unproven = number, what, True, 0, False

    def line(self, name, figure, limit, good):
        self.passed, self.lines = self.passed and bool(good), self.lines + 1
        what = f"{self.what}: {name}" if name else self.what
        print(f"{self.number} | {what} | {figure} | {limit} | {'PASS' if good else 'FAIL'}", flush=True)

    def nothing_proven(self, why):
        """What the check needs is not here: it has neither passed nor failed."""
        print(f"{self.number} | {self.what}: nothing was proven, {why}", flush=True)
        self.is_unproven = True

    def that(self, name, good, figure="", limit="yes"):
        self.line(name, figure if figure != "" else ("yes" if good else "no"), limit, good)

    def equal(self, name, figure, expected):
        self.line(name, figure, f"= {expected}", figure == expected)

    def at_most(self, name, figure, most, unit=""):
        self.line(name, f"{figure:.3g} {unit}".strip(), f"<= {most} {unit}".strip(), figure <= most)

    def at_least(self, name, figure, least, unit=""):
        self.line(name, f"{figure:.3g} {unit}".strip(), f">= {least} {unit}".strip(), figure >= least)


class Suite:
    def __init__(self, name, targets=()):
        """`targets`: what the checks run from the release build; nothing: all of it."""
        self.name, self.targets, self.checks = name, targets, []

    def check(self, number, what):
        def added(function):
            self.checks.append((number, what, function))
            return function
        return added

    def main(self):
        wanted = sys.argv[1:]
        known = [number for number, _, _ in self.checks]
        for each in wanted:
            if each not in known:
                print(f"accept: {self.name} has no check {each}; there are {', '.join(known)}", file=sys.stderr)
                sys.exit(2)
        atexit.register(lambda: [node.close() for node in list(Node.alive)])
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(143))
        sh(ROOT / "scripts" / "setup", stream=True, timeout=3600)
        sh(ROOT / "scripts" / "build", "release", *self.targets, stream=True, timeout=7200)
        print(f"{self.name}: {subject()}", flush=True)
        run = [each for each in self.checks if not wanted or each[0] in wanted]
        ended = {number: self.run(number, what, function) for number, what, function in run}
        failed, unproven, passed = ([number for number in ended if ended[number] == end] for end in ("failed", "unproven", "passed"))
        verdict = f"FAIL ({', '.join(failed)})" if failed else f"PASS ({', '.join(passed)} of {', '.join(known)})" if passed else "no verdict"
        print(f"{self.name}: {verdict}" + (f"; nothing was proven by {', '.join(unproven)}" if unproven else ""), flush=True)
        sys.exit(1 if failed else 0)

    @staticmethod
    def run(number, what, function):
        say(f"{number}: {what}")
        check, started = Check(number, what), time.monotonic()
        try:
            function(check)
        except Exception as wrong:  # a check that cannot go on has failed; the others still run
            traceback.print_exc(file=sys.stderr)
            check.line("", str(wrong).replace("\n", " ").replace("|", "/")[:300], "no error", False)
        finally:
            for node in list(Node.alive):
                if not check.passed:
                    say(f"the end of the log of {node.url}:\n{node.log[-3000:]}")
                node.close()
        say(f"{number} took {time.monotonic() - started:.0f} s")
        if check.passed and check.is_unproven:
            return "unproven"
        return "passed" if check.passed and check.lines > 0 else "failed"
