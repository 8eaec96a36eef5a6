"""Machines of our own: network namespaces, each with a cable to one switch. Needs root and iproute2.

    namespaces.py --probe      whether this computer lets us make them; says why not, exit status 1

A machine has a second cable to the test alone, over which nothing goes from machine to machine: who is cut off can still be asked.
Cables are pulled and put back, and machines get black holes for packets to some other machine. Whatever is made here goes at the end.
"""
import atexit
import os
import subprocess
import sys

sys.dont_write_bytecode = True
NET, ASK = "198.18", "198.19"  # for tests of networks (RFC 2544): nobody else has them


class CannotMake(Exception):
    """This computer does not let us make network namespaces."""


def ip(*words, check=True):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False)
    if check and done.returncode != 0:
        raise CannotMake(f"`ip {' '.join(map(str, words))}` ended with {done.returncode}: {done.stderr.strip()}")
    return done


class Machine:
    """One namespace. `address`: for the other machines; `asked_at`: for the test."""

    def __init__(self, switch, number):
        self.switch, self.number = switch, number
        self.name = f"{switch.name}n{number}"
        self.cable, self.line = f"{switch.name}c{number}", f"{switch.name}l{number}"
        self.address, self.asked_at = f"{NET}.{switch.part}.{number}", f"{ASK}.{switch.part}.{4 * number + 2}"

    def make(self):
        ip("netns", "add", self.name)
        for end, inside in ((self.cable, "net"), (self.line, "ask")):
            ip("link", "add", end, "type", "veth", "peer", "name", inside, "netns", self.name)
        ip("link", "set", self.cable, "master", self.switch.name, "up")
        ip("address", "add", f"{ASK}.{self.switch.part}.{4 * self.number + 1}/30", "dev", self.line)
        ip("link", "set", self.line, "up")
        self.inside("address", "add", f"{self.address}/24", "dev", "net")
        self.inside("address", "add", f"{self.asked_at}/30", "dev", "ask")
        for link in ("lo", "net", "ask"):
            self.inside("link", "set", link, "up")

    def inside(self, *words):
        return ip("-n", self.name, *words)

    def command(self, *words):
        """The words of a command that runs on this machine."""
        return ["ip", "netns", "exec", self.name, *words]

    def unplug(self):
        ip("link", "set", self.cable, "down")

    def plug(self):
        ip("link", "set", self.cable, "up")

    def lose_packets_to(self, other):
        """One way: what this machine sends there is gone, what comes from there arrives."""
        self.inside("route", "add", "blackhole", f"{other.address}/32")

    def find_way_to(self, other):
        self.inside("route", "del", "blackhole", f"{other.address}/32")


class Switch:
    """A bridge with machines 1 to N at it."""

    def __init__(self, count):
        self.name, self.part = f"tr{os.getpid() % 1_000_000}", os.getpid() % 250
        self.machines = [Machine(self, number) for number in range(1, count + 1)]
        atexit.register(self.close)
        try:
            ip("link", "add", self.name, "type", "bridge")
            ip("link", "set", self.name, "up")
            for machine in self.machines:
                machine.make()
        except BaseException:
            self.close()
            raise

    def close(self):
        for machine in self.machines:
            ip("netns", "del", machine.name, check=False)  # its ends of the cables go with it
        ip("link", "del", self.name, check=False)
        atexit.unregister(self.close)


def probe():
    """@returns why no machines can be made; "" if they can."""
    try:
        switch = Switch(2)
    except (CannotMake, OSError) as why:
        return str(why)
    try:
        switch.machines[0].lose_packets_to(switch.machines[1])
        switch.machines[1].unplug()
    except CannotMake as why:
        return str(why)
    finally:
        switch.close()
    return ""


if __name__ == "__main__":
    reason = probe()
    print(reason or "network namespaces can be made")
    sys.exit(1 if reason else 0)
