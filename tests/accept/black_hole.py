"""A proxy in front of each node of a cluster, which makes links between nodes black holes: bytes go in, nothing comes out, and
nobody is told. Nodes advertise its ports (`cluster.advertise`); clients go past it.
"""
import os
import pathlib
import socket
import threading

PIECE = 1 << 16


def inode_of(port):
    """The inode of the socket that is bound to this port of 127.0.0.1 and connected."""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[1].split(":")[1], 16) == port and words[3] == "01":
            return words[9]
    return None


def owner_of(port, processes):
    """Which of the processes has the connection with this local port; None: none of them."""
    inode = inode_of(port)
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


class BlackHoles:
    """Forwards all connections between nodes; `cut` and `heal` say of which nodes not. Two threads for each connection."""

    def __init__(self, targets):
        """targets: the nodes' own ports. `ports`: what they advertise, in the same order."""
        self.targets, self.processes, self.cut_off, self.is_over = targets, {}, set(), False
        self.changed = threading.Condition()
        self.listeners = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in targets]
        self.ports = [listener.getsockname()[1] for listener in self.listeners]
        for number in range(len(targets)):
            threading.Thread(target=self._accept, args=(number,), daemon=True).start()

    def know(self, number, process):
        """A node has (again) been started."""
        self.processes[process] = number

    def cut(self, number):
        """From now on nothing goes between this node and the others, and no connection ends either."""
        with self.changed:
            self.cut_off.add(number)

    def heal(self, number):
        """What was on its way arrives, as after a break of a real network."""
        with self.changed:
            self.cut_off.discard(number)
            self.changed.notify_all()

    def close(self):
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        for listener in self.listeners:
            listener.close()

    def _pass(self, ends):
        """Waits in the black hole. @returns whether to go on."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or not self.cut_off & ends)
            return not self.is_over

    def _accept(self, number):
        while not self.is_over:
            try:
                client, peer = self.listeners[number].accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client, peer[1], number), daemon=True).start()

    def _join(self, client, port, number):
        dialler = self.processes.get(owner_of(port, list(self.processes)))
        ends = {dialler, number}
        try:
            server = socket.create_connection(("127.0.0.1", self.targets[number]), timeout=5) if self._pass(ends) else None
        except OSError:
            server = None
        if not server:
            client.close()
            return
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._forward, args=(server, client, ends), daemon=True).start()
        self._forward(client, server, ends)

    def _forward(self, source, target, ends):
        try:
            while True:
                piece = source.recv(PIECE)
                if not self._pass(ends) or not piece:
                    break
                target.sendall(piece)
        except OSError:
            self._pass(ends)  # the other side does not hear of an end either
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
