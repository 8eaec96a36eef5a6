"""A WebSocket client (RFC 6455) as small as tests of `/v1/inspect` need it: text messages, no extensions."""
import base64
import contextlib
import json
import os
import socket
import struct


class Closed(Exception):
    pass


class WebSocket:
    def __init__(self, host, port, path, timeout=10):
        self.socket = socket.create_connection((host, port), timeout)
        self.unread = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.unread:
            self._fill()
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            self.close()
            raise Closed(head.decode(errors="replace").splitlines()[0])

    def _fill(self):
        got = self.socket.recv(1 << 16)
        if not got:
            raise Closed("the other side has closed the connection")
        self.unread += got

    def _take(self, size):
        while len(self.unread) < size:
            self._fill()
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def _send(self, opcode, payload):
        mask = os.urandom(4)
        size = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def send(self, message):
        self._send(1, json.dumps(message).encode())

    def skip_what_came(self):
        """Passes over all frames of the other side that are here, whatever they are, and waits for none. @returns how many"""
        patience = self.socket.gettimeout()
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._fill()
        self.socket.settimeout(patience)
        at = frames = 0
        while True:
            head = self.unread[at:at + 10]
            size = head[1] & 0x7F if len(head) >= 2 else 0
            more = {126: 2, 127: 8}.get(size, 0)
            if len(head) < 2 + more:
                break
            end = at + 2 + more + (int.from_bytes(head[2:2 + more], "big") if more else size)
            if end > len(self.unread):
                break
            at, frames = end, frames + 1
        self.unread = self.unread[at:]
        return frames

    def receive(self):
        """The next message, as JSON. Answers pings."""
        text = b""
        while True:
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                size, = struct.unpack("!H", self._take(2))
            elif size == 127:
                size, = struct.unpack("!Q", self._take(8))
            payload = self._take(size)
            opcode = first & 0x0F
            if opcode == 9:
                self._send(10, payload)
            elif opcode == 8:
                raise Closed(payload[2:].decode(errors="replace"))
            elif opcode in (0, 1):
                text += payload
                if first & 0x80:
                    return json.loads(text)

    def close(self):
        self.socket.close()


class Viewer(WebSocket):
    """Follows the windows of `/v1/inspect`: `marks` is what there is now."""

    def __init__(self, node, **wanted):
        super().__init__("127.0.0.1", node.port, "/v1/inspect")
        self.marks, self.seq = {}, 0
        self.send(wanted)

    def look(self):
        """Takes the next message. @returns it"""
        message = self.receive()
        if message["full"]:
            self.marks = {}
        elif message["seq"] != self.seq + 1:
            raise AssertionError(f"message {message['seq']} came after {self.seq}")
        self.seq = message["seq"]
        for path in message["gone"]:
            del self.marks[path]
        for mark in message["marks"]:
            self.marks[mark["path"]] = mark
        return message

    def look_until(self, condition, messages=300):
        """Takes messages until it holds. @returns what it gave"""
        for _ in range(messages):
            self.look()
            found = condition(self.marks)
            if found:
                return found
        raise AssertionError(f"not seen in {messages} messages; there are {sorted(self.marks)}")
