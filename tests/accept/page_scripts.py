"""Runs the scripts of browser/: they look at the inspector's page with Chromium, say their figures, and may ask for what only this side can do."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from framework import ROOT, CheckFailed, say, sh

SOURCE = ROOT / "tests" / "accept" / "browser"
WORK = ROOT / "build" / "accept" / "browser"
PICTURES = ROOT / "build" / "accept" / "inspector"
#: A folder whose inspector.js and .css stand in for those of the program, to try a page that is being worked on. The verdict is then FAIL.
INSTEAD = os.environ.get("TROUPE_ACCEPT_PAGE", "")


def chromium():
    """@returns the browser; it is installed if it is not here."""
    if not shutil.which("chromium") or not shutil.which("npm"):
        sh(ROOT / "scripts" / "setup", "--browser", stream=True, timeout=3600, check=False)
    for program in ("npm", "chromium"):
        if not shutil.which(program):
            raise CheckFailed(f"there is no {program} on this machine: scripts/setup --browser installs it")
    return shutil.which("chromium")


def prepare():
    """The scripts beside what they import, as package-lock.json says. Nothing is fetched a second time."""
    WORK.mkdir(parents=True, exist_ok=True)
    for file in SOURCE.glob("*.*"):
        shutil.copy(file, WORK)
    stamp = WORK / "node_modules" / f".lock-{hashlib.sha256((SOURCE / 'package-lock.json').read_bytes()).hexdigest()}"
    if stamp.exists():
        return
    done = sh("npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier", cwd=WORK, check=False)
    if done.returncode != 0:
        raise CheckFailed(f"npm ci in {WORK} ended with {done.returncode}, is a registry within reach? {done.stderr[-500:]}")
    stamp.touch()


def run(check, script, config, answers=None, seconds=900):
    """Runs a script until its end. `answers`: what it may ask for, name -> function of the request. @returns what it says at its end."""
    browser = chromium()
    prepare()
    PICTURES.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(["node", script], cwd=WORK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def give_up():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    watch = threading.Timer(seconds, give_up)
    watch.start()
    try:
        tell(process, {**config, "chromium": browser, "pictures": str(PICTURES), "instead": INSTEAD and str(pathlib.Path(INSTEAD).resolve())})
        end = converse(check, process, answers or {})
        process.stdin.close()
        if process.wait(30) != 0 or end is None:
            raise CheckFailed(f"{script} ended with {process.returncode}, before its end" + ("" if watch.is_alive() else f": it took longer than {seconds} s"))
        check.that("the page is that of the program", not INSTEAD, INSTEAD and f"from {INSTEAD}" or "yes")
        return end
    finally:
        watch.cancel()
        if process.poll() is None:
            give_up()
            process.wait()


def tell(process, value):
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()


def converse(check, process, answers):
    """Takes what a script says line by line. @returns the word that ends it, None if there was none."""
    for text in process.stdout:
        said = json.loads(text)
        if "line" in said:
            check.line(*said["line"])
        elif "say" in said:
            say(said["say"])
        elif "ask" in said:
            tell(process, {"answer": answers[said["ask"]](**said["with"])})
        elif "failed" in said:
            raise CheckFailed(said["failed"])
        elif "end" in said:
            return said["end"]
    return None
