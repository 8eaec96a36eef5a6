"""Partitions of five nodes under load. While one lasts, the nodes that reach no majority refuse writes and reads in time and say why, and
the others go on; afterwards every acknowledged job is there once, on every node.

    TROUPE_ACCEPT_PARTITIONS=2 scripts/accept cluster A3     so many times each kind; the verdict counts with 3
"""
import json
import os
import pathlib
import queue
import random
import tempfile
import threading
import time
import uuid

import mixed_load
from band import NODES, Anywhere, Band
from first_light import picture
from framework import CheckFailed, say, wait_until

TIMES = int(os.environ.get("TROUPE_ACCEPT_PARTITIONS", 3))
DEADLINE = 10  # s, after which a node answers whatever it knows (server_options::request_timeout)
ALL = set(range(NODES))


def ways(sources, targets):
    return {(a, b) for a in sources for b in targets if a != b}


def full(leader, rest):
    """Two and three, the leader among the two."""
    return {"groups": [{leader, rest[0]}, set(rest[1:])], "weak": {leader, rest[0]}}


def without_leader(leader, rest):
    """Three and two, the leader among the three."""
    return {"groups": [{leader, *rest[:2]}, set(rest[2:])], "weak": set(rest[2:])}


def islands(leader, rest):
    """Two, two and one: nobody has a majority."""
    return {"groups": [{leader, rest[0]}, set(rest[1:3]), {rest[3]}], "weak": ALL}


def bridge(leader, rest):
    """Two pairs that see each other through the fifth only."""
    return {"groups": [{leader, rest[0], rest[3]}, {rest[1], rest[2], rest[3]}], "weak": set(), "unsure": {rest[1], rest[2]}}


def deaf_leader(leader, rest):
    """The leader is heard and hears nobody."""
    return {"ways": ways(rest, {leader}), "weak": {leader}}


def mute_leader(leader, rest):
    """The leader hears all and is heard by nobody."""
    return {"ways": ways({leader}, rest), "weak": {leader}}


KINDS = (full, without_leader, islands, bridge, deaf_leader, mute_leader)


