"""A cluster that other machines could reach: three real nodes with certificates, an API key and join tokens. Loopback is treated
like any other address.

    tls_test.py TROUPE_PROGRAM [TEST...]
"""
import contextlib
import http.client
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from cluster import FINAL, Failed, Node, free_ports, wait_until

TROUPE = sys.argv.pop(1)

PIPELINE = """\
name: echo
inputs: {number: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: once, command: [sh, ./step.sh], outputs: {number: integer}}, params: {number: "${inputs.number}"}}
result: {number: "${stages.only.number}"}
"""
STEP = """\
number=$(sed -n 's/.*"number": *\\([0-9]*\\).*/\\1/p')
echo "{\\"output\\": {\\"name\\": \\"number\\", \\"value\\": $number}}"
"""
LIFETIME = 30  # seconds; renewed after two thirds


def troupe(*words, env=None):
    return subprocess.run([TROUPE, *map(str, words)], capture_output=True, text=True, timeout=60, env=env)


def init(folder):
    """@returns the API key of a new cluster."""
    made = troupe("cluster", "init", "--dir", folder)
    if made.returncode != 0:
        raise Failed(made.stderr)
    return made.stdout.strip()


def token(folder, lasts="1h"):
    return troupe("cluster", "token", "--dir", folder, "--ttl", lasts).stdout.strip()



