"""Ten thousand mixed stages on a node whose slots share little memory: nobody gets more than there is, what can never fit ends alone and says so.

The node's own book is not believed: the memory of its workers is read from the kernel while they work.

TROUPE_ACCEPT_STAGES sets how many stages each of the two runs has (5000).
"""
import json
import os
import pathlib
import random
import re
import struct
import sys
import threading
import time
import zlib

from framework import BUILD, CheckFailed, Node, say, wait_until

STAGES = int(os.environ.get("TROUPE_ACCEPT_STAGES", 5000))
SLOTS, BUDGET_MIB = 6, 384
SLACK_MIB = 32  # of a worker: its program, decoder and encoder, which nothing claims
PIPELINES = {
    "larger": {"kind": "model.upscale", "params": {"image": "${inputs.image}", "model": "upscale-x2"}},
    "cleaner": {"kind": "model.filter", "params": {"image": "${inputs.image}", "model": "denoise"}},
}
DECLARED = """name: {name}
inputs: {{number: {{type: integer, required: true}}}}
stages:
  only:
    kind: exec
    requires: {{memory: {memory}}}
    program: {{command: [sh, -c, "{script}"], outputs: {{}}}}
result: {{}}
"""
# What a shell keeps of a file without a line's end.
HOG = "head -c 100000000 /dev/zero | tail -n 1 | sleep 30"


def png(side, seed):
    """A square picture of noise."""
    chance = random.Random(seed)
    rows = b"".join(b"\0" + chance.randbytes(3 * side) for _ in range(side))
    part = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + part(b"IDAT", zlib.compress(rows, 1)) + part(b"IEND", b"")


def children(pid):
    try:
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


def resident_mib(pid):
    """Of a process and all below it, without the pages that they share with others."""
    total = 0
    try:
        total = int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1]) / 1024
    except (OSError, TypeError):
        pass
    return total + sum(resident_mib(child) for child in children(pid))


class Watcher:
    """The memory of a node's workers, looked at all the time."""

    def __init__(self, node):
        self.node, self.most, self.looks, self.over = node, 0.0, 0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            self.most = max(self.most, sum(resident_mib(child) for child in children(self.node.process.pid)))
            self.looks += 1
            time.sleep(0.05)

    def end(self):
        self.over.set()
        self.thread.join()


def metric(node, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", node.http.request("GET", "/metrics")[2].decode(), re.MULTILINE)
    if not found:
        raise CheckFailed(f"there is no metric {name}")
    return float(found[1])


def prepare(node):
    folder = node.folder / "pipelines"
    folder.mkdir()
    for name, stage in PIPELINES.items():
        (folder / f"{name}.yaml").write_text(json.dumps({"name": name, "inputs": {"image": {"type": "image", "required": True}}, "stages": {"only": stage}, "result": {"width": "${stages.only.width}"}}))
    for name, memory, script in (("light", "40MiB", ":"), ("heavy", "300MiB", ":"), ("hog", "32MiB", HOG)):
        (folder / f"{name}.yaml").write_text(DECLARED.format(name=name, memory=memory, script=script))
    return folder


def submit_all(node, count, large):
    """@returns pipeline and what is to become of it, for each job."""
    chance = random.Random(7)
    pictures = [node.http.put(png(side, side), "image/png") for side in (32, 64, 96, 128, 192, 256, 320)]
    too_large = node.http.put(png(large, 1), "image/png")
    bodies, expected = [], []
    for number in range(count):
        kind = chance.choices(["larger", "cleaner", "light", "heavy", "beyond", "hog"], [40, 30, 20, 8, 1.8, 0.2])[0]
        expected.append(kind)
        if kind in ("light", "heavy", "hog"):
            bodies.append({"pipeline": kind, "inputs": {"number": number}})
        else:
            image = too_large if kind == "beyond" else chance.choice(pictures)
            bodies.append({"pipeline": "cleaner" if kind == "cleaner" else "larger", "inputs": {"image": {"artifact": image}}})
    jobs = []
    for start in range(0, count, 500):
        answer = node.http.json("POST", "/v1/jobs:batch", {"jobs": bodies[start:start + 500]}, timeout=120)
        jobs += [one["job"]["id"] for one in answer["results"]]
    return list(zip(jobs, expected))


def run_on(check, name, large, *options):
    node = Node("--slots", SLOTS, "--set", f"memory.budget={BUDGET_MIB}MiB", "--set", "queue.limit=100000", "--set", "log_level=warn", *options)
    folder = prepare(node)
    node.options += ["--pipelines", str(folder)]
    node.start()
    wait_until("the models to be known", lambda: node.http.request("GET", "/v1/models")[0] == 200)
    began = time.monotonic()
    jobs = submit_all(node, STAGES, large)
    watcher = Watcher(node)
    wait_until("all to have ended", lambda: metric(node, 'troupe_jobs{state="queued"}') + metric(node, 'troupe_jobs{state="running"}') == 0, 1800, 0.5)
    watcher.end()
    say(f"{name}: {STAGES} stages in {time.monotonic() - began:.0f} s; workers had {watcher.most:.0f} MiB at most, {watcher.looks} looks")
    unexpected = 0
    for job, kind in jobs:
        found = node.http.json("GET", f"/v1/jobs/{job}")
        said = json.dumps(found)
        if kind == "beyond":
            good = found["state"] == "failed" and f"all slots of this node share {BUDGET_MIB}.0 MiB (memory.budget)" in said
        elif kind == "hog":
            good = found["state"] == "dead" and "and its stage declares 32.0 MiB (requires.memory)" in said
        else:
            good = found["state"] == "succeeded" and all(stage["attempts"] <= 1 for stage in found["stages"])
        if not good:
            unexpected += 1
            say(f"{name}: {kind} became {said[:1500]}")
    counted = {kind: sum(one == kind for _, one in jobs) for kind in ("larger", "cleaner", "light", "heavy", "beyond", "hog")}
    say(f"{name}: {counted}")
    check.equal(f"{name}: stages that did not end as they must", unexpected, 0)
    check.at_least(f"{name}: stages over the budget among them", counted["beyond"], STAGES // 100)
    check.at_least(f"{name}: stages that use more than they declare", counted["hog"], 1)
    check.at_most(f"{name}: claimed at once, the most", metric(node, "troupe_memory_claimed_most_bytes") / 2**20, BUDGET_MIB, "MiB")
    check.at_least(f"{name}: claimed at once, the most", metric(node, "troupe_memory_claimed_most_bytes") / 2**20, BUDGET_MIB * 0.75, "MiB")
    check.at_least(f"{name}: claims that waited", metric(node, 'troupe_memory_claims_total{outcome="waited"}'), 20)
    check.equal(f"{name}: claimed by attempts at the end", metric(node, 'troupe_memory_claimed_bytes{by="attempts"}'), 0)
    check.equal(f"{name}: workers that ended for want of memory", node.log.count("there was no memory left"), 0)
    check.at_least(f"{name}: looks at the workers' memory", watcher.looks, 100)
    return node, watcher


def run(check):
    node, watcher = run_on(check, "processor", 3000)
    # A hog may take 100 MB within the second in which nobody looks.
    check.at_most("processor: memory of all workers, as the kernel sees it", watcher.most, BUDGET_MIB + SLOTS * SLACK_MIB + 100, "MiB")
    node.close()
    node, _ = run_on(check, "simulated device", 3000, "--set", "models.executor=simulated", "--set", "models.simulated_gflops=200")
    node.close()
