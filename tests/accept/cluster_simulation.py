"""The simulation of whole clusters, on many seeds: that it finds nothing, that it went through what it should have, and that it finds what was planted.

    TROUPE_ACCEPT_SEEDS=300 scripts/accept cluster A4     a short look; the verdict counts with 20,000

What each piece of the seeds gave is kept in build/accept/simulation, for the program and the arguments that gave it: a run that was cut off goes on there.
"""
import contextlib
import hashlib
import json
import os
import time

from framework import BUILD, ROOT, say, sh

SEEDS = int(os.environ.get("TROUPE_ACCEPT_SEEDS", 20000))
PIECE = 250
SIMULATOR = BUILD / "bin" / "sim"

# Planted bug -> the invariant that it breaks (docs/simulation.md).
PLANTS = {"no_pre_vote_fence": "fence", "stale_leader_read": "I8", "grant_for_old_ask": "D6", "asks_not_repeated": "I10", "learner_counted": "log",
          "snapshot_without_members": "members", "duplicate_applied": "I5", "lease_not_restarted": "I6"}
PLANT_SEEDS = 2000

# What all seeds together must have gone through, for each 1,000 seeds: far below what they do, far above what could be chance.
LEAST_OF_1000 = {"member_changes": 1000, "installs": 300, "half_installs": 0.25, "handovers": 500, "elections": 3000, "crashes": 3000, "partitions": 1000,
                 "destroyed": 20, "drains": 500, "resumes": 300, "removals": 100, "writes_lost": 300, "reads": 10000, "operations": 100000,
                 "frames_overtaken": 100000, "frames_doubled": 50000}
CORE_STEPS = 50_000_000


def result_of(done):
    lines = done.stdout.splitlines()
    with contextlib.suppress(IndexError, ValueError):
        return json.loads(lines[-1])
    return {"seeds": 0, "violations": 1, "violated": f"no figures, exit status {done.returncode}: {(done.stderr or done.stdout)[-300:]}"}


def arguments(first, count):
    return ["--nodes", 0, "--from", first, "--seeds", count, "--json"]


def piece(folder, first, count):
    """The figures of some seeds, all threads at work on them. Those without a violation are run once for each program."""
    kept = folder / f"{first}-{count}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    done = sh(SIMULATOR, *arguments(first, count), "--threads", os.cpu_count(), timeout=3600, check=False)
    figures = result_of(done)
    if done.returncode == 0 and figures["seeds"] == count:
        half = kept.with_suffix(".part")
        half.write_text(json.dumps(figures))
        half.replace(kept)
    else:
        say(done.stdout[-3000:])
    return figures


def campaign():
    """@returns (sums over all seeds, complaints)."""
    folder = ROOT / "build" / "accept" / "simulation" / hashlib.sha256(SIMULATOR.read_bytes() + repr(arguments("first", "count")).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    sums, wrong, least, began = {}, [], {}, time.monotonic()
    for first in range(1, SEEDS + 1, PIECE):
        figures = piece(folder, first, min(PIECE, SEEDS + 1 - first))
        for name, value in figures.items():
            if name in ("jobs_least", "faults_least"):
                least[name] = min(value, least.get(name, value))
            elif isinstance(value, (int, float)) and name != "first_violation_seed":
                sums[name] = sums.get(name, 0) + value
        if figures["violations"]:
            wrong.append(f"{figures['violated']} in seed {figures.get('first_violation_seed')}")
            if len(wrong) == 10:
                break
        say(f"{sums['seeds']} of {SEEDS} seeds, {sums.get('core_steps', 0) / 1e6:.1f} M core steps, {len(wrong)} violations, {time.monotonic() - began:.0f} s")
    return {**sums, **least}, wrong


def run(check):
    sums, wrong = campaign()
    for complaint in wrong:
        say(complaint)
    check.at_least("seeds", sums["seeds"], 20000)
    check.equal("violations", len(wrong), 0)
    check.at_least("core steps", sums.get("core_steps", 0) / 1e6, CORE_STEPS / 1e6, "M")
    check.at_least("fewest jobs in a run", sums.get("jobs_least", 0), 200)
    check.at_least("fewest faults in a run", sums.get("faults_least", 0), 5)
    for name, least in LEAST_OF_1000.items():
        check.at_least(name.replace("_", " "), sums.get(name, 0), int(least * SEEDS // 1000))
    for plant, invariant in PLANTS.items():
        done = sh(SIMULATOR, "--plant", plant, "--seeds", PLANT_SEEDS, "--threads", os.cpu_count(), "--json", timeout=3600, check=False)
        figures = result_of(done)
        is_found = done.returncode == 0 and figures["violations"] == 1 and figures["violated"] == invariant and figures["first_violation_seed"] <= PLANT_SEEDS
        check.that(f"planted {plant}", is_found, f"{figures['violated']} violated at seed {figures['first_violation_seed']}" if is_found else "not found",
                   f"{invariant} violated within {PLANT_SEEDS} seeds")
