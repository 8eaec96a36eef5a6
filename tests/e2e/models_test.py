"""A real node that runs neural networks on real media: a clip becomes larger and keeps its frames and its sound, models come and go while
the node runs, and what cannot work is refused before it is a job.

    models_test.py TROUPE_PROGRAM [TEST...]
"""
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

from cluster import Cluster, TestCase, wait_until

TROUPE = sys.argv.pop(1)
SHIPPED = pathlib.Path(TROUPE).resolve().parent / "models"
NAMED = {"name": "named", "inputs": {"image": {"type": "image", "required": True}},
         "stages": {"only": {"kind": "model.filter", "params": {"image": "${inputs.image}", "model": "own"}}},
         "result": {"image": "${stages.only.image}", "width": "${stages.only.width}", "video": "${stages.only.video}"}}


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)


def ffmpeg(*words):
    done = run("ffmpeg", "-v", "error", "-y", *words)
    assert done.returncode == 0, done.stderr


def probe(path):
    """What FFmpeg's own tool says of a file; frames are counted by decoding."""
    done = run("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {stream["codec_type"]: stream for stream in found["streams"]}


def times(path):
    """When the frames of a video are shown."""
    done = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path)
    return [round(float(line.strip().rstrip(",")), 3) for line in done.stdout.split()]


class ModelsTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(TROUPE, 1).start()
        cls.node = cls.cluster.nodes[0]
        cls.folder = cls.cluster.folder
        cls.models = cls.node.data / "models"
        wait_until("the models to be known", lambda: cls.node.request("GET", "/v1/models")[0] == 200)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def troupe(self, *words):
        return run(TROUPE, "--url", self.node.url, *words)

    def model(self, name):
        return next((one for one in self.node.json("GET", "/v1/models")["models"] if one["name"] == name), {})

    def test_a_clip_becomes_twice_as_large_and_keeps_frames_times_and_sound(self):
        clip, large = self.folder / "clip.mp4", self.folder / "large.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=30000/1001", "-f", "lavfi", "-i", "sine=frequency=440", "-t", "1.5", "-c:v", "libx264",
               "-pix_fmt", "yuv420p", "-c:a", "aac", clip)
        done = self.troupe("submit", "upscale", "--video", clip, "-o", large)
        self.assertEqual(done.returncode, 0, done.stderr)
        before, after = probe(clip), probe(large)
        self.assertEqual((after["video"]["width"], after["video"]["height"]), (192, 128))
        self.assertEqual(after["video"]["nb_read_frames"], before["video"]["nb_read_frames"])
        self.assertEqual(times(large), times(clip))
        self.assertEqual(after["audio"]["codec_name"], "aac")
        self.assertAlmostEqual(float(after["audio"]["duration"]), float(before["audio"]["duration"]), delta=0.05)

    def test_sound_that_begins_later_and_uneven_frames_stay_where_they_are(self):
        clip, large = self.folder / "late.mkv", self.folder / "late.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=20", "-itsoffset", "0.6", "-f", "lavfi", "-i", "sine=frequency=440:duration=0.9", "-t", "1.5",
               "-vf", "select='not(mod(n,3))+eq(n,1)'", "-vsync", "vfr", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "libopus", clip)
        done = self.troupe("submit", "upscale", "--video", clip, "-o", large)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(times(large), times(clip))
        silent = run("ffmpeg", "-v", "info", "-i", large, "-af", "silencedetect=noise=-40dB:d=0.2", "-f", "null", "-").stderr
        ends = [float(line.split("silence_end: ")[1].split()[0]) for line in silent.splitlines() if "silence_end" in line]
        self.assertTrue(ends and abs(ends[0] - 0.6) < 0.03, silent[-2000:])

    def test_a_model_that_is_dropped_into_the_folder_is_there_and_one_that_is_taken_out_is_gone(self):
        picture = self.folder / "picture.png"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=50x40", "-frames:v", "1", picture)
        inputs = {"image": {"artifact": self.node.put(picture.read_bytes())}}
        refused = self.node.request("POST", "/v1/jobs", {"pipeline": NAMED, "inputs": inputs})
        self.assertEqual(refused[0], 400)
        self.assertIn(b"stage 'only': there is no model 'own' on this node; for 'filter' there are: denoise, sharpen", refused[2])
        shutil.copy(SHIPPED / "sharpen.onnx", self.models / "own.onnx")
        (self.models / "own.yaml").write_text("task: filter\ndescription: my own\n")
        wait_until("the model to be found", lambda: self.model("own").get("state") == "ready")
        self.assertEqual(self.model("own")["description"], "my own")
        job = self.node.json("POST", "/v1/jobs", {"pipeline": NAMED, "inputs": inputs})["id"]
        ended = self.node.wait_final(job)
        self.assertEqual((ended["state"], ended["result"]["width"], ended["result"]["video"]), ("succeeded", 50, None), ended["error"])
        self.assertIn("my own", self.troupe("model", "list").stdout)

        (self.models / "own.onnx").write_bytes(b"\x08\x07not a network")
        wait_until("the damage to be found", lambda: self.model("own").get("state") == "refused")
        self.assertIn("this is no ONNX model", self.model("own")["error"])
        refused = self.node.request("POST", "/v1/jobs", {"pipeline": NAMED, "inputs": inputs})
        self.assertEqual(refused[0], 400)
        self.assertIn(b"model 'own' cannot be used", refused[2])
        (self.models / "own.yaml").unlink()
        wait_until("the model to be gone", lambda: not self.model("own"))

    def test_an_unknown_model_and_one_for_another_task_are_refused_before_admission(self):
        clip = self.folder / "tiny.mp4"
        ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=5", "-t", "1", "-c:v", "libx264", "-pix_fmt", "yuv420p", clip)
        before = len(self.node.json("GET", "/v1/jobs")["jobs"])
        for name, why in (("nothing", "there is no model 'nothing'"), ("denoise", "model 'denoise' is for 'filter'"), ("../x", "there is no model '../x'")):
            done = self.troupe("submit", "upscale", "--video", clip, "--model", name)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn(why, done.stderr)
        self.assertEqual(len(self.node.json("GET", "/v1/jobs")["jobs"]), before)

    def test_the_client_checks_and_times_a_file_without_a_node(self):
        good = run(TROUPE, "model", "check", SHIPPED / "denoise.yaml")
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertIn("task        filter, scale 1", good.stdout)
        quick = run(TROUPE, "--json", "model", "bench", SHIPPED / "denoise.onnx", "--shape", "1x3x32x32", "--threads", "1")
        self.assertEqual(quick.returncode, 0, quick.stderr)
        self.assertGreater(json.loads(quick.stdout)["median_ms"], 0)
        wrong = self.folder / "wrong.onnx"
        wrong.write_bytes(b"nothing")
        bad = run(TROUPE, "model", "check", wrong)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("wrong.onnx: this is no ONNX model", bad.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
