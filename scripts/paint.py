#!/usr/bin/env python3
"""Paints the demo's picture: hills under an evening sky, 1280x720, as PNG. No library but Python's own.

    paint.py FILE
"""
import math
import struct
import sys
import zlib

WIDTH, HEIGHT = 1280, 720
SKY = [(0.0, (28, 24, 68)), (0.45, (146, 62, 110)), (0.75, (246, 140, 96)), (1.0, (255, 214, 150))]
HILLS = [(0.62, 46, 0.0061, 0.4, (112, 62, 104)), (0.72, 38, 0.0083, 2.1, (72, 44, 88)), (0.83, 30, 0.0117, 4.0, (38, 28, 62))]
SUN = (860, 400, 92)


def blend(one, other, share):
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other))


def sky(y):
    at = y / (HEIGHT * 0.8)
    for (low, below), (high, above) in zip(SKY, SKY[1:]):
        if at <= high:
            return blend(below, above, (at - low) / (high - low))
    return SKY[-1][1]


def skyline(hill, x):
    base, height, wave, phase, _ = hill
    return base * HEIGHT - height * (math.sin(x * wave + phase) + 0.45 * math.sin(x * wave * 2.7 + phase * 3))


def stars():
    """A fixed scatter in the upper third (a linear congruential generator: the same picture each time)."""
    seed, found = 7, {}
    for _ in range(140):
        seed = (seed * 1103515245 + 12345) % 2**31
        x = seed % WIDTH
        seed = (seed * 1103515245 + 12345) % 2**31
        found[(x, seed % (HEIGHT // 3))] = 120 + seed % 136
    return found


def paint():
    lines = [[skyline(hill, x) for x in range(WIDTH)] for hill in HILLS]
    scattered = stars()
    rows = []
    for y in range(HEIGHT):
        row, ground = bytearray([0]), sky(y)
        near = abs(y - SUN[1]) <= SUN[2] * 3
        for x in range(WIDTH):
            colour = ground
            for line, hill in zip(lines, HILLS):
                if y >= line[x]:
                    colour = hill[4]
            if colour is ground:
                if (x, y) in scattered:
                    colour = blend(ground, (255, 255, 255), scattered[(x, y)] / 255)
                elif near:
                    away = math.hypot(x - SUN[0], y - SUN[1]) / SUN[2]
                    if away < 1:
                        colour = (255, 236, 190)
                    elif away < 3:
                        colour = blend((255, 214, 150), ground, ((away - 1) / 2) ** 0.5)
            row += bytes(colour)
        rows.append(bytes(row))
    return b"".join(rows)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(paint(), 6)) + chunk(b"IEND", b""))
