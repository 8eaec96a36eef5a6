"""What makes the alerts about scaling and about devices fire: clusters for alarms.py, and what goes wrong in them."""
from framework import Node, sh, wait_until

# A provider that gives nothing and then fails, more nodes than there are, two steps an hour, and a rule whose metric nobody has.
FLEET = """pool: fleet
limits: {min: 2, max: 9, actions_per_hour: 2}
rules:
  all: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}
  load: {kind: target, metric: "prometheus:up", target: 60, period: 1s}
"""
DEVICES = ("hot", "faulty", "ending", "lost", "crowded")
NETWORK = ("name: network\ninputs: {image: {type: image, required: true}}\nstages:\n  only: {kind: model.filter, params: {image: \"${inputs.image}\"}, "
           "retry: {attempts: 8, backoff: 100ms..100ms}}\nresult: {}\n")
OF_FLEET = ("TroupeScalingProviderFails", "TroupeScalingPaused", "TroupeScalingBlind", "TroupeScalingHeld")
OF_DEVICES = ("TroupeDeviceHot", "TroupeDeviceFault", "TroupeDeviceLostToWorkers", "TroupeDeviceClosed", "TroupeDeviceWaits")


def clusters(folder, common):
    """Not started. A pool that gets nothing, a cluster whose leader has no policy, a node with five devices."""
    policy, provider = folder / "fleet.yaml", folder / "provider"
    policy.write_text(FLEET)
    provider.write_text(f"#!/bin/sh\nif [ -e {folder}/provider-fails ]; then echo no machines here >&2; exit 1; fi\n")
    provider.chmod(0o755)
    (folder / "pipelines" / "network.yaml").write_text(NETWORK)
    follows = ["--set", f"scaling.policy={policy}", "--set", "scaling.every=1s", "--set", "scaling.prometheus.url=http://127.0.0.1:1"]
    leader = Node(*common)
    return {"troupe-fleet": [Node(*common, *follows, "--set", "scaling.provider=exec", "--set", f"scaling.command={provider}")],
            "troupe-nobody": [leader, Node(*common, *follows, "--seed", f"127.0.0.1:{leader.port}")],
            "troupe-devices": [Node(*common, "--set", "devices.simulated=" + ",".join(f"{name}:256MiB:1" for name in DEVICES),
                                    "--set", "devices.reserve=64MiB", "--set", "devices.every=100ms", "--set", "devices.slots=1")]}


def want_too_many(node, folder):
    """Steps out until the guard ends them, then a hold; nothing comes, and then the provider fails."""
    def is_paused():
        if metric(node, 'troupe_scaling_alerts{code="runaway"}') == 1:
            return True
        node.http.submit("parked", {})
        return False
    wait_until("the guard", is_paused, 60, 1)
    node.troupe("scale", "hold", "3", "--for", "1h")
    (folder / "provider-fails").touch()


def metric(node, series):
    """The sum of all series that begin so."""
    text = node.http.request("GET", "/metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(series))


def say(node, device, *lines):
    """What is wrong with a simulated device."""
    folder = node.data / "devices"
    folder.mkdir(exist_ok=True)
    fresh = folder / f".{device}"
    fresh.write_text("".join(line + "\n" for line in lines))
    fresh.rename(folder / device)


def break_devices(node, folder):
    """Each in its own way; the jobs that its workers lose end on another one."""
    say(node, "hot", "temperature 93")
    say(node, "faulty", "xid 79")
    say(node, "ending", "network lost")
    say(node, "lost", "lost")
    say(node, "crowded", f"used {200 << 20}")
    picture = folder / "picture.png"
    sh("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", picture)
    wait_until("the models to be known", lambda: node.http.request("GET", "/v1/models")[0] == 200, 120)
    job = {"pipeline": "network", "inputs": {"image": {"artifact": node.http.put(picture.read_bytes())}}}

    def lost_often():
        node.http.json("POST", "/v1/jobs:batch", {"jobs": [job] * 6})
        return metric(node, "troupe_device_lost_to_workers_total{") > 4
    wait_until("workers to lose their device", lost_often, 60, 1)
