"""Scaling: the guides' policies and figures, what may never happen, and how the default policy compares with Kubernetes'.

All in virtual time. TROUPE_ACCEPT_SCALING_SEEDS sets how many random traces A2 tries. Charts of A7 stay in build/accept/scaling.
"""
import json
import math
import os
import re
import time
import xml.etree.ElementTree as xml

import scaling_live
from framework import BUILD, ROOT, TROUPE, CheckFailed, Suite, say, sh

suite = Suite("scaling", ["troupe", "test_scaling", "sim_scaling", "bench_placement"])
SEEDS = int(os.environ.get("TROUPE_ACCEPT_SCALING_SEEDS", 10_000))
DOCUMENTED = "hpa-80"  # "If not set, the default metric will be set to 80% average CPU utilization": Kubernetes' reference of autoscaling/v2
TRACES = ("burst", "diurnal", "ramp", "saw-tooth", "flash-crowd")
CHARTS = ROOT / "build/accept/scaling"


def simulate(trace, *more, policy="default", compare=None):
    """@returns the figures of the policy, and of what it is compared with."""
    with_other = ["--compare", compare] if compare else []
    done = sh(TROUPE, "--json", "scale", "simulate", "--policy", policy, "--trace", trace, *with_other, *more)
    return json.loads(done.stdout)["runs"]


def unit_tests(what, which):
    """@returns how many of `what` ("test cases", "assertions") ran, and how many failed."""
    done = sh(BUILD / "bin/test_scaling", "--no-intro=true", which, check=False)
    counts = re.search(rf"{what}:\s+(\d+) \|\s+\d+ passed \|\s+(\d+) failed", done.stdout)
    if not counts:
        raise CheckFailed(f"test_scaling ended with {done.returncode}: {done.stdout[-500:]}")
    return int(counts[1]), int(counts[2])


def compare(check, hpa):
    """The default policy against Kubernetes' on each trace. @returns the ratios of cost times wait, where a wait below a second counts as one."""
    found = []
    for trace in TRACES:
        ours, theirs = simulate(trace, compare=hpa)
        found.append(ours["cost_times_wait_p95"] / theirs["cost_times_wait_p95"])
        check.equal(f"{trace}, {hpa}: tasks done", ours["tasks"], theirs["tasks"])
        told = f"cost {ours['cost']:.1f} against {theirs['cost']:.1f}, wait {ours['wait_p95_s']:.1f} s against {theirs['wait_p95_s']:.1f} s"
        if hpa != DOCUMENTED:
            check.line(f"{trace}, {hpa}: {told}: ratio of the products", f"{found[-1]:.3f}", "told, not judged", True)
        elif theirs["wait_p95_s"] >= 1:
            check.at_most(f"{trace}, {hpa}: {told}: ratio of the products", round(found[-1], 3), 0.8)
        else:  # both products are 0: then nobody may wait here, either, and it may not be dearer
            check.at_most(f"{trace}, {hpa}: {told}: our wait", ours["wait_p95_s"], 1, "s")
            check.at_most(f"{trace}, {hpa}: {told}: ratio of the costs", round(ours["cost"] / theirs["cost"], 3), 1.01)
    return found


@suite.check("A1", "the guides' policies, minute by minute")
def guides(check):
    cases, failed = unit_tests("test cases", "--test-case=S0*,S1*,S2*,S3*,S4*")
    check.at_least("cases with the guides' numbers", cases, 24)
    check.equal("failed", failed, 0)
    files = sorted((ROOT / "config/policies").glob("*.yaml"))
    checked = json.loads(sh(TROUPE, "--json", "scale", "check", *files).stdout)["policies"]
    check.at_least("shipped policies", len(files), 12)
    check.equal("that cannot be read", sum(not one["ok"] for one in checked), 0)
    text = (ROOT / "docs/scaling.md").read_text()
    source = (ROOT / "tests/unit/scaling/traces_test.cpp").read_text()
    reasons = re.findall(r'\d, "([^"]+)"\}', source)
    check.at_least("minutes in which a guide's trace contradicts itself", len(reasons), 1)
    check.equal("of them not in docs/scaling.md", sum(f"{reason}" not in text for reason in reasons), 0)


