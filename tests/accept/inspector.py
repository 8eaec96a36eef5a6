"""The inspector: what its page shows of a cluster at work, what can be done with it, and how fast it is.

The page is looked at with Chromium (`scripts/setup --browser`), by the scripts in browser/. TROUPE_ACCEPT_PAGE=web/dist tries a page that is not
in the program yet; the verdict counts without.
"""
import gzip
import pathlib
import tempfile

import mixed_load
import page_scripts
from band import Anywhere
from framework import CheckFailed, Suite, say
from inspector_stage import Stage

suite = Suite("inspector", ["troupe", "troupe-worker", "bench_inspector"])
LOAD = 5  # jobs a second while the views are looked at


@suite.check("A1", "a cluster is seen and led from the page")
def end_to_end(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        stage = Stage(folder)
        page_scripts.run(check, "end_to_end.mjs", {**stage.config(), "picture": picture(folder)}, stage.answers())
        for node in stage.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)


@suite.check("A2", "every view, light and dark, wide and narrow, under load")
def views(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        stage = Stage(folder)
        check.at_most("first load: page, script and style, packed", first_load(stage.nodes[0].http) / 1000, 300, "kB")
        load = mixed_load.Load(Anywhere(stage.nodes), LOAD, pathlib.Path(picture(folder)).read_bytes(), 1)
        load.start()
        page_scripts.run(check, "views.mjs", {**stage.config(), "picture": picture(folder)}, stage.answers())
        load.stop()
        check.at_least("jobs of the load, acknowledged meanwhile", len(load.acknowledged), 0.9 * LOAD * load.seconds)
        stage.close()


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


if __name__ == "__main__":
    say(f"the page: {page_scripts.INSTEAD or 'that of the program'}")
    suite.main()