class Refusals:
    """What nodes without a majority answered to writes and reads that were begun while they had none. Who sees a majority, but perhaps not the
    leader, may also do what was asked, within the same time."""

    def __init__(self):
        self.lock, self.asked, self.took, self.wrong, self.keys = threading.Lock(), 0, [], [], {}  # keys: key -> the job that was acknowledged, or None

    def ask(self, name, node, is_unsure, method, path, body=None, headers=None):
        began = time.monotonic()
        try:
            status, answered, text = node.http.request(method, path, body, headers, timeout=3 * DEADLINE)
        except OSError as broken:
            status, answered, text = 0, {}, repr(broken).encode()
        took = time.monotonic() - began
        is_clear = status == 503 and answered.get("content-type") == "application/problem+json" and "retry-after" in answered and detail_of(text)
        with self.lock:
            self.took.append(took)
            if not is_clear and not (is_unsure and status in (200, 202)):
                self.wrong.append(f"{name}: {method} {path} at {node.url} answered {status} after {took:.2f} s: {text[:200]!r}")
        return status, text

    def write(self, name, node, is_unsure):
        key = str(uuid.uuid4())
        status, text = self.ask(name, node, is_unsure, "POST", "/v1/jobs", echo(1), {"Idempotency-Key": key})
        with self.lock:
            self.keys[key] = json.loads(text)["id"] if status == 202 else None

    def ask_twice(self, *what):
        """At once, and when all have answered: by then a leader has stepped down and others have asked for votes."""
        self.ask_all(*what)
        self.ask_all(*what)

    def ask_all(self, name, nodes, job, is_unsure):
        self.asked += 2 * len(nodes)
        threads = [threading.Thread(target=self.write, args=(name, node, is_unsure)) for node in nodes]
        threads += [threading.Thread(target=self.ask, args=(name, node, is_unsure, "GET", f"/v1/jobs/{job}")) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def detail_of(text):
    try:
        return json.loads(text).get("detail")
    except (ValueError, AttributeError):
        return None


def echo(number):
    return {"pipeline": "echo", "inputs": {"number": number}}


def submit(nodes, load, number, key):
    """Until one of the nodes takes it. A refused write may have been on its way all the same: who wants to know asks again with its key."""
    def take():
        for node in nodes:
            try:
                status, _, body = node.http.request("POST", "/v1/jobs", echo(number), {"Idempotency-Key": key}, timeout=3)
            except OSError:
                continue
            if status == 202:
                job = json.loads(body)["id"]
                with load.lock:
                    load.acknowledged.setdefault(key, ("echo", number, {"number": number}, job))
                return job
        return None

    return wait_until("a write to be taken", take, 30)


def one_partition(band, load, kind, chance, refusals):
    """@returns how long the majority needed until it took a write; None without a majority."""
    leader = band.nodes.index(band.leader())
    rest = chance.sample(sorted(ALL - {leader}), NODES - 1)
    seen = submit([band.nodes[leader]], load, 7, str(uuid.uuid4()))
    plan = kind(leader, rest)
    if "groups" in plan:
        band.holes.split(*plan["groups"])
    else:
        band.holes.block(plan["ways"])
    took = None
    try:
        asked = plan["weak"] or plan["unsure"]
        asking = threading.Thread(target=refusals.ask_twice, args=(kind.__name__, [band.nodes[each] for each in asked], seen, "unsure" in plan))
        asking.start()
        if strong := ALL - plan["weak"]:
            took = seconds_of_write([band.nodes[each] for each in strong], load, refusals.wrong)
        asking.join()
    finally:
        band.holes.block(set())
    wait_ready(band)
    for key, acknowledged in refusals.keys.items():
        if (job := submit(band.nodes, load, 1, key)) != (acknowledged or job):
            refusals.wrong.append(f"{kind.__name__}: the key {key} was acknowledged as job {acknowledged} and is job {job}")
    refusals.keys.clear()
    return took


def seconds_of_write(nodes, load, wrong):
    """Until one of the nodes took a write. All are asked at once, with one key: one that does not see the leader keeps its client waiting, so of
    nodes that are asked by turns it is the order that would be measured."""
    key, took, began = str(uuid.uuid4()), queue.Queue(), time.monotonic()

    def ask(node):
        try:
            job = submit([node], load, 5, key)
        except CheckFailed:  # it never took it
            return
        took.put(time.monotonic() - began)
        if job != load.acknowledged[key][3]:
            wrong.append(f"the key {key} gave job {job} at {node.url} and {load.acknowledged[key][3]} at another node")

    for node in nodes:
        threading.Thread(target=ask, args=(node,), daemon=True).start()
    try:
        return took.get(timeout=31)
    except queue.Empty:
        raise CheckFailed("no node of a majority took a write within 30 s") from None


def wait_ready(band):
    for node in band.nodes:
        wait_until("a node to be ready", node._is_ready, 60)


def flap(band, chance, seconds=10):
    """A new random split each few hundred milliseconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        some = set(chance.sample(sorted(ALL), chance.randint(1, NODES - 1)))
        band.holes.split(some, ALL - some)
        time.sleep(chance.uniform(0.05, 0.5))  # the length of this split
        band.holes.block(set())
        time.sleep(chance.uniform(0.0, 0.3))  # and until the next
    wait_ready(band)


def slow(band, load, chance, wrong, seconds=10):
    """Every piece of data on every link arrives 100 ms late."""
    band.holes.delay = 0.1
    until, took = time.monotonic() + seconds, []
    try:
        while time.monotonic() < until:
            took.append(seconds_of_write([chance.choice(band.nodes)], load, wrong))
    finally:
        band.holes.delay = 0.0
    return took


def run(check):
    chance = random.Random(int(os.environ.get("TROUPE_ACCEPT_SEED", time.time())))
    with tempfile.TemporaryDirectory(prefix="troupe-accept-") as folder:
        band = Band(pathlib.Path(folder), "--set", f"cluster.voters={NODES}")  # so that more than half of the nodes is a majority
        wait_until("all nodes to vote", lambda: all(member["role"] != "learner" for view in band.views() for member in view["members"]))
        load = mixed_load.Load(Anywhere(band.nodes), 10, picture(folder), chance.random())
        load.start()
        refusals, took, rounds = Refusals(), [], 0
        for kind in KINDS * TIMES:
            needed = one_partition(band, load, kind, chance, refusals)
            rounds += 1
            say(f"{kind.__doc__} " + ("Nobody had a majority." if needed is None else f"The majority took a write after {needed:.2f} s."))
            if needed is not None:
                took.append(needed)
        for _ in range(TIMES):
            flap(band, chance)
            waits = slow(band, load, chance, refusals.wrong)
            rounds += 2
            say(f"links that flapped; then links of 100 ms: {len(waits)} writes, the slowest took {max(waits):.2f} s")
        load.stop()
        report(check, band, load, refusals, took, rounds)
        for node in band.nodes:
            check.equal("exit status of a node", node.stop(seconds=60), 0)
        band.holes.close()


def report(check, band, load, refusals, took, rounds):
    found = mixed_load.examine(band.leader().http, load)
    lists = [mixed_load.lists_of(node.http) for node in band.nodes]
    differing = sum(each != lists[0] for each in lists)
    for complaint in [*found["lost"], *found["twice"], *found["wrong"], *found["artifacts_missing"], *refusals.wrong][:20]:
        say(complaint)
    check.at_least("partitions of eight kinds", rounds, 24)
    check.at_least("acknowledged jobs", len(load.acknowledged), 300)
    check.equal("acknowledged jobs lost", len(found["lost"]), 0)
    check.equal("jobs or commits doubled", len(found["twice"]), 0)
    check.equal("jobs that did not end right", len(found["wrong"]), 0)
    check.equal("results that are missing or differ", len(found["artifacts_missing"]), 0)
    check.equal("nodes whose list of jobs differs", differing, 0)
    check.at_least("writes and reads at nodes without a majority", refusals.asked, 150)
    check.equal("of these with an outcome", len(refusals.took), refusals.asked)
    check.equal("of these neither refused with a problem document nor, where a majority is in sight, done", len(refusals.wrong), 0)
    check.at_most("slowest refusal", max(refusals.took, default=0.0), DEADLINE + 1, "s")
    check.at_most("slowest majority's first write", max(took, default=0.0), 5, "s")
