#!/usr/bin/env python3
"""Proves from a trace (tests/support/disk/sync_trace.cpp) that no submission was acknowledged before it was on the disk.

For each HTTP 202 that the process sent, the job id in the answer (16 hexadecimal digits) must stand, as an 8-byte little-endian number,
in a record of the journal's write-ahead log, and a sync of that log must have begun after the record was written and have ended
before the answer was sent. Exit status: 0 proven, 1 not, 2 the trace cannot be used.
"""
import argparse
import bisect
import collections
import mmap
import re
import struct
import sys

MAGIC = b"TRPSYNC1"
EVENT = struct.Struct("<IIIIQQQ")
END, PATH, WRITE, SYNC, SEND, FULL = range(6)
FULL_RECORD, LAST_FRAGMENT = 1, 4
BLOCK, HEADER = 32768, 7  # RocksDB's write-ahead log: blocks of records with crc (4), length (2), type (1)

ACCEPTED = re.compile(rb"HTTP/1\.1 202 ")
NAMED_ID = re.compile(rb'"(?:id|job|job_id)"\s*:\s*"([0-9a-f]{16})"')
ANY_ID = re.compile(rb'[/"]([0-9a-f]{16})["/\r\n?]')


class BadTrace(Exception):
    pass


def events(trace):
    """Yields (kind, descriptor, begin, end, offset, data) in the order in which they were recorded."""
    if trace[:8] != MAGIC:
        raise BadTrace("this is no sync trace")
    at = 8
    while at + EVENT.size <= len(trace):
        kind, descriptor, size, _, begin, end, offset = EVENT.unpack_from(trace, at)
        if kind == END:
            return
        if kind == FULL:
            raise BadTrace("the trace was too small for the run: set TROUPE_SYNC_TRACE_MAX_MIB")
        at += EVENT.size
        yield kind, descriptor, begin, end, offset, bytes(trace[at:at + size])
        at += (size + 7) // 8 * 8


class Log:
    """One write-ahead log file: its bytes, when which part was written, and its syncs."""

    def __init__(self):
        self.content = bytearray()
        self.ends, self.times = [], []  # the bytes before ends[i] were there at times[i]
        self.syncs = []  # (begin, end)

    def wrote(self, offset, data, when):
        if offset != len(self.content):
            raise BadTrace(f"a log was written at {offset}, its end is {len(self.content)}: part of the trace is missing")
        self.content += data
        self.ends.append(len(self.content))
        self.times.append(when)

    def join(self):
        """Takes the block headers out, so that an id is found also where a record was split."""
        pieces, sources, at, size = [], [], 0, 0
        self.record_ends = []  # in the payload; of records that were written to their end
        while at + HEADER <= len(self.content):
            left = BLOCK - at % BLOCK
            length = int.from_bytes(self.content[at + 4:at + 6], "little")
            if left < HEADER or (length == 0 and self.content[at + 6] == 0):
                at += left  # the rest of a block is padding
                continue
            is_last = self.content[at + 6] in (FULL_RECORD, LAST_FRAGMENT)
            at += HEADER
            pieces.append(bytes(self.content[at:at + length]))
            sources.append((size, at))
            size += length
            at += length
            if is_last and at <= len(self.content):
                self.record_ends.append(size)
        self.payload = b"".join(pieces)
        self.starts = [start for start, _ in sources]
        self.sources = [source for _, source in sources]
        self.syncs.sort()
        self.sync_begins = [begin for begin, _ in self.syncs]
        # The earliest end among all syncs that begin at or after the i-th.
        self.first_end = [end for _, end in self.syncs]
        for i in range(len(self.first_end) - 2, -1, -1):
            self.first_end[i] = min(self.first_end[i], self.first_end[i + 1])

    def payload_at(self, when):
        """How much of the payload was written at a time."""
        i = bisect.bisect_right(self.times, when)
        end = self.ends[i - 1] if i else 0
        i = bisect.bisect_left(self.sources, end)
        return min(len(self.payload), self.starts[i - 1] + end - self.sources[i - 1]) if i else 0

    def durable_at(self, place):
        """When the payload's byte before `place` was proven durable; None: never."""
        i = bisect.bisect_left(self.starts, place) - 1
        end = self.sources[i] + place - self.starts[i]
        written = self.times[bisect.bisect_left(self.ends, end)]
        i = bisect.bisect_left(self.sync_begins, written)
        return self.first_end[i] if i < len(self.first_end) else None

    def proves(self, key, sent):
        """Whether a record with `key` was durable when an answer was sent; None: no such record was written before."""
        end, found, window = self.payload_at(sent), None, 1 << 16
        start = max(0, end - window)
        while True:
            at = self.payload.rfind(key, start, end)
            while at >= 0:
                found = False
                # All of the record: recovery drops one that is torn.
                i = bisect.bisect_left(self.record_ends, at + len(key))
                durable = self.durable_at(self.record_ends[i]) if i < len(self.record_ends) else None
                if durable is not None and durable <= sent:
                    return True
                at = self.payload.rfind(key, start, at + len(key) - 1)
            if start == 0:
                return found
            window *= 8
            end, start = start + len(key) - 1, max(0, start - window)


