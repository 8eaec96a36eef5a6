"""A load of mixed jobs whose right end is known, and what must be true of all that were acknowledged."""
import concurrent.futures
import hashlib
import json
import pathlib
import random
import shutil
import threading
import time
import urllib.parse
import uuid

from framework import ROOT

PROGRAM = "program: {mode: once, command: [./mixed.sh, %s], outputs: {number: integer%s}}"
STAGE = "{kind: exec, %s, params: {number: \"%s\"}, retry: {attempts: 3, backoff: 100ms..200ms}}"


def one(kind):
    return "stages:\n  only: " + STAGE % (PROGRAM % (kind, ""), "${inputs.number}") + "\nresult: {number: \"${stages.only.number}\"}\n"


PIPELINES = {
    "echo": one("echo"),
    "flaky": one("flaky"),
    "bad": one("bad"),
    "chain": "stages:\n  first: " + STAGE % (PROGRAM % ("file", ", file: file"), "${inputs.number}")
             + "\n  second: " + STAGE % (PROGRAM % ("echo", ""), "${stages.first.number}")
             + "\nresult: {number: \"${stages.second.number}\", file: \"${stages.first.file}\"}\n",
    "fan": "stages:\n  part: {kind: exec, " + PROGRAM % ("echo", "") + ", params: {number: \"${item}\"}, for_each: \"${inputs.parts}\"}\n"
           "result: {numbers: \"${stages.part.number}\"}\n",
    "film": "stages:\n  film: {kind: media.still, params: {image: \"${inputs.image}\", duration_ms: 200, width: 64, height: 48, fps: 10}}\n"
            "result: {film: \"${stages.film.clip}\"}\n",
}
INPUTS = {"fan": "inputs: {parts: {type: list of integer, required: true}}\n", "film": "inputs: {image: {type: image, required: true}}\n"}
#        kind -> share of the load
COMMITTED_STAGES = {"echo": 1, "flaky": 1, "chain": 2, "film": 1, "fan": 3, "bad": 0}
SHARES = {"echo": 40, "chain": 20, "flaky": 15, "bad": 10, "fan": 10, "film": 5}