class SecureNode(Node):
    """A node that is asked over HTTPS, with the key and whatever certificate the test has."""

    def __init__(self, folder, port, options, ca, key, seeds=()):
        super().__init__(TROUPE, folder, port, [*options, "--set", "auth.loopback=true"], seeds)
        self.url = f"https://127.0.0.1:{port}"
        self.ca, self.key, self.certificate = ca, key, None

    def connect(self, timeout):
        context = ssl.create_default_context(cafile=str(self.ca / "ca.crt"))
        if self.certificate:
            context.load_cert_chain(self.certificate / "node.crt", self.certificate / "node.key")
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def request(self, method, path, body=None, headers=None, timeout=60):
        with_key = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return super().request(method, path, body, {**with_key, **(headers or {})}, timeout)

    def code(self, path, key="", certificate=None):
        """@returns (status, the problem's code) as somebody else than the owner of the key sees them."""
        other = SecureNode(self.folder, self.port, [], self.ca, key)
        other.certificate = certificate
        status, _, data = other.request("GET", path)
        return status, json.loads(data).get("code") if data.startswith(b"{") else None


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-tls-"))
        pipelines = cls.folder / "pipelines"
        pipelines.mkdir()
        (pipelines / "echo.yaml").write_text(PIPELINE)
        (pipelines / "step.sh").write_text(STEP)
        cls.ca, cls.started = cls.folder / "ca", []
        cls.addClassCleanup(cls.end)
        cls.key = init(cls.ca)
        cls.options = ["--slots", "1", "--pipelines", pipelines]
        ports = free_ports(3)
        cls.seed = f"127.0.0.1:{ports[0]}"
        first = cls.node("node1", ports[0], ["--set", f"tls.ca_directory={cls.ca}", "--set", f"tls.lifetime={LIFETIME}s"], seeds=())
        others = [cls.node(f"node{i}", port, ["--join-token", token(cls.ca)]) for i, port in enumerate(ports[1:], 2)]
        cls.nodes = [first.start()]
        wait_until("the first node", first.is_ready)
        cls.nodes += [node.start() for node in others]
        for node in others:
            wait_until(f"{node} to be ready", node.is_ready)
        wait_until("three voters", lambda: all(cls.voters(node) == 3 for node in cls.nodes))

    @classmethod
    def node(cls, name, port=None, options=(), seeds=None):
        made = SecureNode(cls.folder / name, port or free_ports(1)[0], [*cls.options, *options], cls.ca, cls.key, [cls.seed] if seeds is None else seeds)
        cls.started.append(made)
        return made

    @staticmethod
    def voters(node):
        return sum(member["role"] in ("voter", "leader") for member in (node.view() or {"members": []})["members"])

    @classmethod
    def end(cls):
        for node in cls.started:
            node.close()
        shutil.rmtree(cls.folder)

    def fails_to_start(self, name, *options):
        """@returns what a node says that is not let in."""
        node = self.node(name, None, options).start()
        self.assertEqual(node.ended(60), 7, node.log)
        return node.log

    def command(self, *words, node=1):
        return troupe("--url", self.nodes[node].url, "--ca", self.ca / "ca.crt", *words, env={"TROUPE_KEY": self.key})

    # -- what works

    def test_a_job_goes_in_at_one_node_and_is_seen_at_another(self):
        made = self.command("--json", "submit", "echo", "--number", "7", "--follow")
        self.assertEqual(made.returncode, 0, made.stderr)
        job = json.loads(made.stdout.splitlines()[-1])["id"]
        seen = wait_until("the job at another node", lambda: (lambda it: it if it["state"] in FINAL else None)(self.nodes[2].job(job)))
        self.assertEqual(seen["state"], "succeeded")

    def test_an_artifact_put_at_one_node_is_read_at_another(self):
        data = bytes(range(256)) * 20_000
        name = self.nodes[1].put(data)
        status, _, got = self.nodes[2].request("GET", f"/v1/artifacts/{name}")
        self.assertEqual((status, got == data), (200, True))

    def test_any_node_shows_the_actors_of_all(self):
        def states(node):
            return {mark["name"]: mark["state"] for mark in node.json("GET", "/v1/actors")["marks"]}

        for node in self.nodes:
            wait_until("all nodes to be seen", lambda node=node: states(node) == {other.address: "up" for other in self.nodes})
        top = self.command("top", "--once")
        self.assertIn("3 of 3 nodes up", top.stdout, top.stderr)
        for path in ("/v1/actors", "/v1/inspect"):
            self.assertEqual(self.nodes[0].code(path), (401, "unauthorized"))

    def test_certificates_are_renewed_in_time_without_a_break(self):
        files = [node.data / "tls" / "node.crt" for node in self.nodes]
        before = [file.read_bytes() for file in files]
        wait_until("new certificates", lambda: all(file.read_bytes() != old for file, old in zip(files, before)), LIFETIME)
        node = self.nodes[2]
        node.kill()
        node.start()  # with the token that it has used up, and its new certificate
        wait_until("the node to come back", node.is_ready)
        self.assertEqual(self.command("nodes").returncode, 0)

    # -- who is refused

    def test_without_the_key_or_without_tls_there_is_no_answer(self):
        node = self.nodes[0]
        self.assertEqual(node.code("/v1/jobs"), (401, "unauthorized"))
        self.assertEqual(node.code("/v1/jobs", key="troupe_0"), (401, "unauthorized"))
        self.assertEqual(node.code("/healthz"), (200, None))
        plain = Node(TROUPE, self.folder / "plain", node.port, [])
        status, _, data = plain.request("GET", "/v1/jobs", headers={"Authorization": f"Bearer {self.key}"})
        self.assertEqual((status, json.loads(data)["code"]), (403, "https_required"))
        wrong = troupe("--url", node.url, "--ca", self.ca / "ca.crt", "--patience", "0s", "jobs", env={"TROUPE_KEY": "nonsense"})
        self.assertEqual(wrong.returncode, 4, wrong.stderr)
        unknown = troupe("--url", node.url, "--patience", "0s", "jobs", env={"TROUPE_KEY": self.key})
        self.assertEqual(unknown.returncode, 3, unknown.stderr)  # no --ca: the machine does not know this authority

    def test_what_nodes_ask_each_other_needs_a_certificate_of_this_cluster(self):
        node, path = self.nodes[0], "/v1/peers/snapshots/0"
        self.assertEqual(node.code(path, key=self.key), (403, "node_certificate_required"))
        self.assertEqual(node.code(path, certificate=self.nodes[1].data / "tls")[0], 200)
        other = self.folder / "other"
        init(other)
        stranger = SecureNode(self.folder / "stranger", free_ports(1)[0], [*self.options, "--set", f"tls.ca_directory={other}"], other, None)
        self.started.append(stranger)
        stranger.start()
        wait_until("the stranger", stranger.is_ready)
        with self.assertRaises(OSError):
            node.code(path, certificate=stranger.data / "tls")

    def test_tokens_that_are_expired_used_up_or_foreign_let_nobody_in(self):
        expired, expiry = token(self.ca, "1s"), time.time() + 1
        wait_until("the token to expire", lambda: time.time() > expiry)
        self.assertIn("the join token has expired", self.fails_to_start("expired", "--join-token", expired))
        used = self.nodes[1].options[self.nodes[1].options.index("--join-token") + 1]
        self.assertIn("has been used by another node", self.fails_to_start("used", "--join-token", used))
        foreign = self.folder / "foreign"
        init(foreign)
        self.assertIn("its certificate is not of this cluster", self.fails_to_start("foreign-node", "--join-token", token(foreign)))
        self.assertIn("is no join token", self.fails_to_start("nonsense", "--join-token", "nonsense"))

    def test_a_certificate_is_good_for_its_own_node_alone(self):
        thief = self.folder / "thief"
        (thief / "data").mkdir(parents=True)
        shutil.copytree(self.nodes[1].data / "tls", thief / "data" / "tls")
        self.assertIn("the certificate is of node", self.fails_to_start("thief"))

    def test_a_node_without_a_certificate_stays_on_this_machine(self):
        refused = troupe("node", "--data", self.folder / "open", "--listen", "0.0.0.0:0")
        self.assertEqual(refused.returncode, 7)
        self.assertIn("troupe cluster init", refused.stderr)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        unittest.main(verbosity=2)
