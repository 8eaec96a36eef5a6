#!/usr/bin/env python3
"""An example of a program behind an `exec` stage in `serve` mode: it stays warm and answers one task after another.

Put your own model in the place of `paint`: load it once, above the loop. What a program gets and answers is described in
src/worker/README.md. Nothing but Python's standard library is needed.
"""
import hashlib
import json
import os
import struct
import sys
import zlib


def say(**line):
    print(json.dumps(line), flush=True)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paint(text, width, height, report):
    """A PNG with a colour gradient that is always the same for the same text."""
    colours = hashlib.sha256(text.encode()).digest()
    start, end = colours[:3], colours[3:6]
    rows = []
    for y in range(height):
        share = y / max(height - 1, 1)
        colour = bytes(round(a + (b - a) * share) for a, b in zip(start, end))
        rows.append(b"\0" + colour * width)
        if y % 64 == 0:
            report(y / height)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def main():
    for line in sys.stdin:
        task = json.loads(line)
        params = task["params"]
        if not params["text"].strip():
            say(error={"bad_input": True, "detail": "the text is empty: there is nothing to paint"})
            continue
        picture = paint(params["text"], params["width"], params["height"], lambda share: say(progress=share, message="painting"))
        with open(os.path.join(task["out"], "poster.png"), "wb") as file:
            file.write(picture)
        say(output={"name": "picture", "file": "poster.png", "media_type": "image/png"})
        say(output={"name": "bytes", "value": len(picture)})
        say(done=True)


if __name__ == "__main__":
    main()
