#!/usr/bin/env python3
"""Checks who includes whom: rooms against the arrows of the design, and third-party headers against the rooms that may see them.

The build refuses a room that is not declared in CMake; this refuses a wrong declaration.
"""
import pathlib
import re
import subprocess
import sys

# room -> rooms that it may include (itself always). The longest matching prefix of a path names its room.
ARROWS = {
    "base": [],
    "model": ["base"],
    "scaling": ["base", "model"],
    "fleet": ["base", "model", "scaling"],
    "persistence/raft": ["base", "model"],
    "persistence/replica": ["base", "model", "persistence/raft"],
    "persistence/disk": ["base"],
    "persistence": ["base", "model", "persistence/disk", "persistence/raft", "persistence/replica"],
    "media": ["base", "model"],
    "gpu": ["base"],
    "gpu/devices": ["base"],
    "gpu/model": ["base", "model", "gpu", "gpu/devices"],
    "gpu/shipped": ["base", "gpu"],
    "worker": ["base", "model", "media", "gpu", "gpu/model"],
    "actors": ["base", "model", "persistence/raft", "persistence/replica"],
    "http/auth": ["base", "model", "persistence/disk"],
    "http": ["base", "model", "actors", "http/auth"],
    "cli": None,  # sees all
}
# What begins a third-party include -> rooms that may have it. Absent here: open to all (std, POSIX, fmt, Boost's small libraries).
THIRD_PARTY = {
    "rocksdb/": ["persistence"],
    "libav": ["media"], "libsw": ["media"],
    "cuda": ["gpu"], "cudnn": ["gpu"], "nvml": ["gpu"], "onnx": ["gpu"],
    "caf/": ["actors", "http", "cli"],
    "boost/beast": ["http"],
    "boost/asio": ["http", "actors", "worker", "cli"],
    "boost/url": ["http"],
    "curl/": ["cli", "worker"],
    "CLI/": ["cli"],
    "yaml-cpp/": ["model", "cli"],
    "cctz/": ["scaling"],
    "spdlog/": ["base"],
    "openssl/": ["base", "http/auth", "persistence"],
    "google/protobuf": ["persistence", "worker"],
    "proto/": ["persistence", "worker", "actors", "http"],
    "doctest/": [], "benchmark/": [],
}
# The same for everything that a room reaches through others, by rooms that must stay pure.
PURE = {"model": ["caf/", "rocksdb/", "libav", "cuda", "boost/asio", "boost/beast", "curl/", "thread", "mutex", "future"],
        "scaling": ["caf/", "rocksdb/", "libav", "cuda", "boost/asio", "boost/beast", "curl/", "thread", "mutex", "future", "filesystem", "fstream", "random"],
        "persistence/raft": ["caf/", "rocksdb/", "thread", "mutex", "filesystem", "fstream", "random"],
        "persistence/replica": ["caf/", "rocksdb/", "mutex"]}
# Where a pure room needs one all the same: a port's type.
EXCEPTIONS = {("src/model/ports/artifacts.hpp", "filesystem")}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def room_of(path):
    """The room of a path from src/, or None."""
    best = None
    for room in ARROWS:
        if path == room or path.startswith(room + "/"):
            if best is None or len(room) > len(best):
                best = room
    return best


def faults_of(name, text):
    room = room_of(name.removeprefix("src/"))
    if room is None:
        yield f"{name}: belongs to no room; a new one is declared in scripts/layers.py and its README.md"
        return
    for match in INCLUDE.finditer(text):
        target = match[2]
        where = f"{name}:{text.count(chr(10), 0, match.start()) + 1 + match[0].count(chr(10))}"
        other = room_of(target) if match[1] == '"' else None
        if match[1] == '"' and other is None and not target.startswith("proto/"):
            yield f'{where}: "{target}" is no path from src/ of a known room'
        if other and ARROWS[room] is not None and other != room and other not in ARROWS[room]:
            yield f"{where}: {room} may not include {other} ({target})"
        if other:
            continue
        for start, rooms in THIRD_PARTY.items():
            allowed = any(room == each or room.startswith(each + "/") for each in rooms)
            if target.startswith(start) and not allowed and (room != "cli" or start in ("doctest/", "benchmark/")):
                yield f"{where}: {room} may not include <{target}>; only {', '.join(rooms) or 'tests'} may"
        if (name, target) not in EXCEPTIONS and any(target.startswith(start) for start in PURE.get(room, [])):
            yield f"{where}: {room} is pure and may not include <{target}>"


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "src"], capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split() if name.endswith((".hpp", ".cpp", ".cu")) and pathlib.Path(name).exists()]
    faults = [fault for name in names for fault in faults_of(name, pathlib.Path(name).read_text())]
    rooms = {room_of(name.removeprefix("src/")) for name in names} - {None}
    faults += [f"src/{room}: has no README.md that says what may enter" for room in sorted(rooms)
               if not pathlib.Path("src", room, "README.md").exists()]
    for fault in faults:
        print(fault)
    print(f"check:   layers: {len(names)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
