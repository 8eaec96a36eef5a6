"""What a media file is and shows, by ffprobe and ffmpeg (in checks alone; a node never runs them)."""
import json
import re
import subprocess

from framework import CheckFailed, sh


def probe(path):
    """@returns {"seconds", "bytes", "video": {...}|None, "audio": {...}|None}."""
    found = json.loads(sh("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path).stdout)
    streams = {stream["codec_type"]: stream for stream in reversed(found.get("streams", []))}
    return {"seconds": float(found["format"]["duration"]), "bytes": int(found["format"]["size"]), "video": streams.get("video"), "audio": streams.get("audio")}


def decode_errors(path):
    """What a full, strict decode complains about; "" if it reaches the end without a word."""
    done = sh("ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-", check=False)
    return done.stderr.strip() or ("" if done.returncode == 0 else f"ffmpeg ended with {done.returncode}")


def grey_frames(path, count, width=64, height=36):
    """`count` frames spread evenly over the film, as grey bytes."""
    seconds = probe(path)["seconds"]
    frames = []
    for i in range(count):
        at = seconds * (i + 0.5) / count
        done = subprocess.run(["ffmpeg", "-v", "error", "-ss", f"{at:.3f}", "-i", str(path), "-frames:v", "1", "-vf", f"scale={width}:{height}:flags=area,format=gray",
                               "-f", "rawvideo", "-"], capture_output=True, timeout=60)
        if len(done.stdout) != width * height:
            raise CheckFailed(f"no frame at {at:.2f} s: {done.stderr.decode(errors='replace')[-300:]}")
        frames.append(done.stdout)
    return frames


def mean_volume(path):
    """Of the whole film, in dB below full scale; a silent one has -91 dB."""
    done = sh("ffmpeg", "-v", "info", "-i", path, "-af", "volumedetect", "-vn", "-f", "null", "-")
    return float(re.search(r"mean_volume: (-?[0-9.]+) dB", done.stderr)[1])


def spread(frame):
    """Standard deviation of a frame's grey values: 0 is one flat colour."""
    mean = sum(frame) / len(frame)
    return (sum((value - mean) ** 2 for value in frame) / len(frame)) ** 0.5


def difference(one, other):
    """Mean absolute difference of two frames' grey values."""
    return sum(abs(a - b) for a, b in zip(one, other)) / len(one)
