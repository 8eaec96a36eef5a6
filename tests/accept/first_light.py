"""First light: one node makes a video from nothing but this repository."""
import pathlib
import shutil
import tempfile
import time

from framework import BUILD, ROOT, Node, Suite, say, sh
from media_facts import decode_errors, difference, grey_frames, probe, spread

suite = Suite("first-light")

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


if __name__ == "__main__":
    say(f"build: {BUILD}")
    suite.main()