def install(folder):
    """Writes the load's pipelines into a folder for `--pipelines`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests" / "accept" / "programs" / "mixed.sh", folder)
    for name, text in PIPELINES.items():
        inputs = INPUTS.get(name, "inputs: {number: {type: integer, required: true}}\n")
        (folder / f"{name}.yaml").write_text(f"name: {name}\n{inputs}{text}")


class Load:
    """Submits at a fixed rate until told to stop. A submission whose answer is lost is repeated with its key until there is one."""

    def __init__(self, http, rate, picture, seed, reads=False):
        """`reads`: each job is also asked for once it is acknowledged."""
        self.http, self.rate, self.picture, self.random, self.reads = http, rate, picture, random.Random(seed), reads
        self.acknowledged, self.lock, self.wrong = {}, threading.Lock(), []
        self.stopping = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(64)
        self.image = None
        self.replayed, self.begun = 0, []  # answers that named an earlier try; futures of all submissions
        self.tries, self.read_tries = [], []  # requests that each acknowledged submission took, and each read after it
        self.slowest = 0.0  # s that one of these submissions took, with all its requests
        self.seconds = 0.0  # for which it was to submit

    def start(self):
        self.image = {"artifact": self.http.put(self.picture, "image/png")}
        self.thread, self.started = threading.Thread(target=self._pace, daemon=True), time.monotonic()
        self.thread.start()

    def stop(self):
        """Ends the load and waits until each submission that was begun has its answer."""
        self.stopping.set()
        self.thread.join()
        self.seconds = time.monotonic() - self.started
        self.pool.shutdown(wait=True)
        self.wrong += [repr(each.exception()) for each in self.begun if each.exception()]

    def _pace(self):
        begin, number = time.monotonic(), 0
        while not self.stopping.wait(max(0.0, begin + number / self.rate - time.monotonic())):
            kind = self.random.choices(list(SHARES), list(SHARES.values()))[0]
            self.begun.append(self.pool.submit(self._submit, kind, number))
            number += 1

    def _submit(self, kind, number):
        inputs = {"fan": {"parts": [number, number + 1, number + 2]}, "film": {"image": self.image}}.get(kind, {"number": number})
        key, began, tries = str(uuid.uuid4()), time.monotonic(), 0
        deadline = began + 120
        while time.monotonic() < deadline:
            tries += 1
            try:
                status, headers, body = self.http.request("POST", "/v1/jobs", {"pipeline": kind, "inputs": inputs}, {"Idempotency-Key": key}, timeout=10)
            except OSError:
                status, body = 0, b""
            if status == 202:
                job = json.loads(body)["id"]
                with self.lock:
                    self.acknowledged[key] = (kind, number, inputs, job)
                    self.tries.append(tries)
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.replayed += headers.get("idempotency-replayed") == "true"
                if self.reads:
                    self._read(f"{kind} {number}", job)
                return
            if status not in (0, 429, 503, 504):
                with self.lock:
                    self.wrong.append(f"{kind} {number}: answered {status}: {body[:200]!r}")
                return
            time.sleep(0.05)
        with self.lock:
            self.wrong.append(f"{kind} {number}: no answer in 120 s")


    def _read(self, name, job):
        """Any node knows a job that any node has acknowledged."""
        status = 0
        for tries in range(1, 100):
            try:
                status, _, body = self.http.request("GET", f"/v1/jobs/{job}", timeout=10)
            except OSError:
                status, body = 0, b""
            if status == 200:
                with self.lock:
                    self.read_tries.append(tries)
                return
            if status not in (0, 429, 503, 504):
                break
            time.sleep(0.05)
        with self.lock:
            self.wrong.append(f"{name}: acknowledged, then a read was answered {status}: {body[:200]!r}")

    def share_begun(self):
        """Submissions that were begun, of those that were due; once it has stopped."""
        return len(self.begun) / (self.rate * self.seconds)


def lists_of(http):
    """Each job that a node knows: id -> (state, revision)."""
    listed, cursor = {}, ""
    while True:
        page = http.json("GET", "/v1/jobs?limit=500" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
        listed |= {job["id"]: (job["state"], job["revision"]) for job in page["jobs"]}
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return listed


def expected_end(kind, number, inputs, job):
    """What is wrong with the end of a job; "" if it is right."""
    if kind == "bad":
        return "" if job["state"] == "failed" and job["error"]["cause"] == "bad_input" else f"is {job['state']}, not failed for bad input"
    if job["state"] != "succeeded":
        return f"is {job['state']}: {job['error']}"
    result = job["result"]
    if kind == "fan":
        return "" if result["numbers"] == inputs["parts"] else f"has numbers {result['numbers']}"
    if kind == "film":
        return "" if len(result["film"]["artifact"]) == 64 else "has no film"
    return "" if result["number"] == number else f"has number {result['number']}, not {number}"


def compare_with_list(http, load, found):
    """Each acknowledged submission is one job, and there are no others."""
    listed = set(lists_of(http))
    known = {entry[3] for entry in load.acknowledged.values()}
    found["twice"] += [f"job {each}: nobody was told of it" for each in sorted(listed - known)]
    found["lost"] += [f"job {each}: not in the list" for each in sorted(known - listed)]
    if len(known) != len(load.acknowledged):
        found["wrong"].append(f"{len(load.acknowledged)} submissions are {len(known)} jobs")


def examine(http, load, seconds=300):
    """Waits until all acknowledged jobs have ended. @returns {"lost", "twice", "wrong", "artifacts_missing"}: lists of complaints."""
    found = {"lost": [], "twice": [], "wrong": list(load.wrong), "artifacts_missing": []}

    def look(entry):
        key, (kind, number, inputs, job) = entry
        name = f"{kind} {number} ({job})"
        status, _, body = http.request("GET", f"/v1/jobs/{job}")
        if status == 404:
            found["lost"].append(name)
            return
        ended = http.wait_final(job, seconds)
        complaint = expected_end(kind, number, inputs, ended)
        if complaint:
            found["wrong"].append(f"{name} {complaint}")
        events = [(id_, type_, data) for id_, type_, data in http.events(f"/v1/jobs/{job}/events") if id_ is not None]
        committed = [(data.get("stage"), data.get("instance", 0)) for _, type_, data in events if type_ == "stage_done"]
        if len(committed) != COMMITTED_STAGES[kind] or len(set(committed)) != len(committed):
            found["twice"].append(f"{name}: {committed}")
        if [int(id_) for id_, _, _ in events] != list(range(1, ended["revision"] + 1)):
            found["wrong"].append(f"{name}: its events are {[id_ for id_, _, _ in events]}, its revision is {ended['revision']}")
        if kind == "flaky" and "attempt_failed" not in [type_ for _, type_, _ in events]:
            found["wrong"].append(f"{name}: its first attempt did not fail")
        again, _, body = http.request("POST", "/v1/jobs", {"pipeline": kind, "inputs": inputs}, {"Idempotency-Key": key})
        if again != 202 or json.loads(body)["id"] != job:
            found["wrong"].append(f"{name}: its key gives {again} {body[:100]!r}")
        for value in (ended["result"] or {}).values():
            if isinstance(value, dict) and "artifact" in value:
                status, headers, data = http.request("GET", f"/v1/artifacts/{value['artifact']}")
                if status != 200 or hashlib.sha256(data).hexdigest() != value["artifact"]:
                    found["artifacts_missing"].append(f"{name}: {value['artifact']} answered {status}")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in concurrent.futures.as_completed([pool.submit(look, entry) for entry in load.acknowledged.items()]):
            try:
                done.result()
            except Exception as broken:  # whatever it is, the job was not seen to end right
                found["wrong"].append(repr(broken))
    compare_with_list(http, load, found)
    return found
