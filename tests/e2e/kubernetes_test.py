"""A real node that follows its load with pods of a (false) Kubernetes, each of which is a real node; and the manifests in deploy/.

    kubernetes_test.py TROUPE_PROGRAM [TEST...]

With Python's yaml the manifests are read, too.
"""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import yaml
except ImportError:
    yaml = None

from cluster import Cluster, TestCase, free_ports, wait_until
from fake_kubernetes import FakeKubernetes

TROUPE = sys.argv.pop(1)
MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
POLICY = """pool: test
limits: {min: 1, max: 3}
stabilise: {in: 4s}
rules:
  tasks: {kind: target, metric: unfinished, total: true, target: 1, period: 1s}
"""
LOWEST = -2147483647


def pipeline(name, command):
    return json.dumps({"name": name, "inputs": {}, "result": {},
                       "stages": {"only": {"kind": "exec", "timeout": "5min", "program": {"command": ["sh", "-c", command], "outputs": {}}}}})


class KubernetesCase(TestCase):
    """The first node takes tasks itself; those that are ordered are pods."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-kubernetes-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.go, pipelines = self.folder / "go", self.folder / "pipelines"
        pipelines.mkdir()
        (pipelines / "hold.yaml").write_text(pipeline("hold", f"while [ ! -e {self.go} ]; do sleep 0.05; done"))
        (pipelines / "short.yaml").write_text(pipeline("short", "sleep 0.1"))
        (self.folder / "policy.yaml").write_text(POLICY)
        self.token = self.folder / "token"
        self.token.write_text("first\n")
        own = ["--slots", "1", "--pipelines", pipelines, "--set", "lease.duration=1s", "--set", "lease.heartbeat=300ms"]
        self.kubernetes = FakeKubernetes(self.folder, self.start_pod, lambda: free_ports(1)[0])
        self.pod_options = [str(word) for word in own]
        self.cluster = Cluster(TROUPE, 1, [
            *own, "--set", "scaling.every=1s", "--set", f"scaling.policy={self.folder / 'policy.yaml'}", "--set", "scaling.provider=kubernetes", *self.settings()])
        self.addCleanup(self.kubernetes.close)
        self.addCleanup(self.cluster.close)
        self.node = self.cluster.start().nodes[0]
        wait_until("it to decide", lambda: self.status()["leads"])

    def settings(self):
        keys = {"url": self.kubernetes.url, "namespace": "video", "workload": "deployment/workers", "token_file": self.token, "ca": self.kubernetes.ca}
        return [word for key, value in keys.items() for word in ("--set", f"scaling.kubernetes.{key}={value}")]

    def start_pod(self, name, port):
        """What the Deployment's template says: a label with the pod's name, and the seed."""
        folder = self.folder / name
        folder.mkdir()
        with open(folder / "log", "ab") as log:
            return subprocess.Popen([TROUPE, "node", "--data", str(folder / "data"), "--listen", f"127.0.0.1:{port}", "--seed", self.node.address, "--label", f"machine-{name}",
                                     "--set", "node.roles=work", *self.pod_options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def status(self):
        return self.node.json("GET", "/v1/scaling")

    def nodes(self):
        return self.node.json("GET", "/v1/nodes")["nodes"]

    def alarm(self, code):
        return next((alarm["why"] for alarm in self.status()["alarms"] if alarm["code"] == code), None)

    def all_pods_work(self):
        machines = [one for one in self.status()["machines"] if one["name"]]
        return {one["name"] for one in machines} == set(self.kubernetes.names()) and all(one["state"] == "ready" for one in machines)

    def running(self):
        return self.node.json("GET", "/v1/node")["jobs_running"]


class ScalingTest(KubernetesCase):
    def test_pods_come_with_the_load_and_go_again_and_no_job_is_lost(self):
        kubernetes, jobs, is_over = self.kubernetes, [], threading.Event()
        kubernetes.faults.append(lambda request: request.refuse(429, "too many requests", [("Retry-After", "1")]) or True)

        def submit_short_ones():
            while not is_over.wait(0.3):
                jobs.append(self.node.submit("short", {})["id"])
        held = [self.node.submit("hold", {})["id"] for _ in range(3)]
        load = threading.Thread(target=submit_short_ones)
        load.start()
        self.addCleanup(load.join)
        self.addCleanup(is_over.set)
        wait_until("two pods", lambda: len(kubernetes.names()) == 2, 60)
        wait_until("three tasks to run at once", lambda: self.running() >= 3, 60)
        wait_until("pods and nodes to have found each other", self.all_pods_work)

        kubernetes.tokens = {"second"}  # it was exchanged: the old one is worth nothing any more
        self.token.write_text("second\n")
        is_over.set()
        load.join()
        self.go.touch()
        for job in held + jobs:
            self.assertEqual(self.node.wait_final(job)["state"], "succeeded")
        wait_until("the first node to be alone", lambda: not kubernetes.names() and len(self.nodes()) == 1, 90)
        self.assertEqual((kubernetes.replicas, [cost for _, cost in kubernetes.ended]), (0, [LOWEST, LOWEST]))
        self.assertLess(3, len(jobs))
        self.assertEqual(kubernetes.used, {("get", "deployments"), ("get", "deployments/scale"), ("update", "deployments/scale"), ("list", "pods"), ("patch", "pods")})

    def test_a_pod_that_dies_is_replaced_by_its_controller_and_not_ordered_again(self):
        jobs = [self.node.submit("hold", {})["id"] for _ in range(2)]
        wait_until("two tasks to run at once", lambda: self.running() == 2, 60)
        wait_until("pod and node to have found each other", self.all_pods_work)
        victim, = self.kubernetes.names()
        self.kubernetes.delete(victim, signal.SIGKILL)
        wait_until("the dead one to be forgotten and another one to work", lambda: self.running() == 2 and len(self.nodes()) == 2
                   and all(one["state"] == "active" for one in self.nodes()) and self.all_pods_work(), 60)
        self.assertEqual((self.kubernetes.replicas, self.kubernetes.made), (1, 2))
        self.go.touch()
        for job in jobs:
            self.assertEqual(self.node.wait_final(job)["state"], "succeeded")

    def test_what_is_wrong_reaches_the_operator(self):
        self.kubernetes.has_image = False
        job = self.node.submit("hold", {})["id"]
        other = self.node.submit("hold", {})["id"]
        wait_until("the reason of the pod", lambda: any("ImagePullBackOff: Back-off pulling image" in one.get("why", "") for one in self.status()["machines"]), 30)
        shown = subprocess.run([TROUPE, "--url", self.node.url, "scale", "status"], capture_output=True, text=True, timeout=60, check=False).stdout
        self.assertIn("ImagePullBackOff", shown)
        self.token.write_text("stolen\n")
        why = wait_until("an alarm", lambda: self.alarm("provider_silent"), 30)
        self.assertIn("401: Unauthorized", why)
        self.assertIn(str(self.token), why)
        self.token.write_text("first\n")
        for each in (job, other):
            self.node.json("POST", f"/v1/jobs/{each}/cancel", {"reason": "a test"})
        wait_until("the pod to be given back", lambda: not self.kubernetes.names() and self.kubernetes.replicas == 0, 60)


class StartTest(TestCase):
    def shown(self):
        return []

    def fails(self, *keys):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "policy.yaml").write_text(POLICY)
            settings = [word for key in keys for word in ("--set", key)]
            done = subprocess.run([TROUPE, "node", "--data", f"{folder}/data", "--listen", "127.0.0.1:0", "--set", f"scaling.policy={folder}/policy.yaml", "--set",
                                   "scaling.provider=kubernetes", *settings], capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0)
            return done.stderr

    def test_settings_that_cannot_work_end_the_start_and_say_why(self):
        at = ["scaling.kubernetes.url=https://127.0.0.1:6443", "scaling.kubernetes.namespace=video"]
        self.assertIn("always ends its pod with the highest number", self.fails(*at, "scaling.kubernetes.workload=statefulset/troupe"))
        self.assertIn("needs deployment/NAME", self.fails(*at))
        self.assertIn("must fit into a label", self.fails(*at, "scaling.kubernetes.workload=deployment/" + "x" * 39))
        self.assertIn("this node runs in no pod", self.fails("scaling.kubernetes.workload=deployment/workers"))
        self.assertIn("the token would be sent in the clear", self.fails("scaling.kubernetes.url=http://10.0.0.1:80", "scaling.kubernetes.namespace=video", "scaling.kubernetes.workload=deployment/workers"))


@unittest.skipUnless(yaml, "Python has no yaml")
class ManifestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = [each for file in sorted(MANIFESTS.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text()) if each]

    def one(self, kind, name):
        found = [each for each in self.all if each["kind"] == kind and each["metadata"]["name"] == name]
        self.assertEqual(len(found), 1, f"{kind} {name}")
        return found[0]

    def test_each_document_says_what_it_is_and_its_name_once(self):
        names = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in self.all]
        self.assertEqual(len(set(names)), len(names))
        self.assertLess(7, len(names))

    def test_the_role_has_what_the_provider_uses_and_nothing_else(self):
        given = {(verb, resource) for rule in self.one("Role", "troupe-scaling")["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
        self.assertEqual(given, {("get", "deployments"), ("get", "deployments/scale"), ("update", "deployments/scale"), ("list", "pods"), ("patch", "pods")})
        named = [rule.get("resourceNames") for rule in self.one("Role", "troupe-scaling")["rules"] if "pods" not in rule["resources"]]
        self.assertEqual(named, [["troupe-workers"]] * len(named))
        binding = self.one("RoleBinding", "troupe-scaling")
        self.assertEqual((binding["roleRef"]["name"], binding["subjects"][0]["name"]), ("troupe-scaling", self.one("ServiceAccount", "troupe")["metadata"]["name"]))

    def test_selectors_match_the_pods_and_workers_bear_their_pods_name(self):
        for kind, name in (("Deployment", "troupe-workers"), ("StatefulSet", "troupe")):
            spec = self.one(kind, name)["spec"]
            self.assertLessEqual(spec["selector"]["matchLabels"].items(), spec["template"]["metadata"]["labels"].items())
        workers = self.one("Deployment", "troupe-workers")["spec"]
        self.assertNotIn("replicas", workers)  # a manifest that is applied again must not change what was scaled
        container = workers["template"]["spec"]["containers"][0]
        self.assertIn("machine-$(POD_NAME)", container["args"])
        self.assertIn("POD_NAME", [variable["name"] for variable in container["env"]])
        service = self.one("Service", "troupe")["spec"]
        self.assertEqual(service["clusterIP"], "None")
        self.assertLessEqual(service["selector"].items(), self.one("StatefulSet", "troupe")["spec"]["template"]["metadata"]["labels"].items())

    def test_a_node_takes_the_shipped_configuration(self):
        for each in self.all:
            if each["kind"] != "ConfigMap":
                continue
            for name, text in each["data"].items():
                with tempfile.TemporaryDirectory() as folder:
                    file = pathlib.Path(folder) / name
                    file.write_text(text)
                    words = ["config", "check"] if name.startswith("node") else ["scale", "check"]
                    done = subprocess.run([TROUPE, *words, str(file)], capture_output=True, text=True, timeout=60, check=False)
                    self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