def read(trace):
    logs, answers, names = collections.defaultdict(Log), [], {}
    pending = {}  # socket: the 202 whose id may come with the next send
    for kind, descriptor, begin, end, offset, data in events(trace):
        if kind == PATH:
            names[descriptor] = data
        elif kind in (WRITE, SYNC):
            name = names.get(descriptor)
            if name is None or not name.endswith(b".log"):
                continue
            if kind == WRITE:
                logs[name].wrote(offset, data, end)
            else:
                logs[name].syncs.append((begin, end))
        elif kind == SEND:
            if descriptor in pending:
                sent, head = pending.pop(descriptor)
                answers.append((sent, head + data))
            elif ACCEPTED.match(data):
                if id_of(data):
                    answers.append((begin, data))
                else:
                    pending[descriptor] = (begin, data)
    answers += pending.values()
    for log in logs.values():
        log.join()
    return logs, answers


def id_of(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    found = NAMED_ID.search(body) or ANY_ID.search(body) or ANY_ID.search(head + b"\r\n")
    return found and found.group(1)


def check(trace, at_least):
    """Returns the counts, and what is wrong, as lines."""
    logs, answers = read(trace)
    counts, wrong = collections.Counter(answers=len(answers), logs=len(logs)), []
    for log in logs.values():
        counts["log_bytes"] += len(log.content)
        counts["log_syncs"] += len(log.syncs)
    ids = set()
    for sent, answer in answers:
        job = id_of(answer)
        if not job:
            wrong.append(f"a 202 at {sent} ns without a job id: {answer[:80]!r}")
            continue
        ids.add(job)
        proofs = [log.proves(int(job, 16).to_bytes(8, "little"), sent) for log in logs.values()]
        if True in proofs:
            counts["proven"] += 1
        elif False in proofs:
            wrong.append(f"job {job.decode()}: its record was written, but not synced when the 202 was sent at {sent} ns")
        else:
            wrong.append(f"job {job.decode()}: no record of it was written before the 202 was sent at {sent} ns")
    counts["jobs"] = len(ids)
    if counts["jobs"] < at_least:
        wrong.append(f"only {counts['jobs']} acknowledged jobs seen, {at_least} expected")
    return counts, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("--at-least", type=int, default=1, help="fail if fewer acknowledged jobs are seen (default 1)")
    arguments = parser.parse_args()
    try:
        with open(arguments.trace, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as trace:
            counts, wrong = check(trace, arguments.at_least)
    except (OSError, ValueError, BadTrace) as problem:
        print(f"{arguments.trace}: {problem}", file=sys.stderr)
        return 2
    print(" ".join(f"{name}={counts[name]}" for name in ("answers", "jobs", "proven", "logs", "log_syncs", "log_bytes")))
    for line in wrong[:20]:
        print(line)
    if len(wrong) > 20:
        print(f"... and {len(wrong) - 20} more")
    print("FAIL" if wrong else "PASS: each 202 was sent after a sync that began after its record was written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
