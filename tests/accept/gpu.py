"""The GPU room: what operators are right, whether the fast executor agrees with the plain one, and how fast it is.

A4 needs a GPU with its driver, and a build with CUDA; elsewhere it proves nothing, and says so. TROUPE_ACCEPT_GRAPHS sets how many random networks
A2 tries.
"""
import json
import os
import re
import shutil
import statistics

import shipped_models
import tight_memory
from framework import BUILD, ROOT, CheckFailed, Node, Suite, say, sh

suite = Suite("gpu", ["gpu_conformance", "gpu_random_graphs", "model_times", "model_video", "troupe", "troupe-worker"])
CASES = "/usr/share/libonnx-testdata/data/node"
GRAPHS = int(os.environ.get("TROUPE_ACCEPT_GRAPHS", 5000))


@suite.check("A1", "ONNX's own test cases")
def conformance(check):
    for executor in ("reference", "rehearsal", "rehearsal-nhwc", "rehearsal-wide", "cpu"):
        done = sh(BUILD / "bin/gpu_conformance", CASES, "--executor", executor, "--table", check=False, timeout=900)
        counts = re.search(r"^cases (\d+) claimed (\d+) passed (\d+) failed (\d+)$", done.stdout, re.MULTILINE)
        if not counts:
            raise CheckFailed(f"gpu_conformance ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
        cases, claimed, passed, failed = map(int, counts.groups())
        for line in done.stdout.splitlines():
            if line.startswith("FAILED"):
                say(f"{executor}: {line}")
        check.equal(f"{executor}: cases of the package", cases, 932)
        check.at_least(f"{executor}: claimed", claimed, 300)
        check.at_least(f"{executor}: passed of the claimed ones", round(100 * passed / max(claimed, 1), 2), 98, "%")
        check.equal(f"{executor}: neither passed nor failed", claimed - passed - failed, 0)
        if of_device := re.search(r"^nodes (\d+) of them on the processor (\d+)$", done.stdout, re.MULTILINE):
            check.at_least(f"{executor}: nodes that a device would compute itself", round(100 * (1 - int(of_device[2]) / int(of_device[1])), 1), 50, "%")
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ") and "/" in line]
    check.at_least("rows of the table", len(rows), 20)
    written = (ROOT / "docs/models.md").read_text().splitlines()
    check.equal("rows of the table that docs/models.md does not have", sum(row not in written for row in rows), 0)


@suite.check("A2", "random networks: the fast executor against the plain one")
def random_networks(check):
    for executor in ("rehearsal", "rehearsal-nhwc", "rehearsal-wide"):
        try_networks(check, executor, 1000, f"{executor}: ")
    try_networks(check, "cpu", GRAPHS, "")


def try_networks(check, executor, count, prefix):
    """Runs random networks on an executor and on the plain one."""
    done = sh(BUILD / "bin/gpu_random_graphs", "--executor", executor, "--seeds", count, check=False, timeout=3000)
    counts = re.search(r"^seeds (\d+) nodes (\d+) failed (\d+)$", done.stdout, re.MULTILINE)
    if not counts:
        raise CheckFailed(f"gpu_random_graphs ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    for line in done.stdout.splitlines()[:20]:
        say(line)
    check.equal(f"{prefix}networks tried", int(counts[1]), count if prefix else 5000)
    check.at_least(f"{prefix}operators in them", int(counts[2]), 6 * count)
    check.equal(f"{prefix}networks whose results differ by more than 2e-4 of their largest element", int(counts[3]), 0)


@suite.check("A3", "five networks on the processor, beside onnxruntime-node")
def speed(check):
    done = sh(ROOT / "bench/inference", "--json", timeout=3000)
    figures = json.loads(done.stdout)["figures"]
    for name, one in figures.items():
        if isinstance(one, dict):
            check.at_most(f"{name}: {one['ours_ms']:.2f} ms against {one['theirs_ms']:.2f} ms", round(one["ratio"], 3), 1.3)
    check.at_most("geometric mean of the ratios of time", round(figures["geometric_mean"], 3), 1.1)


def missing_device():
    """Why nothing can be run on a GPU here; empty if it can."""
    done = sh(BUILD / "bin/gpu_conformance", CASES, "--executor", "cuda", "--case", "test_relu", check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr or done.stdout).strip().splitlines()[0]


@suite.check("A4", "networks on a GPU")
def on_gpu(check):
    if why := missing_device():
        return check.nothing_proven(f"no device is here ({why})")
    for executor in ("cuda", "cuda-fast"):
        done = sh(BUILD / "bin/gpu_conformance", CASES, "--executor", executor, check=False, timeout=1800)
        counts = re.search(r"^cases (\d+) claimed (\d+) passed (\d+) failed (\d+)$", done.stdout, re.MULTILINE)
        if not counts:
            raise CheckFailed(f"gpu_conformance ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
        for line in done.stdout.splitlines():
            if line.startswith("FAILED"):
                say(f"{executor}: {line}")
        # TF32 has 10 bits of mantissa: ONNX's tolerance of a thousandth is about one step of it.
        check.at_least(f"{executor}: passed of the claimed ones", 100 * int(counts[3]) / int(counts[2]), 98 if executor == "cuda" else 90, "%")
    try_networks(check, "cuda", min(GRAPHS, 500), "cuda: ")
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if os.path.exists(sanitizer):
        for tool in ("memcheck", "racecheck"):
            done = sh(sanitizer, "--tool", tool, "--error-exitcode", 9, BUILD / "bin/gpu_random_graphs", "--executor", "cuda", "--seeds", 5,
                      check=False, timeout=1800)
            check.equal(f"compute-sanitizer {tool}: status", done.returncode, 0)
    else:
        say("compute-sanitizer is not here: memory and races were not looked at")
    gpu_speed(check)
    gpu_precisions(check)


def gpu_precisions(check):
    """What each precision loses, beside the processor's floats, and what it wins."""
    networks = sorted((ROOT / "build/bench/inference").glob("*.onnx"))
    check.equal("networks in each precision", len(networks), 5)
    for network in networks:
        times = {}
        for executor, least, most in (("cuda-fast", 0, 0.01), ("cuda-fast-half", 1e-5, 0.01), ("cuda-fast-bfloat16", 1e-4, 0.05)):
            done = sh(BUILD / "bin/model_times", network, "--executor", executor, "--against", "cpu", "--runs", 100, timeout=600)
            difference = float(re.search(r"^difference (\S+)$", done.stderr, re.MULTILINE)[1])
            check.at_most(f"{network.stem}, {executor}: largest difference from the processor's results, of their largest element", difference, most)
            if least:
                check.at_least(f"{network.stem}, {executor}: the same, which would be less if nothing were stored so", difference, least)
            times[executor] = statistics.median(map(float, done.stdout.split()))
        say(f"{network.stem}: " + ", ".join(f"{executor} {time:.3f} ms" for executor, time in times.items()))


def gpu_speed(check):
    """Five networks, beside PyTorch where there is one."""
    done = json.loads(sh(ROOT / "bench/inference", "--executor", "cuda", "--json", "--quick", timeout=3000).stdout)
    for name, one in done["figures"].items():
        if not isinstance(one, dict):
            continue
        check.equal(f"{name}: nodes on the processor", one["on_processor"], 0)
        check.at_least(f"{name}: frames from and to the processor's memory", one["frames_per_second"], 30, "/s")
        say(f"{name}: {100 * one['share_of_convolutions']:.0f} % of the FLOP/s that its convolutions alone reach")
        if "ratio" in one:
            check.at_most(f"{name}: {one['ours_ms']:.2f} ms against {one['theirs_ms']:.2f} ms of PyTorch", round(one["ratio"], 3), done["limits"]["each"])


@suite.check("A5", "1080p video through the upscaler")
def video(check):
    done = sh(ROOT / "bench/model-video", "--json", timeout=3000)
    figures = json.loads(done.stdout)["figures"]
    say(" ".join(line.removeprefix("bench: ") for line in done.stderr.splitlines() if "ratios" in line) + f", {figures['frames_per_s']:.2f} frames/s")
    check.at_most("wall time against the work of the parts, alone, over the processors", round(figures["ratio"], 3), 1.15)
    check.equal("frames of the long clip that came out", figures["long_frames"], 1200)
    check.at_least("PSNR of the least alike frame, brought back to the clip's size, against the clip's", round(figures["psnr_db"], 1), 35, "dB")
    check.at_most("peak memory of 120 s against 10 s", round(figures["memory_ratio"], 3), 1.05)
    check.at_least("peak memory of 120 s against 10 s", round(figures["memory_ratio"], 3), 0.95)


@suite.check("A6", "10,000 stages on tight budgets")
def budgets(check):
    tight_memory.run(check)
    for test in ("model_slot", "worker_host", "worker_models"):
        sh(ROOT / "scripts/build", "asan", f"test_{test}", "troupe-worker", timeout=7200)
        done = sh(ROOT / f"build/asan/bin/test_{test}", check=False, timeout=1200, env={"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": f"suppressions={ROOT}/tests/support/lsan.supp"})
        check.equal(f"exit status of {test} with AddressSanitizer", done.returncode, 0)


@suite.check("A7", "pictures before and after each model that comes along")
def shipped(check):
    """Leaves them in build/accept/gpu and measures what can be; that they are good to look at, a person has to say."""
    folder = ROOT / "build" / "accept" / "gpu"
    folder.mkdir(parents=True, exist_ok=True)
    with Node("--pipelines", ROOT / "config" / "pipelines") as node:
        studio = shipped_models.Studio(node, folder)
        for look in (shipped_models.look_at_pictures, shipped_models.look_at_matte, shipped_models.look_at_shapes, shipped_models.look_at_embeddings):
            look(studio, check)
    for name in ("upscale-x2", "denoise", "sharpen", "matte-key", "shapes"):
        for which in ("before", "after"):
            picture = folder / f"{name}-{which}.png"
            check.that(f"{name}, {which}", picture.stat().st_size > 1000, picture.relative_to(ROOT), "a picture of more than 1 kB")


if __name__ == "__main__":
    suite.main()
