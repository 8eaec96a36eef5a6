#!/usr/bin/env python3
"""A program for an `exec` stage in `serve` mode. Says each start of its own in the file of its first argument, then squares numbers."""
import json
import os
import sys

with open(sys.argv[1], "a", encoding="utf-8") as starts:
    starts.write(f"{os.getpid()}\n")
for line in sys.stdin:
    task = json.loads(line)
    number = task["params"]["number"]
    print(json.dumps({"output": {"name": "square", "value": number * number}}), flush=True)
    print(json.dumps({"output": {"name": "process", "value": os.getpid()}}), flush=True)
    print(json.dumps({"done": True}), flush=True)
