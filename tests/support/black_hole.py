"""A proxy in front of each node of a cluster, which makes links between nodes black holes: bytes go in, nothing comes out, and
nobody is told. Nodes advertise its ports (`cluster.advertise`); clients go past it.
"""
import os
import pathlib
import re
import socket
import threading
import time

PIECE = 1 << 16
TCP_ESTABLISHED = 1


def inode_of(port):
    """The inode of the socket that is bound to this port of 127.0.0.1 and connected. Thousands of others may be there: it has to be quick."""
    found = re.search(rf"^ *\d+: \w+:{port:04X} \S+ 01 (?:\S+ +){{5}}(\d+) ", pathlib.Path("/proc/net/tcp").read_text(), re.M)
    return found and found[1]


def has_hung_up(client):
    """Whether the other side has closed the connection, whatever is still to be read from it."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_ESTABLISHED


def owner_of(inode, processes):
    """Which of the processes has this connection; None: none of them."""
    for process in processes if inode else []:
        try:
            for entry in list(os.scandir(f"/proc/{process}/fd")):
                try:
                    if os.readlink(entry.path) == f"socket:[{inode}]":
                        return process
                except OSError:
                    continue
        except OSError:
            continue
    return None


def bound_to(port):
    """A socket with this port of 127.0.0.1; several may have it while only one of them listens."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


class BlackHoles:
    """Forwards all connections between nodes, and says which of them do not reach each other. Two threads for each connection."""

    def __init__(self, targets, ports=None, serves_strangers=False):
        """targets: the nodes' own ports. `ports`: what they advertise, in the same order; any that are free if not given.
        serves_strangers: whether connections of others than the nodes are let through, whatever is blocked."""
        self.targets, self.processes, self.blocked, self.is_over = targets, {}, set(), False
        self.delay, self.delays = 0.0, {}  # of all ways, of single ones; s
        self.serves_strangers = serves_strangers
        self.changed = threading.Condition()
        self.kept = [bound_to(port) for port in ports or [0] * len(targets)]  # so that nobody else gets the ports
        self.ports = [each.getsockname()[1] for each in self.kept]
        self.listeners = {}

    def know(self, number, process):
        """A node has (again) been started: somebody listens at its port."""
        self.processes[process] = number
        if number in self.listeners:
            return
        listener = self.listeners[number] = bound_to(self.ports[number])
        listener.listen(64)
        threading.Thread(target=self._accept, args=(number, listener), daemon=True).start()

    def end(self, number):
        """A node's process has ended: its port refuses connections, as that of a dead process does."""
        listener = self.listeners.pop(number)
        listener.shutdown(socket.SHUT_RDWR)  # this wakes who accepts
        listener.close()

    def block(self, ways):
        """From now on nothing goes these ways, pairs of (from, to), and no connection ends either. All other ways are open: what was on
        its way there arrives, as after a break of a real network."""
        with self.changed:
            self.blocked = set(ways)
            self.changed.notify_all()

    def cut(self, number):
        """Nothing goes between this node and the others."""
        self.block(self.blocked | self.around(number))

    def heal(self, number):
        self.block(self.blocked - self.around(number))

    def split(self, *groups):
        """Nothing goes between the groups. Who is in several of them is a bridge."""
        everybody = range(len(self.targets))
        self.block({(a, b) for a in everybody for b in everybody if a != b and not any(a in group and b in group for group in groups)})

    def slow(self, number, seconds):
        """What goes between this node and the others arrives so much later; 0: no longer."""
        self.delays.update(dict.fromkeys(self.around(number), seconds))

    def around(self, number):
        others = [each for each in range(len(self.targets)) if each != number]
        return {(number, each) for each in others} | {(each, number) for each in others}

    def close(self):
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        for number in list(self.listeners):
            self.end(number)
        for each in self.kept:
            each.close()

    def _pass(self, *ways):
        """Waits in the black hole. @returns whether to go on."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or not self.blocked & set(ways))
            return not self.is_over

    def _accept(self, number, listener):
        while True:
            try:
                client, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client, peer[1], number), daemon=True).start()

    def _dialler_of(self, client, port):
        """The node that a connection comes from, in a list; [None]: from a stranger who is served; []: nobody knows, or it has been closed.
        The kernel's list may leave out what is there while others come and go."""
        for _ in range(20):
            if has_hung_up(client):
                return []
            inode = inode_of(port)
            number = self.processes.get(owner_of(inode, list(self.processes)))
            if number is not None:
                return [number]
            if self.serves_strangers and inode:
                return [None]
            time.sleep(0.01)
        return []

    def _join(self, client, port, number):
        dialler = self._dialler_of(client, port)
        if not dialler:  # nobody could tell which ways it goes
            client.close()
            return
        there, back = (dialler[0], number), (number, dialler[0])
        try:
            server = socket.create_connection(("127.0.0.1", self.targets[number]), timeout=5) if self._pass(there, back) else None
        except OSError:
            server = None
        if not server:
            client.close()
            return
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._forward, args=(server, client, back), daemon=True).start()
        self._forward(client, server, there)

    def _forward(self, source, target, way):
        try:
            while True:
                piece = source.recv(PIECE)
                if delay := self.delays.get(way, self.delay):
                    time.sleep(delay)  # what comes meanwhile is the next piece
                if not self._pass(way) or not piece:
                    break
                target.sendall(piece)
        except OSError:
            self._pass(way)  # the other side does not hear of an end either
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
