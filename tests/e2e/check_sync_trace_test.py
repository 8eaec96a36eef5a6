#!/usr/bin/env python3
"""Goal: the checker of sync traces can fail. Method: traces made by hand, good ones and each kind of bad one."""
import struct
import unittest

import check_sync_trace as checker

LOG = b"/data/journal/db/000004.log"
JOB = 0x0123456789ABCDEF


class Trace:
    def __init__(self):
        self.bytes = bytearray(checker.MAGIC)
        self.event(checker.PATH, 3, 0, 0, 0, LOG)
        self.size = 0

    def event(self, kind, descriptor, begin, end, offset=0, data=b""):
        self.bytes += checker.EVENT.pack(kind, descriptor, len(data), 1, begin, end, offset) + data + bytes(-len(data) % 8)
        return self

    def write(self, end, payload):
        """One record, split at the end of a block as RocksDB does."""
        out, rest, first = b"", payload, True
        while first or rest:
            left = checker.BLOCK - (self.size + len(out)) % checker.BLOCK
            if left < checker.HEADER:
                out += bytes(left)
                continue
            part, rest = rest[:left - checker.HEADER], rest[left - checker.HEADER:]
            out += struct.pack("<IHB", 0, len(part), (1 if not rest else 2) if first else (4 if not rest else 3)) + part
            first = False
        self.event(checker.WRITE, 3, end - 1, end, self.size, out)
        self.size += len(out)
        return self

    def sync(self, begin, end):
        return self.event(checker.SYNC, 3, begin, end)

    def answer(self, when, job=JOB):
        return self.event(checker.SEND, 9, when, when, 0, b'HTTP/1.1 202 Accepted\r\nX: y\r\n\r\n{"id":"%016x"}' % job)

    def wrong(self, at_least=1):
        return checker.check(bytes(self.bytes) + bytes(64), at_least)[1]


def record(job=JOB, before=40):
    return bytes(before) + b"\x09" + job.to_bytes(8, "little") + b"rest"


class CheckSyncTrace(unittest.TestCase):
    def test_an_answer_after_the_sync_is_proven(self):
        self.assertEqual(Trace().write(10, record()).sync(11, 20).answer(21).wrong(), [])

    def test_an_answer_before_the_end_of_the_sync_fails(self):
        self.assertIn("not synced", Trace().write(10, record()).sync(11, 20).answer(19).wrong()[0])

    def test_a_sync_that_began_before_the_write_ended_proves_nothing(self):
        self.assertIn("not synced", Trace().write(10, record()).sync(9, 20).answer(21).wrong()[0])

    def test_an_answer_without_any_sync_fails(self):
        self.assertIn("not synced", Trace().write(10, record()).answer(21).wrong()[0])

    def test_a_job_that_was_never_written_fails(self):
        self.assertIn("no record", Trace().write(10, record(5)).sync(11, 20).answer(21).wrong()[0])

    def test_a_job_that_was_written_after_its_answer_fails(self):
        self.assertIn("no record", Trace().answer(5).write(10, record()).sync(11, 20).wrong()[0])

    def test_a_sync_of_another_file_proves_nothing(self):
        trace = Trace().event(checker.PATH, 4, 0, 0, 0, b"/data/journal/db/000009.log").write(10, record())
        self.assertIn("not synced", trace.event(checker.SYNC, 4, 11, 20).answer(21).wrong()[0])

    def test_a_sync_of_one_descriptor_number_that_means_another_file_now_proves_nothing(self):
        trace = Trace().write(10, record()).event(checker.PATH, 3, 11, 11, 0, b"/data/journal/db/000010.sst")
        self.assertIn("not synced", trace.sync(12, 20).answer(21).wrong()[0])

    def test_a_later_unsynced_mention_of_a_job_does_no_harm(self):
        trace = Trace().write(10, record()).sync(11, 20).write(21, record())
        self.assertEqual(trace.answer(22).wrong(), [])

    def test_an_id_is_found_where_a_record_is_split(self):
        for shift in range(12):
            trace = Trace().write(5, bytes(checker.BLOCK - 2 * checker.HEADER - 40 - 12 + shift))
            self.assertEqual(trace.write(10, record()).sync(11, 20).answer(21).wrong(), [], shift)

    def test_a_sync_between_two_halves_of_a_record_proves_nothing(self):
        whole = Trace().write(5, bytes(checker.BLOCK - 2 * checker.HEADER - 60))
        begin = whole.size
        text = record() + bytes(200)
        first = text[:checker.BLOCK - begin % checker.BLOCK - checker.HEADER]
        self.assertIn(JOB.to_bytes(8, "little"), first)
        rest = text[len(first):]
        for type_, part, end in ((2, first, 10), (4, rest, 30)):
            data = struct.pack("<IHB", 0, len(part), type_) + part
            whole.event(checker.WRITE, 3, end - 1, end, whole.size, data)
            whole.size += len(data)
            whole.sync(end + 1, end + 5)
        self.assertIn("not synced", whole.answer(20).wrong()[0])
        self.assertEqual(whole.answer(40).wrong()[1:], [])

    def test_a_record_far_back_is_found(self):
        trace = Trace().write(5, record()).sync(6, 7)
        for i in range(30):
            trace.write(10 + i, bytes(50000))
        self.assertEqual(trace.answer(50).wrong(), [])

    def test_too_few_answers_fail(self):
        self.assertIn("only 1", Trace().write(10, record()).sync(11, 20).answer(21).wrong(at_least=2)[0])

    def test_one_bad_answer_among_many_is_named(self):
        trace = Trace()
        for i in range(1, 100):
            trace.write(i * 100, record(i))
            if i != 99:
                trace.sync(i * 100 + 1, i * 100 + 20)
            trace.answer(i * 100 + 30, i)
        wrong = trace.wrong()
        self.assertEqual(len(wrong), 1)
        self.assertIn("0000000000000063", wrong[0])

    def test_an_answer_without_an_id_fails(self):
        trace = Trace().event(checker.SEND, 9, 1, 1, 0, b"HTTP/1.1 202 Accepted\r\n\r\n{}")
        self.assertIn("without a job id", trace.wrong(at_least=0)[0])

    def test_a_body_in_a_send_of_its_own_belongs_to_its_head(self):
        trace = Trace().write(10, record()).sync(11, 20)
        trace.event(checker.SEND, 9, 15, 15, 0, b"HTTP/1.1 202 Accepted\r\n\r\n")
        trace.event(checker.SEND, 9, 22, 22, 0, b'{"id":"%016x"}' % JOB)
        self.assertIn("not synced", trace.wrong()[0])

    def test_a_full_trace_and_a_foreign_file_cannot_be_used(self):
        with self.assertRaises(checker.BadTrace):
            Trace().event(checker.FULL, 0, 0, 0).wrong()
        with self.assertRaises(checker.BadTrace):
            checker.check(bytes(100), 1)


if __name__ == "__main__":
    unittest.main()
