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


DETECT = {"name": "detect", "inputs": {"video": "video", "image": "image", "model": "text", "classes": "list of text", "id": "integer", "draw": "boolean"},
          "stages": {"see": {"kind": "model.detect", "params": {"video": "${inputs.video}", "image": "${inputs.image}", "model": "${inputs.model}",
                                                                "classes": "${inputs.classes}", "selected_person_id": "${inputs.id}",
                                                                "draw": "${inputs.draw}"}}},
          "result": {name: "${stages.see.%s}" % name for name in ("detections", "objects", "subject", "frames", "video", "image")}}
EMBED = {"name": "embed", "inputs": {"video": "video", "image": "image", "every": {"type": "integer", "default": 1000}},
         "stages": {"look": {"kind": "model.embed", "params": {"video": "${inputs.video}", "image": "${inputs.image}", "every_ms": "${inputs.every}"}}},
         "result": {name: "${stages.look.%s}" % name for name in ("embedding", "vectors", "dimensions")}}
MATTE = {"name": "behind", "inputs": {"image": "image", "video": "video", "behind": "file", "boxes": "file"},
         "stages": {"cut": {"kind": "model.matte", "params": {"video": "${inputs.video}", "image": "${inputs.image}", "boxes": "${inputs.boxes}",
                                                              "background_colour": "#ff00ff"}}},
         "result": {"image": "${stages.cut.image}", "video": "${stages.cut.video}"}}
GROUND, RED, BLUE, GREEN = (225, 225, 215), (200, 30, 30), (30, 60, 200), (30, 150, 60)


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


def paint(width, height, shapes):
    """The bytes of a picture: shapes of (kind, left, top, side, colour) on a plain ground."""
    rows = []
    for y in range(height):
        for x in range(width):
            pixel = GROUND
            for kind, left, top, side, colour in shapes:
                across, down = (x + 0.5 - left) / side, (y + 0.5 - top) / side
                if not (0 <= across < 1 and 0 <= down < 1):
                    continue
                if kind == "square" or (kind == "circle" and (across - 0.5) ** 2 + (down - 0.5) ** 2 <= 0.25) \
                        or (kind == "triangle" and abs(across - 0.5) <= down / 2):
                    pixel = colour
            rows += pixel
    return bytes(rows)


def encode(path, width, height, frames, rate=10):
    """A picture or a video of painted frames."""
    codec = ["-c:v", "libx264", "-pix_fmt", "yuv420p"] if path.suffix == ".mp4" else []
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-",
                           *codec, str(path)], input=b"".join(frames), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr


