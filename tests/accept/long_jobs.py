"""Jobs of a known length that run at a chosen node when something is done to it."""
import datetime
import math
import time

from band import NODES
from framework import wait_until

ENDS = ("succeeded", "failed", "cancelled", "dead")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def events_of(http, job):
    """(type, data) of all that has happened to it."""
    found, page = [], http.json("GET", f"/v1/jobs/{job}")
    for id_, type_, data in http.events(f"/v1/jobs/{job}/events"):
        if id_ is not None:
            found.append((type_, data))
            if int(id_) >= page["revision"]:
                break
    return found


def attempts(http, job):
    """(slot, time) of each attempt that has started."""
    return [(data["slot"], moment(data["at"])) for type_, data in events_of(http, job) if type_ == "attempt_started"]


def ends_of(http, job):
    """(how often its stage was committed, how it ended, each time that it did, attempts)."""
    http.wait_final(job)
    types = [type_ for type_, _ in events_of(http, job)]
    return types.count("stage_done"), [type_ for type_ in types if type_ in ENDS], types.count("attempt_started")


def hold_slots_of(band, victim, seconds):
    """Jobs of this length until one of them runs at the victim. @returns (those at the victim, all others, which are cancelled: the victim's work needs
    somewhere to go)."""
    held, prefix = [], band.id_of(victim)
    http = band.others(victim)[0].http

    def at_victim():
        return [job for job in held if any(slot.startswith(prefix) for slot, _ in attempts(http, job)[-1:])]

    for _ in range(6):
        held += [http.submit("hold", {"seconds": seconds}, priority=9)["id"] for _ in range(NODES)]
        wait_until("the long jobs to run", lambda: all(http.json("GET", f"/v1/jobs/{job}")["state"] != "queued" for job in held))
        if hit := at_victim():
            rest = [job for job in held if job not in hit]
            for job in rest:
                http.request("POST", f"/v1/jobs/{job}/cancel", {"reason": "it runs elsewhere"})
            return hit, rest
    return [], held


def elsewhere_after(band, victim, jobs, struck, seconds):
    """How long after the blow the last of the victim's jobs had begun an attempt at another node; infinite if it did not."""
    http, prefix = band.leader(band.others(victim)).http, band.id_of(victim)

    def moved(job):
        return min((at - struck for slot, at in attempts(http, job) if at > struck and not slot.startswith(prefix)), default=None)

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        times = [moved(job) for job in jobs]
        if None not in times:
            return max(times, default=None)
        time.sleep(0.2)
    return math.inf