@suite.check("A2", "random traces with faults")
def faults(check):
    done = sh(BUILD / "bin/sim_scaling", "--seeds", SEEDS, check=False, timeout=3000)
    last = done.stdout.strip().splitlines()[-1]
    figures = dict(re.findall(r"(\w+) (\d+)", last))
    for line in done.stdout.splitlines()[:10]:
        say(line)
    check.equal("traces", int(figures["seeds"]), 10_000)
    check.equal("violations (busy node ended, cap exceeded, guard, blind, old term, second reversal, replay)", int(figures["violations"]), 0)
    check.at_least("faults", int(figures["faults"]), 10_000)
    check.at_least("owners of the past that were refused", int(figures["old_terms_refused"]), 1_000)
    for name, least in (("out", 30_000), ("in", 9_000), ("blind", 100_000), ("paused", 50_000), ("capped", 300_000), ("steps_of_later_owners", 10_000)):
        check.at_least(f"that anything happened: {name.replace('_', ' ')}", int(figures[name]), least)
    check.equal("decisions of the logs that were made again", figures["replayed"], figures["decisions"])
    found = sh(BUILD / "bin/sim_scaling", "--plants", "--seeds", 2000, check=False, timeout=3000).stdout
    say(found)
    check.at_least("planted bugs found", found.count(" found by "), 7)
    check.equal("planted bugs missed", found.count("NOT FOUND"), 0)


@suite.check("A3", "real processes follow 0 to 200 to 0 users")
def live(check):
    scaling_live.run(check)


@suite.check("A4", "cost times wait against Kubernetes' autoscaler with its defaults")
def comparison(check):
    text = (ROOT / "docs/scaling.md").read_text()
    for hpa in ("hpa-50", "hpa-70", "hpa-80"):
        found = compare(check, hpa)
        mean = math.exp(sum(map(math.log, found)) / len(found))
        check.at_most(f"geometric mean of {len(found)} traces, {hpa}", round(mean, 3), 0.8)
        check.that(f"docs/scaling.md has the figure of {hpa}", f"{mean:.2f}" in text, f"{mean:.2f}")
    for trace in TRACES:
        (ours,) = simulate(trace)
        check.equal(f"{trace}: busy nodes ended", ours["busy_ended"], 0)


@suite.check("A5", "30 days in steps of 15 s; 1,000 and 10,000 nodes with 1,000,000 jobs")
def large(check):
    thirty_days(check)
    done = sh(BUILD / "bin/bench_placement", "--json", timeout=3000)
    runs = json.loads(done.stdout)["runs"]
    check.equal("sizes", [run["nodes"] for run in runs], [1_000, 10_000])
    for run in runs:
        many_nodes(check, run)


