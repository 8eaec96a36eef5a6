"""The inspector: what its page shows of a cluster at work, what can be done with it, and how fast it is.

The page is looked at with Chromium (`scripts/setup --browser`), by the scripts in browser/. TROUPE_ACCEPT_PAGE=web/dist tries a page that is not
in the program yet; the verdict counts without.
"""
import tempfile

import page_scripts
from framework import Suite, say
from inspector_stage import Stage

suite = Suite("inspector", ["troupe", "troupe-worker", "bench_inspector"])


@suite.check("A1", "a cluster is seen and led from the page")
def end_to_end(check):
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        stage = Stage(folder)
        page_scripts.run(check, "end_to_end.mjs", {**stage.config(), "picture": picture(folder)}, stage.answers())
        for node in stage.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)


def picture(folder):
    from first_light import picture as paint
    paint(folder)
    return f"{folder}/picture.png"


if __name__ == "__main__":
    say(f"the page: {page_scripts.INSTEAD or 'that of the program'}")
    suite.main()
