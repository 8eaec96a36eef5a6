"""Five nodes that are one service, with a proxy before each that can spoil its links."""
import pathlib
import signal
import sys
import threading

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import mixed_load
from black_hole import BlackHoles
from framework import TROUPE, CheckFailed, Node, free_port, wait_until
from processes import kill_with_workers

NODES = 5

HOLD = """\
name: hold
inputs: {seconds: {type: integer, required: true}}
stages:
  only: {kind: exec, program: {mode: once, command: [sh, -c, 'sleep "$(sed -n "s/.*seconds[^0-9]*\\\\([0-9]*\\\\).*/\\\\1/p")"'], outputs: {}}, params: {seconds: "${inputs.seconds}"}}
result: {}
"""


class Anywhere:
    """Speaks with one node after another, as clients behind a balancer do: each request goes to the next one, never to the one that this thread asked last."""

    def __init__(self, nodes):
        self.nodes, self.turn, self.lock, self.last = nodes, 0, threading.Lock(), threading.local()

    def request(self, *words, **more):
        with self.lock:
            self.turn += 1
            if self.nodes[self.turn % len(self.nodes)] is getattr(self.last, "node", None):
                self.turn += 1
            node = self.last.node = self.nodes[self.turn % len(self.nodes)]
        return node.http.request(*words, **more)

    def put(self, data, media_type):
        return self.nodes[0].http.put(data, media_type)


class Band:
    """Nodes of one cluster. The first is the seed of the others."""

    def __init__(self, folder, *options, program=TROUPE):
        mixed_load.install(folder / "pipelines")
        (folder / "pipelines" / "hold.yaml").write_text(HOLD)
        ports = [free_port() for _ in range(NODES)]
        self.holes = BlackHoles(ports)
        self.nodes = []
        for number, (port, advertised) in enumerate(zip(ports, self.holes.ports)):
            seed = ["--seed", f"127.0.0.1:{self.holes.ports[0]}"] if number else []
            self.nodes.append(Node("--slots", 4, "--pipelines", folder / "pipelines", "--set", f"cluster.advertise=127.0.0.1:{advertised}", *options, *seed, port=port, program=program))
        for node in self.nodes:
            self.start(node)
        for node in self.nodes:
            wait_until("a node to be ready", node._is_ready)
        wait_until("all nodes to be members", lambda: all(len(view["members"]) == NODES for view in self.views()))
        wait_until("three voters", lambda: all(sum(member["role"] in ("leader", "voter") for member in view["members"]) >= 3 for view in self.views()), 60)
        self.ids = {view["id"]: node for view, node in zip(self.views(), self.nodes)}

    def start(self, node):
        node.start(wait=False)
        self.holes.know(self.nodes.index(node), node.process.pid)

    def strike(self, node, how):
        if node.process.poll() is not None:
            raise CheckFailed(f"{node.url} ended by itself with {node.process.returncode}:\n{node.log[-2000:]}")
        if how == "kill":
            kill_with_workers(node.process.pid)
            node.process.wait()
            self.holes.end(self.nodes.index(node))
        elif how == "pause":
            node.process.send_signal(signal.SIGSTOP)
        else:
            self.holes.cut(self.nodes.index(node))

    def heal(self, node, how):
        if how == "kill":
            self.start(node)
        elif how == "pause":
            node.process.send_signal(signal.SIGCONT)
        else:
            self.holes.heal(self.nodes.index(node))
        wait_until("the struck node to be ready", node._is_ready, 60)

    def views(self, nodes=None):
        return [node.http.json("GET", "/v1/node", timeout=5) for node in nodes or self.nodes]

    def leader(self, nodes=None):
        """The node that leads by the word of a majority."""
        def found():
            votes = {}
            for node in nodes or self.nodes:
                try:
                    view = node.http.json("GET", "/v1/node", timeout=2)
                except (OSError, CheckFailed):
                    continue
                for member in view["members"]:
                    if member["role"] == "leader":
                        votes.setdefault((view["log_term"], member["id"]), []).append(node)
            for (_, id_), voices in votes.items():
                if len(voices) > NODES // 2:
                    return self.ids[id_]
            return None
        return wait_until("a leader", found)

    def terms(self):
        return [view["log_term"] for view in self.views()]

    def others(self, node):
        return [each for each in self.nodes if each is not node]

    def id_of(self, node):
        return next(id_ for id_, each in self.ids.items() if each is node)
