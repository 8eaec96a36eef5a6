"""Four real nodes on machines of their own (network namespaces), with certificates and an API key: cables are pulled, packets vanish one way.

    netns_test.py TROUPE_PROGRAM [TEST...]      as root

Pulled cables tell nobody: connections neither break nor answer, as between real machines.
"""
import http.client
import itertools
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

from cluster import Cluster, Failed, Load, Node, TestCase, wait_until
from namespaces import CannotMake, Machine, Switch

TROUPE = sys.argv.pop(1)
COUNT, PORT = 4, 4700
DEADLINE = 10  # s, after which a node answers whatever it knows
SLACK = 1.5  # of this loaded machine
PIPELINE = """\
name: echo
inputs: {number: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: once, command: [sh, ./step.sh], outputs: {number: integer}}, params: {number: "${inputs.number}"}, retry: {attempts: 5, backoff: 100ms..200ms}}
result: {number: "${stages.only.number}"}
"""
STEP = """\
number=$(sed -n 's/.*"number": *\\([0-9]*\\).*/\\1/p')
echo "{\\"output\\": {\\"name\\": \\"number\\", \\"value\\": $number}}"
"""


def troupe(*words):
    done = subprocess.run([TROUPE, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr)
    return done.stdout.strip()


class KeyedConnection(http.client.HTTPSConnection):
    """Each request has the key, those for event streams too."""

    def __init__(self, *words, key, **more):
        super().__init__(*words, **more)
        self.key = key

    def request(self, method, url, body=None, headers=None, **more):
        super().request(method, url, body, {"Authorization": f"Bearer {self.key}", **(headers or {})}, **more)


class RemoteNode(Node):
    """A node on a machine of its own. It is asked over the machine's line to the test, with HTTPS and the key."""

    def __init__(self, machine: Machine, folder, options, ca, key, seeds):
        super().__init__(TROUPE, folder, PORT, options, seeds)
        self.machine, self.ca, self.key = machine, ca, key
        self.host, self.url = machine.asked_at, f"https://{machine.asked_at}:{PORT}"

    @property
    def address(self):
        return f"{self.machine.address}:{PORT}"

    def start(self):
        seeds = [word for seed in self.seeds for word in ("--seed", seed)]
        command = self.machine.command(str(self.program), "node", "--data", str(self.data), "--listen", f"0.0.0.0:{PORT}", *self.options, *seeds)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def connect(self, timeout):
        return KeyedConnection(self.host, PORT, timeout=timeout, context=ssl.create_default_context(cafile=str(self.ca / "ca.crt")), key=self.key)

    def try_to_write(self):
        """@returns (status, headers, problem, seconds) of a submission."""
        began = time.monotonic()
        status, headers, body = self.request("POST", "/v1/jobs", {"pipeline": "echo", "inputs": {"number": 1}}, {"Idempotency-Key": str(uuid.uuid4())}, timeout=3 * DEADLINE)
        return status, headers, json.loads(body), time.monotonic() - began


class Machines(Cluster):
    """A cluster with a certificate for each node, one node a machine. The first signs, and is the seed of the others."""

    def __init__(self, switch):
        self.program, self.options, self.others, self.numbers = pathlib.Path(TROUPE), [], [], itertools.count(1)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troupe-netns-"))
        pipelines, ca = self.folder / "pipelines", self.folder / "ca"
        pipelines.mkdir()
        (pipelines / "echo.yaml").write_text(PIPELINE)
        (pipelines / "step.sh").write_text(STEP)
        key = troupe("cluster", "init", "--dir", ca)
        self.nodes = []
        for machine in switch.machines:
            options = ["--slots", "2", "--pipelines", str(pipelines), "--set", f"cluster.advertise={machine.address}:{PORT}", "--set", f"tls.names={machine.asked_at}"]
            is_first = not self.nodes
            options += ["--set", f"tls.ca_directory={ca}"] if is_first else ["--join-token", troupe("cluster", "token", "--dir", ca, "--ttl", "1h")]
            seeds = [] if is_first else [self.nodes[0].address]
            self.nodes.append(RemoteNode(machine, self.folder / f"node{machine.number}", options, ca, key, seeds))

    def start(self):
        self.nodes[0].start()
        self.wait_ready(self.nodes[:1])
        for node in self.nodes[1:]:
            node.start()
        self.wait_ready()
        wait_until("three voters", lambda: self.voters() == 3)
        return self

    def voting(self):
        """The nodes that vote, the leader first."""
        leader = self.leader()
        voters = {member["id"] for member in leader.view()["members"] if member["role"] == "voter"}
        return [leader, *(node for node in self.nodes if node.id in voters)]

    def others_than(self, *nodes):
        return [node for node in self.nodes if node not in nodes]


class NodesOnMachines(TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.switch = Switch(COUNT)
        except CannotMake as why:
            raise AssertionError(f"this test needs network namespaces (root, iproute2): {why}") from why
        cls.addClassCleanup(cls.switch.close)
        cls.cluster = Machines(cls.switch)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()

    def setUp(self):
        self.repairs = []
        self.addCleanup(self.repair)

    def repair(self):
        for mend in self.repairs:
            mend()
        self.repairs = []
        self.cluster.restore()

    def unplug(self, node):
        node.machine.unplug()
        self.repairs.append(node.machine.plug)

    def lose_packets(self, sender, receiver):
        sender.machine.lose_packets_to(receiver.machine)
        self.repairs.append(lambda: sender.machine.find_way_to(receiver.machine))

    def examine(self, load):
        """After the repair: all that was acknowledged is there once, and all nodes show the same."""
        self.repair()
        self.assertEqual(load.complaints(self.cluster.leader()), [])
        lists = [load.listed(node) for node in self.cluster.nodes]
        for found in lists:
            self.assertEqual(found, lists[0])
        self.assertLessEqual({job for job, *_ in load.acknowledged.values()}, lists[0])

    def accepted_after(self, load, moment, seconds=20):
        """Waits for a submission that was begun later to be acknowledged. @returns how long after."""
        answered = wait_until("a write to be taken", lambda: load.first_after(moment), seconds)
        print(f"netns: writes again after {answered - moment:.2f} s", file=sys.stderr, flush=True)
        return answered - moment

    def refuses_in_time(self, node):
        status, headers, problem, seconds = node.try_to_write()
        print(f"netns: {node} refused after {seconds:.2f} s: {problem.get('detail')}", file=sys.stderr, flush=True)
        self.assertEqual((status, headers.get("content-type")), (503, "application/problem+json"), problem)
        self.assertTrue(problem.get("detail"))
        self.assertLessEqual(seconds, DEADLINE + SLACK)

    def test_who_is_cut_off_refuses_in_time_and_the_majority_goes_on(self):
        leader = self.cluster.leader()
        with Load(self.cluster) as load:
            wait_until("some load", lambda: load.count() >= 20)
            self.unplug(leader)
            struck = time.monotonic()
            refusing = threading.Thread(target=lambda: answers.append(leader.try_to_write()))
            answers = []
            refusing.start()
            self.accepted_after(load, struck)
            refusing.join()
            status, headers, problem, seconds = answers[0]
            self.assertEqual((status, headers.get("content-type")), (503, "application/problem+json"), problem)
            self.assertLessEqual(seconds, DEADLINE + SLACK)
            self.refuses_in_time(leader)
            done = load.count()
            wait_until("the others to go on", lambda: load.count() >= done + 20)
            leader.machine.plug()
            self.repairs.clear()
            self.cluster.wait_ready()
        self.examine(load)

    def test_two_of_three_voters_that_are_cut_off_stop_all_writes_and_lose_none(self):
        leader, *voters = self.cluster.voting()
        with Load(self.cluster) as load:
            wait_until("some load", lambda: load.count() >= 20)
            for voter in voters:
                self.unplug(voter)
            wait_until("the leader to know it", lambda: not leader.is_ready())
            for node in (leader, voters[0]):
                self.refuses_in_time(node)
            for voter in voters:
                voter.machine.plug()
            self.repairs.clear()
            self.accepted_after(load, time.monotonic(), 30)
        self.examine(load)

    def test_packets_that_vanish_one_way_stop_nobody(self):
        leader, one, _ = self.cluster.voting()
        with Load(self.cluster) as load:
            wait_until("some load", lambda: load.count() >= 20)
            self.lose_packets(leader, one)  # it hears the follower, and is not heard by it
            struck = time.monotonic()
            self.accepted_after(load, struck)
            done = load.count()
            wait_until("writes to go on", lambda: load.count() >= done + 40)
        self.examine(load)

    def test_two_that_see_each_other_through_a_third_have_one_leader(self):
        leader, one, bridge = self.cluster.voting()
        with Load(self.cluster) as load:
            wait_until("some load", lambda: load.count() >= 20)
            self.lose_packets(leader, one)
            self.lose_packets(one, leader)
            struck = time.monotonic()
            self.accepted_after(load, struck)
            done, leads = load.count(), {}
            while load.count() < done + 100:
                for view in filter(None, (node.view() for node in self.cluster.nodes)):
                    for member in view["members"]:
                        if member["role"] == "leader":
                            leads.setdefault(view["log_term"], set()).add(member["id"])
            print(f"netns: leaders by term while two voters do not see each other: {leads}", file=sys.stderr, flush=True)
            self.assertEqual([term for term, who in leads.items() if len(who) > 1], [])
            self.assertLessEqual(len(leads), 3, "the cut voters take the office from each other")
            self.assertTrue(bridge.is_ready())
        self.examine(load)

    def test_cables_that_come_loose_one_after_the_other_lose_nothing(self):
        with Load(self.cluster) as load:
            for node in self.cluster.nodes:
                self.unplug(node)
                struck = time.monotonic()
                self.accepted_after(load, struck)
                node.machine.plug()
                self.repairs.clear()
                self.cluster.wait_ready()
        self.examine(load)


if __name__ == "__main__":
    unittest.main(verbosity=2)