def many_nodes(check, run):
    """The leader's machine with so many nodes under virtual time (bench/placement.cpp)."""
    name = f"{run['nodes']:,} nodes"
    check.at_least(f"{name}: jobs queued at once", run["jobs_queued"], 1_000_000)
    check.at_least(f"{name}: placements a second of one core", run["full_placements_per_s_of_a_core"], 10_000)
    for more in ("reports", "all"):
        check.line(f"{name}: the same with {more}", f"{run[f'full_with_{more}_per_s_of_a_core']:.0f}", "told, not judged", True)
    for when, load in (("full", "a full queue"), ("part", "no queue")):
        check.at_least(f"{name}, {load}: the least used node to the mean", run[f"{when}_least_to_mean"], 0.95)
        check.at_most(f"{name}, {load}: the most used node to the mean", run[f"{when}_most_to_mean"], 1.05)
        # Placed at random, some node of a thousand would have six tasks more than its share.
        check.at_most(f"{name}, {load}: the farthest node from even at any moment of ten seconds", run[f"{when}_tasks_off_even_before"], 3, "tasks")
        check.equal(f"{name}, {load}: nodes lost at once", run[f"{when}_nodes_lost"], run["nodes"] // 10)
        check.at_least(f"{name}, {load}: tasks lost with them", run[f"{when}_tasks_lost"], run["nodes"] // 10)
        check.equal(f"{name}, {load}: of these not running elsewhere", run[f"{when}_tasks_not_placed_again"], 0)
    # Behind a queue a task waits for its tenant's turn.
    check.line(f"{name}, a full queue: until all of them do, virtual", f"{run['full_placed_again_after_s']:.1f} s", "told, not judged", True)
    check.at_most(f"{name}, no queue: until all of them do, virtual", run["part_placed_again_after_s"], 10, "s")
    check.at_most(f"{name}, no queue: until it is as even as before, virtual", run["part_even_again_after_s"], 30, "s")
    check.at_least(f"{name}, the nodes with GPUs lost: tasks lost with them", run["pool_tasks_lost"], run["nodes"] // 10)
    check.equal(f"{name}, the nodes with GPUs lost: tasks for GPUs given out", run["pool_gpu_placements_without"], 0)
    check.that(f"{name}, the nodes with GPUs lost: their tasks say why they wait", "gpu" in run["pool_reason"], run["pool_reason"])
    check.at_least(f"{name}, the nodes with GPUs lost: other tasks a second, to before", run["pool_others_per_s_without"] / run["pool_others_per_s_before"], 0.5)
    check.at_most(f"{name}, the nodes with GPUs back: until they have tasks, virtual", run["pool_back_after_s"], 5, "s")
    check.equal(f"{name}: jobs lost", run["jobs_lost"], 0)
    check.equal(f"{name}: ends that came twice", run["ends_doubled"], 0)


def thirty_days(check):
    started = time.monotonic()
    (run,) = simulate("diurnal")
    seconds = time.monotonic() - started
    check.at_least("decisions", run["decisions"], 30 * 24 * 240)
    check.at_most("time", seconds, 10, "s")


@suite.check("A6", "the planner against the guides' tables")
def planner(check):
    figures, differ = unit_tests("assertions", "--source-file=*plan_test*")
    check.at_least("figures compared", figures, 60)
    check.equal("that differ", differ, 0)
    plan = lambda name, *more: json.loads(sh(TROUPE, "--json", "plan", "--prices", ROOT / f"config/plans/{name}.yaml", *more).stdout)
    one, three = plan("s0-one-node"), plan("s0-three-nodes")
    check.equal("S0: three nodes do so many times one", round(three["capacity_per_hour"] / one["capacity_per_hour"], 6), 3.0)
    check.equal("S0: a month of three nodes", round(three["cost_month"], 2), 1405.06)
    for nodes, issues in ((1, 4), (10, 40), (100, 400)):
        check.equal(f"S2: {nodes} workers, issues an hour", round(plan("s2-workers", "--nodes", str(nodes))["capacity_per_hour"], 6), issues)
    check.equal("S2: a month of scenario 2", round(plan("s2-scenario-2")["cost_month"], 2), 721.86)


@suite.check("A7", "charts and logs")
def charts(check):
    CHARTS.mkdir(parents=True, exist_ok=True)
    for trace in TRACES:
        picture = CHARTS / f"{trace}.svg"
        simulate(trace, "--svg", picture, compare="hpa-70")
        root = xml.parse(picture).getroot()
        lines = [each.get("points", "").split() for each in root.iter("{http://www.w3.org/2000/svg}polyline")]
        check.equal(f"{trace}: curves", len(lines), 11)
        check.at_least(f"{trace}: points of the shortest curve", min(map(len, lines)), 100)
        inside = all(0 <= float(x) <= 1080 and 0 <= float(y) <= 900 for line in lines for x, y in (point.split(",") for point in line))
        check.that(f"{trace}: every point is in the picture", inside)
    log = CHARTS / "flash-crowd.log"
    simulate("flash-crowd", "--log", log)
    again = json.loads(sh(TROUPE, "--json", "scale", "replay", log).stdout)
    check.at_least("decisions of a log made again", again["decisions"], 1440)
    check.equal("that differ", again["differ"], 0)


if __name__ == "__main__":
    suite.main()
