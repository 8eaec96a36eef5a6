"""The inspector: what its page shows of a cluster at work, what can be done with it, and how fast it is.

The page is looked at with Chromium (`scripts/setup --browser`), by the scripts in browser/. TROUPE_ACCEPT_PAGE=web/dist tries a page that is not
in the program yet; the verdict counts without.
"""
import gzip
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import mixed_load
import page_scripts
import watching_cost
import watching_metrics
from band import Anywhere
from framework import BUILD, ROOT, TROUPE, CheckFailed, Node, Suite, say, sh, wait_until
from inspector_stage import Stage

suite = Suite("inspector", ["troupe", "troupe-worker", "bench_inspector", "dispatch_times"])
QUIET = 0.15  # of the processors: so much others may use while it is measured
QUIET_WAIT = int(os.environ.get("TROUPE_ACCEPT_QUIET_SECONDS", 600))
LOAD = 5  # jobs a second while the views are looked at


@suite.check("A1", "a cluster is seen and led from the page")
def end_to_end(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        stage = Stage(folder)
        page_scripts.run(check, "end_to_end.mjs", {**stage.config(), "picture": picture(folder)}, stage.answers())
        for node in stage.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)
        sign_in(check, pathlib.Path(folder))


def sign_in(check, folder):
    """A node that treats this machine as any other: over HTTPS, and with the API key."""
    key = sh(TROUPE, "cluster", "init", "--dir", folder / "ca").stdout.strip()
    node = Node("--slots", 1, "--pipelines", ROOT / "config" / "pipelines", "--set", f"tls.ca_directory={folder / 'ca'}", "--set", "auth.loopback=true")
    node.start(wait=False)
    id_ = wait_until("the node to listen", lambda: re.search(r"^troupe node ([0-9a-f]{16}) .* listens on https:", node.log, re.MULTILINE))[1]
    page_scripts.run(check, "sign_in.mjs", {"nodes": [{"url": f"https://127.0.0.1:{node.port}", "id": id_}], "key": key})
    node.close()


@suite.check("A2", "every view, light and dark, wide and narrow, under load")
def views(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        stage = Stage(folder)
        check.at_most("first load: page, script and style, packed", first_load(stage.nodes[0].http) / 1000, 300, "kB")
        load = mixed_load.Load(Anywhere(stage.nodes), LOAD, pathlib.Path(picture(folder)).read_bytes(), 1)
        load.start()
        try:
            page_scripts.run(check, "views.mjs", stage.config(), stage.answers())
        finally:
            load.stop()
        check.at_least("jobs of the load, acknowledged meanwhile", len(load.acknowledged), int(0.9 * LOAD * load.seconds))
        stage.close()


@suite.check("A3", "100,000 actors and 1,000,000 jobs")
def large(check):
    with Crowd() as (url, id_):
        quiet(check)
        page_scripts.run(check, "crowd.mjs", {"nodes": [{"url": url, "id": id_}]})
    quiet(check)
    said = sh(BUILD / "bin" / "bench_inspector", "--json", timeout=1800).stdout
    found = json.loads(next(line for line in reversed(said.splitlines()) if line.startswith("{")))
    check.at_least("actors", found["actors"], 100_000)
    check.at_least("jobs", found["jobs"], 1_000_000)
    queries = {name: ms for name, ms in found["figures"].items() if name.endswith("_p95_ms") and name != "worst_p95_ms"}
    check.at_least("kinds of windowed queries", len(queries), 9)
    for name, ms in queries.items():
        check.at_most(name.removesuffix("_p95_ms").replace("_", " ") + ", p95", ms, 100, "ms")


def busy_share(seconds=3):
    """The share of all processors that anybody used."""
    def read():
        values = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(values), values[3] + values[4]
    (all_before, idle_before), _ = read(), time.sleep(seconds)
    all_after, idle_after = read()
    return 1 - (idle_after - idle_before) / (all_after - all_before)


def quiet(check):
    """Waits, for a while, until nothing else works on this machine: what is measured is the page and the node."""
    share = busy_share()
    deadline = time.monotonic() + QUIET_WAIT
    while share > QUIET and time.monotonic() < deadline:
        share = busy_share()
    check.at_most("share of the processors that others used before it was measured", share, QUIET)


class Crowd:
    """A node with more than a machine has, until it is left."""

    def __enter__(self):
        self.process = subprocess.Popen([str(BUILD / "bin" / "bench_inspector"), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url, id_ = (self.process.stdout.readline().split() + ["", ""])[:2]
        if not url:
            raise CheckFailed(f"bench_inspector --serve ended with {self.process.wait()}")
        return url, id_

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def first_load(http):
    """What the three files of the page need on their way, in bytes."""
    total = 0
    for path in ("/inspector", "/inspector.js", "/inspector.css"):
        status, headers, body = http.request("GET", path, headers={"Accept-Encoding": "gzip"})
        if status != 200 or not body:
            raise CheckFailed(f"{path} answered {status} with {len(body)} bytes")
        total += len(body) if headers.get("content-encoding") == "gzip" else len(gzip.compress(body))
    return total


def picture(folder):
    from first_light import picture as paint
    paint(folder)
    return f"{folder}/picture.png"


@suite.check("A4", "what counting and showing cost")
def cost(check):
    watching_cost.run(check)


@suite.check("A5", "a real Prometheus")
def metrics(check):
    watching_metrics.run(check)


if __name__ == "__main__":
    say(f"the page: {page_scripts.INSTEAD or 'that of the program'}")
    suite.main()
