#!/usr/bin/env python3
"""The links between the nodes of `scripts/cluster up N --faults`, so that they can be cut and slowed down.

    cluster_links.py serve SOCKET PORT MOST   a proxy before each of MOST nodes, whose ports are PORT, PORT + 1, ...; theirs are 1000 higher
    cluster_links.py tell SOCKET WORD...      node K PID | gone K | partition 1,2 3,4,5 | slow K MILLISECONDS | heal

Nodes are counted from 1. Nodes advertise the ports of the proxy; who is no node passes through it, whatever is cut.
"""
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))
from black_hole import BlackHoles

DISTANCE = 1000  # of the proxy's ports from the nodes'


def number_of(word, holes):
    number = int(word) - 1 if word.isdigit() else None
    if number not in holes.processes.values():
        raise ValueError(f"no node {word} has been started")
    return number


def groups_of(words, holes, most):
    groups = [{number_of(each, holes) for each in word.split(",")} for word in words]
    named = set().union(*groups)
    if len(groups) < 2:
        raise ValueError("two or more groups of nodes are wanted, as 1,2 3,4,5")
    return groups + [{number} for number in range(most) if number not in named]  # who is in none is alone


def carry_out(holes, words, most):
    """@raises ValueError, IndexError, KeyError for words that say nothing"""
    what, *rest = words
    if what == "node":
        holes.know(int(rest[0]) - 1, int(rest[1]))
    elif what == "gone":
        holes.end(int(rest[0]) - 1)
    elif what == "partition":
        holes.split(*groups_of(rest, holes, most))
    elif what == "slow":
        holes.slow(number_of(rest[0], holes), int(rest[1]) / 1000)
    elif what == "heal":
        holes.block(set())
        holes.delays.clear()
    else:
        raise ValueError(f"'{what}' is not known")


def serve(path, port, most):
    holes = BlackHoles([port + k for k in range(most)], [port + DISTANCE + k for k in range(most)], serves_strangers=True)
    pathlib.Path(path).unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(8)
    while True:
        with door.accept()[0] as who:
            words = who.makefile().readline().split()
            if words == ["end"]:
                os._exit(0)  # with its threads, some of which wait in the holes
            try:
                carry_out(holes, words, most)
                who.sendall(b"ok")
            except (ValueError, IndexError, KeyError) as refused:
                who.sendall(f"{refused}".encode())


def tell(path, words):
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(path)
        door.sendall((" ".join(words) + "\n").encode())
        answer = door.makefile().read()
    if answer not in ("ok", ""):
        sys.exit(f"cluster: {answer}")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif len(sys.argv) > 3 and sys.argv[1] == "tell":
        tell(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)
