#!/usr/bin/env python3
"""Goal: the trace of a real process proves its acknowledgements, and shows a liar. Arguments: the library, the subject, the checker."""
import os
import subprocess
import sys
import tempfile
import unittest

LIBRARY, SUBJECT, CHECKER = sys.argv[1:4]


class SyncTrace(unittest.TestCase):
    def check(self, manner, at_least):
        with tempfile.TemporaryDirectory(dir=".") as home:
            home = os.path.abspath(home)
            environment = dict(os.environ, LD_PRELOAD=LIBRARY, TROUPE_SYNC_TRACE=home + "/trace",
                               TROUPE_SYNC_TRACE_DIRECTORY=home + "/journal")
            subprocess.run([SUBJECT, manner, home + "/journal", "500"], env=environment, check=manner != "killed",
                           stderr=subprocess.DEVNULL)
            return subprocess.run([sys.executable, "-B", CHECKER, home + "/trace", f"--at-least={at_least}"],
                                  capture_output=True, text=True, check=False)

    def test_an_honest_process_is_proven(self):
        done = self.check("honest", 500)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("proven=500", done.stdout)

    def test_a_process_that_acknowledges_too_early_is_found_out(self):
        done = self.check("liar", 500)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("proven=450", done.stdout)

    def test_the_trace_of_a_killed_process_is_whole(self):
        self.assertEqual(self.check("killed", 500).returncode, 0)

    def test_too_few_answers_fail(self):
        self.assertEqual(self.check("honest", 501).returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
