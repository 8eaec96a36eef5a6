"""First light: one node makes a video from nothing but this repository."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import tempfile
import time

import mixed_load
from framework import BUILD, ROOT, CheckFailed, Node, Suite, say, sh, wait_until
from media_facts import decode_errors, difference, grey_frames, mean_volume, probe, spread
from processes import kill_with_workers

suite = Suite("first-light", ["troupe", "troupe-worker", "sim", "bench_submit", "troupe_power_loss", "troupe_sync_trace"])

SERVE_PIPELINE = """\
name: squares
inputs:
  numbers: {type: list of integer, required: true}
stages:
  square:
    kind: exec
    for_each: ${inputs.numbers}
    program:
      mode: serve
      command: [python3, ./counting_model.py, "STARTS"]
      outputs:
        square: {type: integer}
        process: {type: integer}
    params:
      number: ${item}
result:
  squares: ${stages.square.square}
  processes: ${stages.square.process}
"""


@suite.check("A1", "a fresh Debian 12")
def fresh(check):
    started = time.monotonic()
    done = sh("scripts/fresh-check", stream=True, timeout=4 * 3600, check=False)
    lines = done.stdout.splitlines()
    check.that("demo", any(line.startswith("fresh-check: demo: exit 0") for line in lines))
    check.that("tests", any(line.startswith("fresh-check: test: exit 0") for line in lines),
               next((line for line in reversed(lines) if line.endswith(" failed") and " passed, " in line), "no summary"), "0 failed")
    check.equal("exit status", done.returncode, 0)
    say(f"fresh-check took {time.monotonic() - started:.0f} s")


def run_demo():
    """@returns (film, seconds, what the demo printed)."""
    before = set((ROOT / "build" / "demo").glob("*.mp4"))
    started = time.monotonic()
    done = sh("scripts/demo", stream=True, timeout=3600)
    seconds = time.monotonic() - started
    new = sorted(set((ROOT / "build" / "demo").glob("*.mp4")) - before)
    return (new[0] if len(new) == 1 else None), seconds, done.stdout


@suite.check("A2", "the demo makes a film that speaks")
def demo(check):
    run_demo()  # the first run may build
    film, seconds, printed = run_demo()
    check.that("a new file each run", film is not None, film.name if film else "none", "one new .mp4")
    check.at_most("second run", seconds, 60, "s")
    if not film:
        return
    facts = probe(film)
    check.equal("video codec", (facts["video"] or {}).get("codec_name"), "h264")
    check.equal("audio codec", (facts["audio"] or {}).get("codec_name"), "aac")
    errors = decode_errors(film)
    check.that("decodes to the end", errors == "", errors[:200] or "no complaint", "no complaint")
    spoken = [line for line in printed.splitlines() if line.startswith("demo: speech ")]
    speech = int(spoken[0].split()[2]) / 1000 if spoken else -1e9
    check.at_most("length against the speech", abs(facts["seconds"] - speech), 0.1, "s")
    frames = grey_frames(film, 5)
    check.at_least("least spread of a frame's grey values", min(spread(frame) for frame in frames), 10)
    check.at_least("change from the first to the last frame", difference(frames[0], frames[-1]), 1)
    check.at_least("mean volume", mean_volume(film), -40, "dB")


@suite.check("A3", "kill -9 of node and workers under 20 jobs/s")
def killed(check, kills=50, rate=20):
    chance = random.Random(int(os.environ.get("TROUPE_ACCEPT_SEED", time.time())))
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        mixed_load.install(pathlib.Path(folder) / "pipelines")
        with Node("--slots", 4, "--pipelines", pathlib.Path(folder) / "pipelines") as node:
            load = mixed_load.Load(node.http, rate, picture(folder), chance.random())
            load.start()
            processes, blows = 0, 0
            for number in range(kills):
                time.sleep(chance.uniform(0.05, 2.5))  # the random moment
                processes += strike(node)
                blows += 1
                node.start(wait=chance.random() < 0.8)  # else the next blow may fall during the recovery
                say(f"kill {number + 1} of {kills}, {len(load.acknowledged)} jobs acknowledged")
            wait_until("the node to be ready", node._is_ready)
            load.stop()
            found = mixed_load.examine(node.http, load)
            check.at_least("kills of node and workers at once", blows, 50)
            check.at_least("processes killed", processes, kills * 3)
            check.at_least("acknowledged jobs", len(load.acknowledged), 15 * kills)
            check.at_least("submissions that had been taken although their answer was lost", load.replayed, 1)
            report(check, found)
            check.equal("exit status of the node", node.stop(), 0)


def strike(node):
    """kill -9 of a living node and all below it. @returns how many processes died of it."""
    if node.process.poll() is not None:
        raise CheckFailed(f"the node ended by itself with {node.process.returncode}")
    killed = kill_with_workers(node.process.pid)
    if node.process.wait() != -signal.SIGKILL:
        raise CheckFailed(f"the node ended by itself with {node.process.returncode}, before the blow")
    return killed


def picture(folder):
    file = pathlib.Path(folder) / "picture.png"
    sh("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", file)
    return file.read_bytes()


def report(check, found):
    for what, name in (("lost", "acknowledged jobs lost"), ("twice", "results committed twice"), ("wrong", "jobs that did not end right"),
                       ("artifacts_missing", "results that are missing or differ")):
        for complaint in found[what][:10]:
            say(f"{name}: {complaint}")
        check.equal(name, len(found[what]), 0)


PARKED = """\
name: parked
inputs: {text: {type: text, required: true}}
stages:
  wait: {kind: exec, program: {mode: once, command: ["true"], outputs: {}}, params: {text: "${inputs.text}"}, requires: {labels: [nowhere]}}
