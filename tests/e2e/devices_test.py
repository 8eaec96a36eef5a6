"""Real nodes with devices: simulated ones, whose state the test writes, and those of a management library that is not NVIDIA's. Networks run on
devices and nothing else does, budgets hold for each, and what goes wrong on a device ends one worker and never the node.

    devices_test.py TROUPE_PROGRAM FAKE_NVML [TEST...]
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

from cluster import Cluster, TestCase, wait_until

TROUPE = sys.argv.pop(1)
FAKE_NVML = sys.argv.pop(1)
MIB = 1 << 20
PROCESSOR_SLOT = 0  # the only one of that kind


def exec_stage(script, **more):
    return {"kind": "exec", "program": {"command": ["sh", "-c", script], "outputs": {"seen": "text"}}, **more}


SEEN = "printf '{\"output\":{\"name\":\"seen\",\"value\":\"<%s>\"}}\\n' \"${CUDA_VISIBLE_DEVICES-unset}\""
PIPELINES = {
    "clean": {"inputs": {"image": {"type": "image", "required": True}}, "result": {"width": "${stages.only.width}"},
              "stages": {"only": {"kind": "model.filter", "params": {"image": "${inputs.image}"}, "retry": {"attempts": 8, "backoff": "100ms..100ms"}}}},
    "sharp": {"inputs": {"image": {"type": "image", "required": True}}, "result": {"width": "${stages.only.width}"},
              "stages": {"only": {"kind": "model.filter", "params": {"image": "${inputs.image}", "model": "sharpen"}, "retry": {"attempts": 8, "backoff": "5s..5s"}}}},
    "once": {"inputs": {"image": {"type": "image", "required": True}}, "result": {"width": "${stages.only.width}"},
             "stages": {"only": {"kind": "model.filter", "params": {"image": "${inputs.image}"}, "retry": {"attempts": 1}}}},
    "plain": {"inputs": {}, "result": {"seen": "${stages.only.seen}"}, "stages": {"only": exec_stage(SEEN)}},
    "on_device": {"inputs": {}, "result": {"seen": "${stages.only.seen}"}, "stages": {"only": exec_stage(SEEN, requires={"labels": ["gpu"]})}},
}


def children(pid):
    """Processes whose parent it is."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "stat").read_text().rsplit(") ", 1)[1].split()[1] == str(pid):
                found.append(int(entry.name))
        except (OSError, IndexError):
            continue
    return found