def pixels(path, at=0.0):
    """(width, pixels) of one frame as it looks."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-ss", str(at), "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    width = probe(path)["video"]["width"]
    return lambda x, y: tuple(done.stdout[3 * (y * width + x):][:3])


class Media(TestCase):
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

    def near(self, seen, expected, delta):
        for one, other in zip(seen, expected):
            self.assertAlmostEqual(one, other, delta=delta, msg=f"{seen} where {expected} was expected")

    def job(self, pipeline, **inputs):
        """Runs a job to its end; files are uploaded."""
        given = {name: {"artifact": self.node.put(value.read_bytes())} if isinstance(value, pathlib.Path) else value for name, value in inputs.items()}
        return self.node.wait_final(self.node.json("POST", "/v1/jobs", {"pipeline": pipeline, "inputs": given})["id"])

    def result(self, pipeline, **inputs):
        ended = self.job(pipeline, **inputs)
        self.assertEqual(ended["state"], "succeeded", ended["error"])
        return ended["result"]

    def artifact(self, reference, name=None):
        """The bytes behind a reference, or the path of a file with them."""
        status, _, body = self.node.request("GET", f"/v1/artifacts/{reference['artifact']}")
        self.assertEqual(status, 200)
        if name is None:
            return body
        (self.folder / name).write_bytes(body)
        return self.folder / name


class ModelsTest(Media):
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
        for name, task in (("shapes", "detect, pictures brought to 256 x 256"), ("matte-key", "matte"), ("embed-look", "embed, pictures brought to 96 x 96")):
            good = run(TROUPE, "model", "check", SHIPPED / f"{name}.yaml")
            self.assertEqual(good.returncode, 0, good.stderr)
            self.assertIn(f"task        {task}\n", good.stdout)
            self.assertLess((SHIPPED / f"{name}.onnx").stat().st_size, 2 << 20)
        quick = run(TROUPE, "--json", "model", "bench", SHIPPED / "embed-look.yaml", "--threads", "1")
        self.assertEqual(json.loads(quick.stdout)["task"], "embed")
        self.assertGreater(json.loads(quick.stdout)["median_ms"], 0)
        listed = self.troupe("model", "list").stdout
        for line in ("matte-key            matte", "shapes               detect", "embed-look           embed"):
            self.assertIn(line, listed)
        wrong = self.folder / "wrong.onnx"
        wrong.write_bytes(b"nothing")
        bad = run(TROUPE, "model", "check", wrong)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("wrong.onnx: this is no ONNX model", bad.stderr)


class Detect(Media):
    def boxes(self, result):
        return json.loads(self.artifact(result["detections"]))

    def test_the_shapes_of_a_picture_are_found_where_they_are(self):
        shapes = [("circle", 30, 40, 90, RED), ("square", 180, 30, 60, BLUE), ("triangle", 140, 130, 90, GREEN)]
        picture = self.folder / "shapes.png"
        encode(picture, 320, 240, [paint(320, 240, shapes)])
        result = self.result(DETECT, image=picture, draw=True)
        (frame,) = self.boxes(result)["frames"]
        self.assertEqual(result["objects"], 3)
        found = {box["class"]: box for box in frame["boxes"]}
        self.assertEqual(len(frame["boxes"]), 3)
        for kind, left, top, side, _ in shapes:
            box = found[kind]
            self.near([box[side] for side in ("x", "y", "width", "height")], [left, top, side, side], 3)
            self.assertGreater(box["score"], 0.8)
        drawn = pixels(self.artifact(result["image"], "drawn.png"))
        self.assertNotEqual(drawn(round(found["square"]["x"]), 60), pixels(picture)(round(found["square"]["x"]), 60))
        self.near(drawn(210, 60), BLUE, 2)  # inside of the box nothing is drawn
        self.assertIn(result["subject"]["class"], found)

        only = self.result(DETECT, image=picture, classes=["square"])
        self.assertEqual([box["class"] for box in self.boxes(only)["frames"][0]["boxes"]], ["square"])
        last = self.result(DETECT, image=picture, id=2)  # from left to right: circle, triangle, square
        self.assertEqual([box["class"] for box in self.boxes(last)["frames"][0]["boxes"]], ["square"])
        self.assertEqual(last["subject"]["id"], 2)

    def test_shapes_that_move_keep_their_ids_and_are_where_they_moved(self):
        clip = self.folder / "moving.mp4"
        places = [(20 + 8 * i, 200 - 8 * i) for i in range(12)]
        encode(clip, 320, 160, [paint(320, 160, [("circle", one, 20, 50, RED), ("square", other, 90, 50, BLUE)]) for one, other in places])
        result = self.result(DETECT, video=clip)
        seen = self.boxes(result)
        self.assertEqual((result["objects"], result["frames"], result["video"]), (2, 12, None))
        self.assertEqual((seen["width"], seen["height"]), (320, 160))
        self.assertEqual([frame["at_ms"] for frame in seen["frames"]], [100 * i for i in range(12)])
        for frame, (one, other) in zip(seen["frames"], places):
            found = {box["class"]: box for box in frame["boxes"]}
            self.assertEqual({kind: box["id"] for kind, box in found.items()}, {"circle": 0, "square": 1})
            self.near((found["circle"]["x"], found["circle"]["y"]), (one, 20), 4)
            self.near((found["square"]["x"], found["square"]["y"]), (other, 90), 4)

    def test_what_cannot_be_found_or_asked_for_is_bad_input_with_the_reason(self):
        picture = self.folder / "one.png"
        encode(picture, 96, 96, [paint(96, 96, [("circle", 20, 20, 50, RED)])])
        for inputs, why in (({"classes": ["person"]}, "model 'shapes' knows no class 'person'; it knows circle, square, triangle"),
                            ({"id": 7}, "nothing that was found has the id 7; there are 0 to 0")):
            ended = self.job(DETECT, image=picture, **inputs)
            self.assertEqual(ended["state"], "failed")
            self.assertEqual(ended["stages"][0]["attempts"], 1)  # it would never work
            self.assertIn(why, json.dumps(ended["error"]))
        refused = self.node.request("POST", "/v1/jobs", {"pipeline": DETECT, "inputs": {"image": {"artifact": self.node.put(picture.read_bytes())},
                                                                                        "model": "denoise"}})
        self.assertEqual(refused[0], 400)
        self.assertIn(b"model 'denoise' is for 'filter'; for 'detect' there are: shapes", refused[2])
        shutil.copy(SHIPPED / "shapes.onnx", self.models / "few.onnx")
        (self.models / "few.yaml").write_text("task: detect\nclasses: [a, b]\n")
        wait_until("the model to be found", lambda: self.model("few").get("state"))
        self.assertEqual(self.model("few")["state"], "refused")
        self.assertIn("with the description's layout and 2 classes they have to be [batch, values, boxes]", self.model("few")["error"])
        self.assertEqual(self.model("shapes")["classes"], ["circle", "square", "triangle"])


class Matte(Media):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.screen = cls.folder / "screen.mp4"
        ffmpeg("-f", "lavfi", "-i", "color=c=0x00ff00:size=160x96:rate=25", "-f", "lavfi", "-i", "color=c=0xc04020:size=40x40:rate=25", "-f", "lavfi",
               "-i", "sine=frequency=440", "-filter_complex", "[0][1]overlay=x='10+40*t':y=30", "-t", "1.2", "-c:v", "libx264", "-crf", "8", "-pix_fmt",
               "yuv420p", "-c:a", "aac", cls.screen)

    def test_a_clip_before_a_colour_keeps_frames_times_and_sound_and_its_foreground(self):
        out = self.folder / "before-blue.mp4"
        done = self.troupe("submit", "matte", "--video", self.screen, "--background_colour", "#0000ff", "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        before, after = probe(self.screen), probe(out)
        self.assertEqual(after["video"]["nb_read_frames"], before["video"]["nb_read_frames"])
        self.assertEqual(times(out), times(self.screen))
        self.assertAlmostEqual(float(after["audio"]["duration"]), float(before["audio"]["duration"]), delta=0.05)
        for at, left in ((0.0, 10), (1.0, 50)):
            pixel = pixels(out, at)
            self.near(pixel(left + 20, 50), (0xc0, 0x40, 0x20), 12)
            for x, y in ((2, 2), (157, 93), (left + 46, 50), (left + 20, 20)):
                self.near(pixel(x, y), (0, 0, 255), 12)

    def test_a_picture_or_a_video_stands_behind_and_the_matte_comes_out_if_it_is_asked_for(self):
        behind, moving = self.folder / "behind.png", self.folder / "moving.mp4"
        ffmpeg("-f", "lavfi", "-i", "color=c=0xffff00:size=320x240", "-frames:v", "1", behind)
        ffmpeg("-f", "lavfi", "-i", "color=c=white:size=64x64:rate=10", "-vf", "fade=out:st=0.3:d=0.01", "-t", "0.6", "-c:v", "libx264", "-pix_fmt", "yuv420p",
               moving)
        result = self.result("matte", video=self.screen, background_image=behind, alpha=True)
        pixel = pixels(self.artifact(result["video"], "before-picture.mp4"), 0.5)
        self.near(pixel(150, 10), (255, 255, 0), 12)
        self.near(pixel(50, 50), (0xc0, 0x40, 0x20), 12)
        matte = self.artifact(result["alpha_video"], "matte.mp4")
        self.assertEqual(times(matte), times(self.screen))
        self.assertNotIn("audio", probe(matte))
        pixel = pixels(matte, 0.5)
        self.near(pixel(150, 10), (0, 0, 0), 6)
        self.near(pixel(50, 50), (255, 255, 255), 6)

        out = self.artifact(self.result("matte", video=self.screen, background_video=moving)["video"], "before-video.mp4")
        for at, grey in ((0.04, 255), (0.48, 0), (0.68, 255), (1.08, 0)):  # after 0.6 s it begins again
            self.near(pixels(out, at)(150, 10), (grey, grey, grey), 12)

    def test_a_picture_is_cut_out_to_its_pixels(self):
        picture = self.folder / "screen.png"
        ffmpeg("-f", "lavfi", "-i", "color=c=0x00ff00:size=61x41,format=rgb24", "-vf", "drawbox=x=20:y=10:w=20:h=20:color=0x808080:t=fill", "-frames:v", "1",
               picture)
        out = self.folder / "cut.png"
        done = self.troupe("submit", "matte", "--image", picture, "--background_colour", "#204060", "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((probe(out)["video"]["width"], probe(out)["video"]["height"]), (61, 41))
        pixel = pixels(out)
        for x, y, expected in ((19, 15, (0x20, 0x40, 0x60)), (20, 15, (0x80, 0x80, 0x80)), (39, 29, (0x80, 0x80, 0x80)), (40, 29, (0x20, 0x40, 0x60))):
            self.near(pixel(x, y), expected, 1)

    def test_a_matte_that_trembles_trembles_less_when_it_is_smoothed(self):
        clip = self.folder / "trembling.mp4"
        encode(clip, 64, 64, [bytes((89, 150 if i % 2 else 141, 89)) * 64 * 64 for i in range(10)])  # alpha near 0.5 and near 0.6

        def trembling(is_smoothed):
            matte = self.artifact(self.result("matte", video=clip, alpha=True, apply_smoothing=is_smoothed)["alpha_video"], "trembling-matte.mp4")
            seen = [pixels(matte, 0.1 * i)(32, 32)[0] for i in range(4, 10)]
            return max(seen) - min(seen)

        rough = trembling(False)
        self.assertGreater(rough, 15)
        self.assertLess(trembling(True), 0.6 * rough)

    def test_only_what_the_boxes_hold_stays(self):
        picture = self.folder / "two.png"
        ffmpeg("-f", "lavfi", "-i", "color=c=0xffffff:size=200x100,format=rgb24", "-vf",
               "drawbox=x=20:y=30:w=40:h=40:color=0xc02020:t=fill,drawbox=x=130:y=30:w=40:h=40:color=0x2020c0:t=fill", "-frames:v", "1", picture)
        both = self.result(DETECT, image=picture, id=1)
        boxes = self.folder / "boxes.json"
        boxes.write_bytes(self.artifact(both["detections"]))
        pixel = pixels(self.artifact(self.result(MATTE, image=picture, boxes=boxes)["image"], "one.png"))
        self.near(pixel(150, 50), (0x20, 0x20, 0xc0), 2)
        self.near(pixel(40, 50), (255, 0, 255), 2)
        self.near(pixel(5, 5), (255, 0, 255), 2)
        ended = self.job(MATTE, image=self.screen_picture(), boxes=boxes)
        self.assertIn("the boxes are of 200 x 100 pixels, what is to be matted has 160 x 96", json.dumps(ended["error"]))
        (self.folder / "no-boxes.json").write_text("[1]")
        ended = self.job(MATTE, image=picture, boxes=self.folder / "no-boxes.json")
        self.assertIn("the boxes are no output of model.detect", json.dumps(ended["error"]))

    def screen_picture(self):
        path = self.folder / "frame.png"
        ffmpeg("-i", self.screen, "-frames:v", "1", path)
        return path

    def test_a_background_that_is_none_is_refused_with_the_reason(self):
        text = self.folder / "text.png"
        text.write_text("this is no picture")
        for inputs, why in (({"background_image": text}, "the background"), ({"background_video": self.screen_picture()}, "the background"),
                            ({"background_colour": "green"}, "background_colour"),
                            ({"background_image": self.screen_picture(), "background_video": self.screen}, "one background")):
            ended = self.job("matte", video=self.screen, **inputs)
            self.assertEqual(ended["state"], "failed", inputs)
            self.assertIn(why, json.dumps(ended["error"]))
        done = self.troupe("submit", "matte", "--video", self.screen, "--model", "shapes")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("model 'shapes' is for 'detect'; for 'matte' there are: matte-key", done.stderr)
        done = self.troupe("submit", "matte", "--video", self.screen, "--background_image", self.folder / "not-there.png")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("not-there.png", done.stderr)

    def test_a_message_stands_before_another_background(self):
        picture = self.folder / "me.png"
        ffmpeg("-f", "lavfi", "-i", "color=c=0x00ff00:size=640x360,format=rgb24", "-vf", "drawbox=x=260:y=100:w=120:h=160:color=0xb08070:t=fill", "-frames:v", "1",
               picture)
        out = self.folder / "message.mp4"
        done = self.troupe("submit", "video-message-background", "--image", picture, "--text", "Hello there", "--background_colour", "#002080", "--captions",
                           "false", "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        pixel = pixels(out, 0.2)
        self.near(pixel(640, 360), (0xb0, 0x80, 0x70), 14)
        self.near(pixel(40, 40), (0, 0x20, 0x80), 14)
        self.assertIn("audio", probe(out))
        sound = self.folder / "sound.wav"
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=440", "-t", "0.7", sound)
        plain = self.result("video-message-background", image=picture, audio=sound)
        self.assertAlmostEqual(plain["duration_ms"], 700, delta=40)
        self.near(pixels(self.artifact(plain["video"], "plain.mp4"), 0.2)(40, 40), (0, 255, 0), 14)


class Embed(Media):
    def vectors(self, result):
        return [one["vector"] for one in json.loads(self.artifact(result["embedding"]))["vectors"]]

    def test_the_same_picture_has_the_same_vector_and_a_like_one_is_nearer_than_another(self):
        pictures = {"one": [("circle", 20, 20, 60, RED)], "like": [("circle", 24, 22, 60, RED)], "other": [("square", 50, 10, 40, BLUE)]}
        found = {}
        for name, shapes in pictures.items():
            encode(self.folder / f"{name}.png", 120, 100, [paint(120, 100, shapes)])
            result = self.result(EMBED, image=self.folder / f"{name}.png")
            (found[name],) = self.vectors(result)
            self.assertEqual((result["vectors"], result["dimensions"]), (1, len(found[name])))
            self.assertAlmostEqual(sum(value * value for value in found[name]), 1, places=4)
        (again,) = self.vectors(self.result(EMBED, image=self.folder / "one.png"))
        self.assertEqual(again, found["one"])

        def alike(a, b):
            return sum(x * y for x, y in zip(found[a], found[b]))

        self.assertGreater(alike("one", "like"), alike("one", "other"))
        self.assertGreater(alike("one", "like"), 0.9)

    def test_of_a_video_one_frame_of_each_time_has_a_vector(self):
        clip = self.folder / "clip.mp4"
        encode(clip, 96, 64, [paint(96, 64, [("circle", 10 + i, 10, 30, RED)]) for i in range(25)])
        result = self.result(EMBED, video=clip, every=1000)
        times_of = [one["at_ms"] for one in json.loads(self.artifact(result["embedding"]))["vectors"]]
        self.assertEqual(times_of, [0, 1000, 2000])
        self.assertEqual(self.result(EMBED, video=clip, every=0)["vectors"], 25)


if __name__ == "__main__":
    unittest.main(verbosity=2)
