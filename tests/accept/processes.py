"""Processes of a node, from /proc."""
import contextlib
import os
import pathlib
import signal


def descendants(process):
    """The ids of all processes below one, in every PID namespace."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [process]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def kill_with_workers(process):
    """kill -9 of a process and all below it, in one go. @returns how many there were."""
    killed = 0
    for each in [process, *descendants(process)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
            killed += 1
    return killed