result: {}
"""


@suite.check("A4", "nothing is acknowledged before it is on the disk")
def durable(check, submissions=10000, cuts=5):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-", dir=BUILD) as folder:  # a real disk, not tmpfs
        trace_answers(check, pathlib.Path(folder), submissions)
        cut_power(check, pathlib.Path(folder), cuts)


def library(name):
    found = list(BUILD.rglob(f"lib{name}.so"))
    if len(found) != 1:
        raise CheckFailed(f"lib{name}.so is not built: {found}")
    return str(found[0])


def trace_answers(check, folder, submissions):
    (folder / "parked").mkdir()
    (folder / "parked" / "parked.yaml").write_text(PARKED)
    trace = folder / "trace"
    node = Node("--slots", 1, "--pipelines", folder / "parked", "--set", "queue.limit=1000000", data=folder / "traced",
                env={"LD_PRELOAD": library("troupe_sync_trace"), "TROUPE_SYNC_TRACE": str(trace), "TROUPE_SYNC_TRACE_DIRECTORY": str(folder / "traced" / "journal")})
    node.start()

    def submit_some(client):
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
        accepted = 0
        for number in range(submissions // 16):
            connection.request("POST", "/v1/jobs", json.dumps({"pipeline": "parked", "inputs": {"text": f"{client} {number} " + "x" * 1000}}),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            accepted += answer.status == 202
        return accepted

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        accepted = sum(pool.map(submit_some, range(16)))
    check.equal("exit status of the traced node", node.stop(), 0)
    proof = sh("python3", "tests/e2e/check_sync_trace.py", "--at-least", submissions, trace, check=False)
    check.at_least("submissions answered 202", accepted, submissions)
    proven = re.search(r"proven=(\d+)", proof.stdout)
    check.equal("of these with a sync that began after the record was written and ended before the answer", int(proven[1]) if proven else 0, accepted)
    check.equal("exit status of the trace's checker", proof.returncode, 0)


def cut_power(check, folder, cuts):
    """A file system that forgets: after each kill the data directory is what was synced, and nothing else."""
    mixed_load.install(folder / "pipelines")
    data, image = folder / "data", folder / "image"
    data.mkdir()
    image.mkdir()
    node = Node("--slots", 2, "--pipelines", folder / "pipelines", data=data,
                env={"LD_PRELOAD": library("troupe_power_loss"), "TROUPE_POWER_LOSS_ROOT": str(data), "TROUPE_POWER_LOSS_IMAGE": str(image)})
    node.start()
    load = mixed_load.Load(node.http, 20, picture(folder), 1)
    load.start()
    differences = 0
    for number in range(cuts):
        time.sleep(random.uniform(2, 5))
        strike(node)
        lost = sh("diff", "-rq", data / "journal" / "db", image / "tree" / "journal" / "db", check=False)
        if lost.returncode > 1:
            raise CheckFailed(lost.stderr)
        differences += lost.returncode
        shutil.rmtree(data)
        shutil.move(image / "tree", data)
        shutil.rmtree(image)
        image.mkdir()
        node.start()
        say(f"power loss {number + 1} of {cuts}, {len(load.acknowledged)} jobs acknowledged")
    load.stop()
    check.at_least("power losses that took something away", differences, 1)
    check.at_least("acknowledged jobs", len(load.acknowledged), 10 * cuts)
    report(check, mixed_load.examine(node.http, load))
    check.equal("exit status of the node", node.stop(), 0)


# Planted bug -> the invariant that it breaks (docs/simulation.md).
PLANTS = {"ack_before_sync": "I1", "key_outside_batch": "I4", "stale_attempt_accepted": "I6", "stage_done_not_resent": "D6", "retry_budget_off_by_one": "I6",
          "truncate_before_snapshot": "disk"}


@suite.check("A5", "simulation")
def simulated(check, seeds=20000):
    simulator = BUILD / "bin" / "sim"
    done = sh(simulator, "--seeds", seeds, "--threads", os.cpu_count(), "--json", timeout=4 * 3600, check=False)
    figures = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    check.at_least("seeds", figures.get("seeds", 0), seeds)
    check.at_least("fewest jobs in a run", figures.get("jobs_least", 0), 200)
    check.at_least("fewest faults in a run", figures.get("faults_least", 0), 5)
    check.equal("violations", figures.get("violations", "no figure"), 0)
    check.equal("exit status", done.returncode, 0)
    for plant, invariant in PLANTS.items():
        found = sh(simulator, "--plant", plant, "--seeds", 1000, "--json", timeout=3600, check=False)
        figures = json.loads(found.stdout.splitlines()[-1]) if found.stdout.strip() else {}
        check.that(f"planted {plant}", figures.get("violations", 0) >= 1 and figures.get("violated") == invariant,
                   f"{figures.get('violated')} violated at seed {figures.get('first_violation_seed')}", f"{invariant} violated within 1,000 seeds")


@suite.check("A6", "submissions")
def submissions(check):
    done = sh("scripts/bench", "submit", "--json", stream=True, timeout=1800, check=False)
    report_ = json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{")))
    figures = report_["figures"]
    check.at_most("p50 at 1 connection / the disk's synced write p50", figures["submit_1_open_p50_to_disk"], 3)
    check.at_least("durable submissions at 64 connections", figures["submit_64_per_s"], 8000, "1/s")
    check.at_least("rounds without other guests of the host", figures["quiet_rounds"], 12)
    check.equal("refused", figures["refused"], 0)
    check.equal("jobs that the node has, of those that it accepted", figures["jobs_in_node"], figures["accepted"])
    check.equal("exit status", done.returncode, 0)


@suite.check("A7", "a served program stays warm")
def warm(check):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-accept-"))
    try:
        starts = folder / "starts.txt"
        pipelines = folder / "pipelines"
        pipelines.mkdir()
        shutil.copy(ROOT / "tests" / "accept" / "programs" / "counting_model.py", pipelines)
        (pipelines / "squares.yaml").write_text(SERVE_PIPELINE.replace("STARTS", str(starts)))
        # One slot, and a worker that is not replaced on the way: what is measured is the program.
        with Node("--slots", 1, "--pipelines", pipelines, "--set", "worker.recycle_after_tasks=1000") as node:
            job = node.http.submit("squares", {"numbers": list(range(200))})
            done = node.http.wait_final(job["id"], 300)
            check.equal("state", done["state"], "succeeded")
            result = done["result"] or {}
            check.equal("right answers of 200", sum(value == i * i for i, value in enumerate(result.get("squares", []))), 200)
            check.equal("process starts for 200 tasks", len(starts.read_text().splitlines()), 1)
            check.equal("processes that answered", len(set(result.get("processes", []))), 1)
            check.equal("exit status of the node", node.stop(), 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@suite.check("A8", "sanitizers")
def sanitizers(check):
    for preset in ("asan", "tsan"):
        done = sh("scripts/test", "--preset", preset, stream=True, timeout=4 * 3600, check=False)
        summary = next((line for line in reversed(done.stdout.splitlines()) if " passed, " in line), "no summary")
        check.that(preset, done.returncode == 0, summary, "0 failed")


@suite.check("A9", "pictures for people")
def pictures(check):
    """Leaves three frames and says where; that they are good to look at, a person has to say."""
    folder = ROOT / "build" / "accept"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as work, Node("--pipelines", ROOT / "config" / "pipelines") as node:
        sh("python3", "scripts/paint.py", pathlib.Path(work) / "me.png")
        film = pathlib.Path(work) / "film.mp4"
        node.troupe("submit", "video-message", "--image", pathlib.Path(work) / "me.png", "--text", "Three frames of this film are for your eyes.",
                    "--title", "Look at me", "--follow", "-o", film, timeout=120)
        seconds = probe(film)["seconds"]
        for number in (1, 2, 3):
            picture_ = folder / f"frame-{number}.png"
            sh("ffmpeg", "-v", "error", "-y", "-ss", f"{seconds * (2 * number - 1) / 6:.3f}", "-i", film, "-frames:v", "1", picture_)
            check.that(f"frame {number}", picture_.stat().st_size > 10_000, picture_.relative_to(ROOT), "a picture of more than 10 kB")
        status, headers, page = node.http.request("GET", "/")
        check.equal("the page", (status, headers.get("content-type")), (200, "text/html; charset=utf-8"))
        check.at_least("size of the page", len(page), 1000, "bytes")


if __name__ == "__main__":
    say(f"build: {BUILD}")
    suite.main()
