"""An API server of Kubernetes in small, over HTTPS: one Deployment, whose pods are real processes on this machine.

It does what the documents say of the few calls that a scale takes: a bearer token, optimistic locking by resourceVersion (409), Status
objects, a controller that makes and ends pods in the documented order (not scheduled, not running, not ready, deletion cost, newest), and
a kubelet that starts the pod's program, probes /readyz and reports why nothing runs. It is no cluster: nothing is scheduled, there are no
images, and no network but this machine's.
"""
import contextlib
import http.client
import json
import random
import signal
import ssl
import string
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COST = "controller.kubernetes.io/pod-deletion-cost"
DELETED = "2026-01-01T00:00:00Z"


def make_certificate(folder):
    """@returns (certificate, key) of a server on this machine; the certificate is its own authority."""
    certificate, key = folder / "api.crt", folder / "api.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=kubernetes",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60)
    return certificate, key


class Pod:
    def __init__(self, name, number, process, port):
        self.name, self.number, self.process, self.port = name, number, process, port
        self.annotations, self.is_deleted = {}, False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        if not self.is_running() or self.is_deleted:
            return False
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)) as probe:
            probe.request("GET", "/readyz")
            return probe.getresponse().status == 200
        return False

    def cost(self):
        return int(self.annotations.get(COST, 0))

    def rank(self):
        return (self.is_running(), self.is_ready(), self.cost(), -self.number)

    def item(self):
        status = {"phase": "Running" if self.is_running() else "Pending",
                  "conditions": [{"type": "Ready", "status": "True" if self.is_ready() else "False"}]}
        if not self.is_running():
            status["containerStatuses"] = [{"name": "node", "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "troupe:none"'}}}]
        about = {"name": self.name, "annotations": self.annotations}
        if self.is_deleted:
            about["deletionTimestamp"] = DELETED
        return {"metadata": about, "spec": {"nodeName": "machine"}, "status": status}


class FakeKubernetes:
    """`start_node(name, port)` starts the program of a pod and returns its process."""

    def __init__(self, folder, start_node, free_port, namespace="video", deployment="workers"):
        self.start_node, self.free_port = start_node, free_port
        self.path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        self.pods_path, self.deployment = f"/api/v1/namespaces/{namespace}/pods", deployment
        self.lock = threading.RLock()
        self.replicas, self.version, self.made, self.pods = 0, 1, 0, []
        self.tokens, self.has_image = {"first"}, True
        self.faults = []       # of the next requests: functions of the handler that answer in its place, or return False
        self.used, self.ended, self.refused = set(), [], []   # (verb, resource); (pod, its cost); statuses that were no success
        self.ca, key = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        fake = self

        class Handler(RequestHandler):
            cluster = fake

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for pod in self.pods:
                if pod.is_running():
                    pod.process.kill()
                    pod.process.wait()

    # -- the controller and the kubelet

    def living(self):
        return [pod for pod in self.pods if not pod.is_deleted]

    def reconcile(self):
        """Called with the lock, as soon as anything has changed: pods that ended by themselves are gone, and others come."""
        self.pods = [pod for pod in self.pods if pod.is_running() or (not pod.is_deleted and pod.process is None)]
        while len(self.living()) < self.replicas:
            self.make()
        while len(self.living()) > self.replicas:
            victim = min(self.living(), key=Pod.rank)
            self.ended.append((victim.name, victim.cost()))
            self.end(victim)

    def make(self):
        self.made += 1
        port = self.free_port()
        name = f"{self.deployment}-6c9f7d-" + "".join(random.choices(string.ascii_lowercase, k=5))
        self.pods.append(Pod(name, self.made, self.start_node(name, port) if self.has_image else None, port))
        self.version += 1

    def end(self, pod, how=signal.SIGTERM):
        pod.is_deleted = True
        if pod.is_running():
            pod.process.send_signal(how)
        self.version += 1

    def delete(self, name, how):
        """Somebody deletes a pod, or its machine dies."""
        with self.lock:
            pod = next(pod for pod in self.pods if pod.name == name)
            self.end(pod, how)
            pod.process.wait()
            self.reconcile()

    def names(self):
        with self.lock:
            self.reconcile()
            return [pod.name for pod in self.living()]


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        if status >= 300:
            self.cluster.refused.append(status)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, message, headers=()):
        self.answer(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}, headers)

    def take(self):
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        url = urllib.parse.urlsplit(self.path)
        cluster = self.cluster
        with cluster.lock:
            if cluster.faults and cluster.faults.pop(0)(self):
                return
            if self.headers.get("Authorization", "").removeprefix("Bearer ") not in cluster.tokens:
                self.refuse(401, "Unauthorized")
                return
            cluster.reconcile()
            routes = {("GET", cluster.path): ("get", "deployments", self.get_deployment), ("GET", cluster.path + "/scale"): ("get", "deployments/scale", self.get_scale),
                      ("PUT", cluster.path + "/scale"): ("update", "deployments/scale", self.put_scale), ("GET", cluster.pods_path): ("list", "pods", self.list_pods)}
            verb, resource, act = routes.get((self.command, url.path), (None, None, None))
            if self.command == "PATCH" and url.path.startswith(cluster.pods_path + "/"):
                verb, resource, act = "patch", "pods", self.patch_pod
            if not act:
                self.refuse(404, "the server could not find the requested resource")
                return
            cluster.used.add((verb, resource))
            act(url, body)

    do_GET = do_PUT = do_PATCH = take

    def get_deployment(self, *_):
        there = len(self.cluster.living())
        self.answer(200, {"kind": "Deployment", "metadata": {"resourceVersion": str(self.cluster.version)}, "spec": {"replicas": self.cluster.replicas},
                          "status": {"replicas": there, "updatedReplicas": there}})

    def get_scale(self, *_):
        cluster = self.cluster
        self.answer(200, {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": cluster.deployment, "resourceVersion": str(cluster.version)},
                          "spec": {"replicas": cluster.replicas} if cluster.replicas else {},
                          "status": {"replicas": len(cluster.living()), "selector": "app=troupe,role=worker"}})

    def put_scale(self, _, body):
        cluster = self.cluster
        if body["metadata"]["resourceVersion"] != str(cluster.version):
            self.refuse(409, f'Operation cannot be fulfilled on deployments.apps "{cluster.deployment}": the object has been modified')
            return
        cluster.replicas, cluster.version = body["spec"]["replicas"], cluster.version + 1
        cluster.reconcile()
        self.get_scale()

    def list_pods(self, url, _):
        if urllib.parse.parse_qs(url.query).get("labelSelector") != ["app=troupe,role=worker"]:
            self.refuse(400, "no such selector")
            return
        self.answer(200, {"kind": "PodList", "metadata": {}, "items": [pod.item() for pod in self.cluster.pods]})

    def patch_pod(self, url, body):
        name = url.path.rsplit("/", 1)[1]
        pod = next((pod for pod in self.cluster.pods if pod.name == name), None)
        if not pod:
            self.refuse(404, f'pods "{name}" not found')
            return
        pod.annotations.update(body["metadata"]["annotations"])
        self.answer(200, pod.item())