def environment(pid):
    try:
        return dict(entry.split("=", 1) for entry in pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0") if "=" in entry)
    except OSError:
        return {}


class Devices(TestCase):
    OPTIONS = ()

    def setUp(self):
        self.cluster = Cluster(TROUPE, 1)
        self.addCleanup(self.cluster.close)
        self.node = self.cluster.nodes[0]
        self.folder = self.cluster.folder
        pipelines = self.folder / "pipelines"
        pipelines.mkdir()
        for name, pipeline in PIPELINES.items():
            (pipelines / f"{name}.yaml").write_text(json.dumps({"name": name, **pipeline}))
        self.node.options += ["--slots", "1", "--pipelines", pipelines, "--set", "devices.reserve=64MiB", "--set", "devices.every=100ms",
                              *(word for option in self.OPTIONS for word in ("--set", option))]
        self.picture = self.draw("picture.png", 64)

    def draw(self, name, side):
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={side}x{side}", "-frames:v", "1", self.folder / name], check=True, timeout=60)
        return self.folder / name

    def start(self):
        self.cluster.start()
        wait_until("the models to be known", lambda: self.node.request("GET", "/v1/models")[0] == 200)

    def say(self, device, *lines):
        """What is wrong with a simulated device."""
        (self.node.data / "devices").mkdir(parents=True, exist_ok=True)
        fresh = self.node.data / "devices" / f".{device}"
        fresh.write_text("".join(line + "\n" for line in lines))
        fresh.rename(self.node.data / "devices" / device)

    def view(self):
        return self.node.json("GET", "/v1/node")

    def devices(self):
        return {one["uuid"]: one for one in self.view()["devices"]}

    def slots_of(self, uuid):
        return [slot for slot in self.view()["slots"] if slot.get("device") == uuid]

    def submit(self, pipeline="clean"):
        inputs = {"image": {"artifact": self.node.put(self.picture.read_bytes())}} if "image" in PIPELINES[pipeline]["inputs"] else {}
        return self.node.submit(pipeline, inputs)["id"]

    def events(self, job):
        return [(kind, data) for _, kind, data in self.node.job_events(job)]

    def slots_used(self, job):
        """Indexes of the slots on which its attempts ran."""
        return [int(re.search(r"(\d+)$", data["slot"])[1]) for kind, data in self.events(job) if kind == "attempt_started"]

    def ended_well(self, job):
        ended = self.node.wait_final(job)
        self.assertEqual(ended["state"], "succeeded", ended["error"])
        return ended

    def metric(self, name, *labels):
        text = self.node.request("GET", "/metrics")[2].decode()
        return [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{") and all(label in line for label in labels)]


class TwoDevices(Devices):
    OPTIONS = ("devices.simulated=a:256MiB:1,b:256MiB:1",)

    def test_networks_run_on_both_devices_within_their_budgets_and_all_else_on_processors(self):
        self.start()
        self.assertEqual([(one["state"], one["budget_bytes"]) for one in self.devices().values()], [("open", 192 * MIB)] * 2)
        jobs = [self.submit() for _ in range(12)]
        most = {"SIM-a": 0, "SIM-b": 0}

        def are_done():
            for uuid, one in self.devices().items():
                most[uuid] = max(most[uuid], one["claimed_bytes"] + one["kept_bytes"])
            return all(self.node.job(job)["state"] == "succeeded" for job in jobs)
        wait_until("all to be done", are_done, 60)
        used = {slot for job in jobs for slot in self.slots_used(job)}
        self.assertNotIn(PROCESSOR_SLOT, used)
        on = {slot["index"]: slot["device"] for slot in self.view()["slots"] if "device" in slot}
        self.assertEqual(on, {1: "SIM-a", 2: "SIM-a", 3: "SIM-b", 4: "SIM-b"})
        self.assertEqual({on[slot] for slot in used}, {"SIM-a", "SIM-b"})
        for value in most.values():
            self.assertTrue(0 < value <= 192 * MIB, most)
        self.assertEqual(self.metric("troupe_device_memory_bytes", 'uuid="SIM-a"', 'of="budget"'), [192 * MIB])

        plain = self.submit("plain")
        self.assertEqual((self.ended_well(plain)["result"]["seen"], self.slots_used(plain)), ("<>", [PROCESSOR_SLOT]))
        self.assertIn(self.ended_well(self.submit("on_device"))["result"]["seen"], ("<SIM-a>", "<SIM-b>"))

    def test_tasks_that_do_not_fit_at_once_wait_for_each_other(self):
        self.picture = self.draw("large.png", 512)
        self.start()
        self.ended_well(self.submit())
        self.node.stop()
        need = max(int(line.split("\t")[0]) for line in (self.node.data / "learned-peaks").read_text().splitlines())
        self.node.options += ["--set", f"devices.reserve={256 * MIB - need * 3 // 2}B"]
        self.node.start()
        self.cluster.wait_ready()
        wait_until("the models to be known", lambda: self.node.request("GET", "/v1/models")[0] == 200)
        jobs, most, waited = [self.submit() for _ in range(12)], 0, 0

        def are_done():
            nonlocal most, waited
            for one in self.devices().values():
                most = max(most, one["claimed_bytes"] + one["kept_bytes"])
                waited = max(waited, one["tasks_waiting"])
            return all(self.node.job(job)["state"] == "succeeded" for job in jobs)
        wait_until("all to be done", are_done, 90)
        self.assertTrue(need <= most <= need * 3 // 2, (need, most))
        self.assertGreaterEqual(waited, 1)

    def test_a_worker_that_is_killed_at_work_costs_one_attempt(self):
        self.picture = self.draw("large.png", 512)
        self.node.options += ["--set", "devices.slots=1"]
        self.start()
        job = self.submit()
        slot = wait_until("it to run", lambda: next((slot for slot in self.view()["slots"] if slot["state"] == "running"), None))
        (worker,) = [pid for pid in children(self.node.process.pid) if environment(pid).get("CUDA_VISIBLE_DEVICES") == slot["device"]]
        os.kill(worker, signal.SIGKILL)
        self.ended_well(job)
        causes = [data["cause"] for kind, data in self.events(job) if kind == "attempt_failed"]
        self.assertEqual(causes, ["crashed"])

    def test_workers_that_are_killed_come_back_on_their_devices(self):
        self.start()
        workers = {environment(pid).get("CUDA_VISIBLE_DEVICES"): pid for pid in children(self.node.process.pid)}
        self.assertTrue({"", "SIM-a", "SIM-b"} <= set(workers), workers)
        starts = sum(slot["worker_starts"] for slot in self.view()["slots"])
        for uuid in ("SIM-a", "SIM-b"):
            os.kill(workers[uuid], signal.SIGKILL)
        wait_until("the workers to be back", lambda: sum(slot["worker_starts"] for slot in self.view()["slots"]) == starts + 2
                   and all(slot["state"] == "idle" for slot in self.view()["slots"]), 30)
        self.ended_well(self.submit())
        self.assertEqual({one["state"] for one in self.devices().values()}, {"open"})

    def test_a_closed_device_leaves_the_work_to_the_other_one(self):
        self.start()
        self.say("a", "lost")
        wait_until("a to be closed", lambda: self.devices()["SIM-a"]["state"] == "closed")
        wait_until("its slots to be closed", lambda: {slot["state"] for slot in self.slots_of("SIM-a")} == {"closed"})
        self.assertIn("it does not answer any more", self.slots_of("SIM-a")[0]["why_closed"])
        for _ in range(4):
            job = self.submit()
            self.ended_well(job)
            self.assertTrue(set(self.slots_used(job)) <= {3, 4})
        self.assertIn("device_closed", self.node.log)
        self.assertEqual(self.metric("troupe_device_state", 'uuid="SIM-a"', 'state="closed"'), [1])
        self.assertEqual(self.metric("troupe_device_state", 'uuid="SIM-b"', 'state="open"'), [1])
        self.assertTrue(self.node.is_ready())


class OneDevice(Devices):
    OPTIONS = ("devices.simulated=a:256MiB:1", "devices.slots=1")

    def tries(self, job):
        """How many attempts there were; nothing while one runs."""
        stage = self.node.job(job)["stages"][0]
        return stage["attempts"] if stage["state"] != "running" else None

    def failures(self, job):
        """Of a job that has ended."""
        return [data for kind, data in self.events(job) if kind == "attempt_failed"]

    def test_a_device_that_is_lost_to_a_worker_ends_that_one_and_the_task_runs_again(self):
        self.say("a", "network lost")
        self.start()
        job = self.submit()
        wait_until("a failure", lambda: self.metric("troupe_device_lost_to_workers_total") >= [1])
        self.say("a")
        self.ended_well(job)
        failures = self.failures(job)
        self.assertEqual(failures[0]["cause"], "crashed")
        self.assertRegex(failures[0]["detail"], r"^lost its device on device 0 \(simulated a\): .*the simulated device is said to be lost$")
        self.assertEqual(self.devices()["SIM-a"]["state"], "open")

    def test_a_device_that_workers_lose_whatever_they_run_is_closed_and_processors_do_its_work(self):
        self.say("a", "network lost")
        self.start()
        jobs = [self.submit("sharp"), self.submit("clean")]  # the first one lets the other one pass
        for job in jobs:
            self.ended_well(job)
            self.assertEqual(self.slots_used(job)[-1], PROCESSOR_SLOT)
        self.assertEqual([one["cause"] for job in jobs for one in self.failures(job)], ["crashed"] * 5)
        device = self.devices()["SIM-a"]
        self.assertEqual(device["state"], "closed")
        self.assertRegex(device["why"], "^5 workers in a row lost it, the last one: .*the simulated device is said to be lost; look at the machine")
        self.assertEqual(self.node.log.count("device_closed"), 1)

    def test_a_device_that_workers_lose_with_one_network_rests_for_it_may_be_the_network(self):
        self.say("a", "network lost")
        self.start()
        job = self.submit()
        wait_until("the slot to be closed", lambda: self.tries(job) == 5 and self.slots_of("SIM-a")[0]["state"] == "closed")
        self.assertEqual(self.devices()["SIM-a"]["state"], "waiting")
        self.assertRegex(self.slots_of("SIM-a")[0]["why_closed"], "^5 workers in a row lost it, .*; all ran .*, so that may be at fault; it is tried again after 5 min$")
        wait_until("it to wait for a device", lambda: self.node.job(job)["stages"][0]["state"] == "ready")

    def test_a_task_that_finds_the_device_full_time_and_again_has_failed_at_last(self):
        self.start()
        job = None
        for turn in range(5):
            self.node.json("POST", "/v1/queue/pause", {"reason": "to fill the device in between"})
            self.say("a")
            wait_until("the slot to be open", lambda: self.slots_of("SIM-a")[0]["state"] == "idle")
            self.say("a", f"used {200 * MIB}", "network full")
            job = job or self.submit("once")
            self.node.json("POST", "/v1/queue/resume", {})
            wait_until("it to find no memory", lambda count=turn + 1: self.tries(job) == count)
        self.assertEqual([one["cause"] for one in self.failures(job)], ["handed_back"] * 4 + ["failed"])
        self.assertEqual(self.node.wait_final(job)["state"], "dead")
        self.assertIn("raise devices.reserve", self.node.log)

    def test_a_task_waits_for_a_device_that_others_have_filled_and_has_lost_nothing(self):
        self.say("a", f"used {200 * MIB}")
        self.start()
        wait_until("the slot to be closed", lambda: self.slots_of("SIM-a")[0]["state"] == "closed")
        self.assertEqual(self.slots_of("SIM-a")[0]["why_closed"],
                         "200.0 MiB of its memory are in use by others than this node's workers, and 64.0 MiB may be (devices.reserve)")
        self.assertEqual(self.devices()["SIM-a"]["state"], "waiting")
        job = self.submit("once")
        self.assertEqual(self.node.job(job)["state"], "queued")
        self.say("a", f"used {10 * MIB}")
        self.ended_well(job)
        self.assertEqual(self.failures(job), [])

    def test_a_network_that_finds_the_device_full_is_tried_again_when_there_is_room_at_no_cost(self):
        self.start()
        wait_until("the slot to be open", lambda: self.slots_of("SIM-a")[0]["state"] == "idle")
        self.say("a", f"used {200 * MIB}", "network full")
        job = self.submit("once")
        wait_until("the slot to be closed", lambda: self.slots_of("SIM-a")[0]["state"] == "closed")
        self.say("a")
        self.ended_well(job)
        self.assertEqual([one["cause"] for one in self.failures(job)], ["handed_back"])
        self.assertIn("no memory on device 0 (simulated a)", self.failures(job)[0]["detail"])

    def test_faults_close_the_device_and_processors_do_its_work(self):
        self.start()
        for number in range(1, 4):
            self.say("a", f"xid 79 for the {number}. time")
            wait_until("it to be told", lambda: self.devices()["SIM-a"]["xids"] == number)
        device = self.devices()["SIM-a"]
        self.assertEqual((device["state"], device["why"]),
                         ("closed", "3 faults, the last one: its driver reports Xid 79; look at the machine, then start the node anew"))
        self.assertEqual(self.node.log.count("device_fault"), 3)
        wait_until("its slot to be closed", lambda: self.slots_of("SIM-a")[0]["state"] == "closed")
        job = self.submit()
        self.ended_well(job)
        self.assertEqual(self.slots_used(job), [PROCESSOR_SLOT])
        self.assertTrue(self.node.is_ready())


class TwoNodes(TestCase):
    def test_a_policy_may_look_at_how_busy_the_devices_of_all_nodes_are(self):
        self.cluster = Cluster(TROUPE, 2, ["--slots", "1", "--set", "devices.simulated=a:256MiB", "--set", "devices.reserve=64MiB", "--set", "devices.every=100ms",
                                           "--set", "scaling.every=1s"])
        self.addCleanup(self.cluster.close)
        policy = self.cluster.folder / "policy.yaml"
        policy.write_text("pool: test\nlimits: {min: 1, max: 2}\nrules:\n  gpu: {kind: target, metric: gpu_use, target: 10, period: 1s}\n")
        for node, busy in zip(self.cluster.nodes, (80, 40)):
            node.options += ["--set", f"scaling.policy={policy}"]
            (node.data / "devices").mkdir(parents=True)
            (node.data / "devices" / "a").write_text(f"busy {busy}\n")
        for node in self.cluster.nodes:
            node.start()
        self.cluster.wait_ready()
        wait_until("the mean to be seen", lambda: any("gpu_use is 60" in json.dumps(node.json("GET", "/v1/scaling")) for node in self.cluster.nodes))


class FakeDriver(Devices):
    """Two devices of 80 GiB."""

    def setUp(self):
        super().setUp()
        self.state = self.folder / "nvml"
        os.environ["FAKE_NVML_STATE"] = str(self.state)
        self.addCleanup(os.environ.pop, "FAKE_NVML_STATE")
        self.write(f"used {10 * MIB}")
        self.node.options += ["--set", f"devices.library={FAKE_NVML}"]

    def write(self, *lines):
        fresh = self.folder / ".nvml"
        fresh.write_text("".join(line + "\n" for line in lines))
        fresh.rename(self.state)

    def test_devices_without_a_program_for_them_are_read_and_not_used(self):
        self.node.options += ["--set", f"devices.worker_program={self.folder}/there-is-none"]
        self.start()
        devices = self.devices()
        self.assertEqual([(one["state"], one["memory_bytes"], one["temperature_celsius"]) for one in devices.values()], [("unused", 80 << 30, 64)] * 2)
        self.assertIn("there is no program", devices["GPU-00000000-fake-a"]["why"])
        self.assertIn("device_unused", self.node.log)
        self.assertEqual(len(self.view()["slots"]), 1)
        self.assertEqual(self.ended_well(self.submit("plain"))["result"]["seen"], "<unset>")
        self.ended_well(self.submit())
        self.assertEqual(self.metric("troupe_device_power_watts"), [251.5, 251.5])

    def test_what_the_driver_says_opens_and_closes_slots(self):
        self.node.options += ["--set", f"devices.worker_program={pathlib.Path(TROUPE).parent / 'troupe-worker'}"]
        self.start()
        wait_until("all slots to be open", lambda: [slot["state"] for slot in self.view()["slots"]] == ["idle"] * 5)
        job = self.submit()
        self.ended_well(job)
        self.assertTrue(set(self.slots_used(job)) <= {1, 2, 3, 4})
        self.assertIn(self.ended_well(self.submit("on_device"))["result"]["seen"], ("<GPU-00000000-fake-a>", "<GPU-00000000-fake-b>"))
        self.write(f"used {10 * MIB}", "celsius 93", "xid 48")
        wait_until("the error to be told", lambda: self.devices()["GPU-00000000-fake-a"]["xids"] == 1)
        self.assertEqual(self.metric("troupe_device_temperature_celsius"), [93, 93])
        self.write(f"used {70 << 30}")
        wait_until("others to have it", lambda: {one["state"] for one in self.devices().values()} == {"waiting"})
        for pid in children(self.node.process.pid):
            if environment(pid).get("CUDA_VISIBLE_DEVICES"):
                os.kill(pid, signal.SIGKILL)
        wait_until("the slots to be closed", lambda: [slot["state"] for slot in self.view()["slots"]] == ["idle"] + ["closed"] * 4)
        self.write(f"used {10 * MIB}")
        wait_until("the slots to be open", lambda: [slot["state"] for slot in self.view()["slots"]] == ["idle"] * 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
