"""Three nodes with pipelines that do what a check wants when it wants it, for those who look at them."""
import contextlib
import os
import pathlib
import shutil
import signal

import mixed_load
from framework import ROOT, CheckFailed, Node, wait_until
from processes import descendants, kill_with_workers

SLOTS = 2
PROGRAMS = ROOT / "tests" / "accept" / "programs"

GATED = """\
name: gated
description: Works until it is told to end.
inputs:
  name: {type: text, required: true, max_length: 40, description: which gate it waits at}
stages:
  prepare:
    kind: exec
    program: {mode: once, command: ["./mixed.sh", echo], outputs: {number: integer}}
    params: {number: 7}
  work:
    kind: exec
    needs: [prepare]
    program: {mode: once, command: ["./gated.sh", "GATES"], outputs: {name: text}}
    params: {name: "${inputs.name}"}
    retry: {attempts: 3, backoff: 500ms..1s}
result: {name: "${stages.work.name}"}
"""

DOOMED = """\
name: doomed
description: Fails until somebody mends it.
inputs: {text: {type: text, default: hello}}
stages:
  risky:
    kind: exec
    program: {mode: once, command: ["./doomed.sh", "GATES"], outputs: {said: text}}
    params: {text: "${inputs.text}"}
    retry: {attempts: 2, backoff: 200ms..300ms}
result: {said: "${stages.risky.said}"}
"""

SLEEPY = """\
name: sleepy
description: Sleeps for a while.
inputs: {seconds: {type: integer, default: 1, min: 1, max: 60}}
stages:
  sleep: {kind: exec, program: {mode: once, command: [sh, -c, 'sleep "$(sed -n "s/.*seconds[^0-9]*\\\\([0-9]*\\\\).*/\\\\1/p")"'], outputs: {}}, params: {seconds: "${inputs.seconds}"}}
result: {}
"""


class Stage:
    """A cluster, and the gates at which its jobs wait."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.gates, pipelines = folder / "gates", folder / "pipelines"
        self.gates.mkdir()
        mixed_load.install(pipelines)
        for program in ("gated.sh", "doomed.sh"):
            shutil.copy(PROGRAMS / program, pipelines)
        shutil.copy(ROOT / "config" / "pipelines" / "video-message.yaml", pipelines)
        for name, text in (("gated", GATED), ("doomed", DOOMED), ("sleepy", SLEEPY)):
            (pipelines / f"{name}.yaml").write_text(text.replace("GATES", str(self.gates)))
        self.nodes = []
        for _ in range(3):
            seed = ["--seed", f"127.0.0.1:{self.nodes[0].port}"] if self.nodes else []
            self.nodes.append(Node("--slots", SLOTS, "--pipelines", pipelines, *seed).start())
        wait_until("three voters", lambda: all(self.voters(node) == 3 for node in self.nodes), 60)
        self.ids = [node.http.json("GET", "/v1/node")["id"] for node in self.nodes]

    @staticmethod
    def voters(node):
        return sum(member["role"] in ("leader", "voter") for member in node.http.json("GET", "/v1/node")["members"])

    def config(self):
        return {"nodes": [{"url": node.url, "id": id_, "slots": SLOTS} for node, id_ in zip(self.nodes, self.ids)]}

    def answers(self):
        """What scripts may ask for."""
        return {"open": self.open, "progress": self.progress, "mend": self.mend, "kill_worker": self.kill_worker, "programs_of": self.programs_of,
                "kill_node": self.kill_node, "start_node": self.start_node}

    def open(self, gate):
        (self.gates / gate).touch()

    def mend(self):
        (self.gates / "mended").touch()

    def progress(self, gate, share):
        new = self.gates / f"{gate}.new"
        new.write_text(str(share))
        new.replace(self.gates / f"{gate}.progress")

    def programs_of(self, job):
        """The processes that run an attempt of a job, of all nodes."""
        found = []
        for node in self.nodes:
            for process in descendants(node.process.pid) if node.process.poll() is None else []:
                with contextlib.suppress(OSError):
                    if f"TROUPE_TASK_KEY={job}".encode() in pathlib.Path(f"/proc/{process}/environ").read_bytes():
                        found.append(process)
        return found

    def kill_worker(self, job):
        """kill -9 of the worker that runs a job. @returns its process."""
        programs = self.programs_of(job)
        if not programs:
            raise CheckFailed(f"no program runs for job {job}")
        worker = worker_above(programs[0])
        os.kill(worker, signal.SIGKILL)
        return worker

    def kill_node(self, index):
        return kill_with_workers(self.nodes[index].process.pid)

    def start_node(self, index):
        self.nodes[index].process.wait()
        self.nodes[index].start()

    def close(self):
        for node in self.nodes:
            node.close()


def worker_above(process):
    """The outermost worker process above a program."""
    found = None
    while process > 1:
        command = pathlib.Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]
        if command.endswith(b"troupe-worker"):
            found = process
        process = int(pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    if found is None:
        raise CheckFailed(f"no worker above process {process}")
    return found
