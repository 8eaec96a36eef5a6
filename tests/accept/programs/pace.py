#!/usr/bin/env python3
"""A program for an `exec` stage in `serve` mode. Says when it got the task (ns since the epoch), then sleeps for `milliseconds`."""
import json
import sys
import time

for line in sys.stdin:
    got = time.time_ns()
    time.sleep(json.loads(line)["params"]["milliseconds"] / 1000)
    print(json.dumps({"output": {"name": "got", "value": got}}), flush=True)
    print(json.dumps({"done": True}), flush=True)
