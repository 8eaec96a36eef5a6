"""Pictures before and after each model that comes with Troupe, with what is known of them: gpu.py, check A7."""
import json
import pathlib
import re
import subprocess

from framework import ROOT, sh

WIDTH, HEIGHT = 640, 360
GROUND, RED, BLUE, GREEN = (225, 225, 215), (200, 30, 30), (30, 60, 200), (30, 150, 60)
SHAPES = [("circle", 60, 60, 140, RED), ("square", 300, 40, 100, BLUE), ("triangle", 420, 180, 150, GREEN), ("circle", 240, 250, 60, BLUE)]


class Studio:
    """Makes pictures of pictures, in a folder, by a node's jobs and by FFmpeg."""

    def __init__(self, node, folder):
        self.node, self.folder = node, pathlib.Path(folder)
        sh("python3", ROOT / "scripts/paint.py", self.folder / "painted.png")

    def filtered(self, source, name, filters):
        """What FFmpeg's filters make of a picture."""
        path = self.folder / name
        sh("ffmpeg", "-v", "error", "-y", "-i", source, "-vf", filters, "-frames:v", "1", path)
        return path

    def run(self, kind, picture, name=None, outputs=("image",), **params):
        """One stage's outputs; the picture that it made lies in the folder afterwards."""
        job = {"name": "shown", "inputs": {"image": {"type": "image", "required": True}},
               "stages": {"only": {"kind": kind, "params": {"image": "${inputs.image}", **params}}},
               "result": {each: "${stages.only.%s}" % each for each in outputs}}
        given = {"image": {"artifact": self.node.http.put(picture.read_bytes(), "image/png")}}
        ended = self.node.http.wait_final(self.node.http.submit(job, given)["id"])
        if ended["state"] != "succeeded":
            raise AssertionError(f"{kind}: {ended['error']}")
        if name:
            (self.folder / name).write_bytes(self.artifact(ended["result"]["image"]))
        return ended["result"]

    def artifact(self, reference):
        return self.node.http.request("GET", f"/v1/artifacts/{reference['artifact']}")[2]

    def painted(self, name, colour_at):
        """A picture whose pixels a function knows; at edges means of four."""
        rows = bytearray(f"P6\n{2 * WIDTH} {2 * HEIGHT}\n255\n".encode())
        for y in range(2 * HEIGHT):
            for x in range(2 * WIDTH):
                rows += bytes(colour_at((x + 0.5) / 2, (y + 0.5) / 2))
        source = self.folder / f"{name}.ppm"
        source.write_bytes(rows)
        made = self.filtered(source, f"{name}.png", f"scale={WIDTH}:{HEIGHT}:flags=area")
        source.unlink()
        return made


def psnr(one, other):
    """Of two pictures in dB, over all colours; higher is more alike."""
    done = sh("ffmpeg", "-v", "info", "-i", one, "-i", other, "-lavfi", "[0]format=gbrp[a];[1]format=gbrp[b];[a][b]psnr", "-f", "null", "-")
    return float(re.search(r"average:([\d.]+)", done.stderr)[1])


def pixels(path):
    """(x, y) -> red, green, blue."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return lambda x, y: tuple(raw[3 * (y * WIDTH + x):][:3])


def shapes_at(x, y):
    for kind, left, top, side, colour in SHAPES:
        across, down = (x - left) / side, (y - top) / side
        is_inside = 0 <= across < 1 and 0 <= down < 1
        if is_inside and (kind == "square" or (kind == "circle" and (across - 0.5) ** 2 + (down - 0.5) ** 2 <= 0.25)
                          or (kind == "triangle" and abs(across - 0.5) <= down / 2)):
            return colour
    return GROUND


def screen_at(x, y):
    """Somebody before a green screen: a head over shoulders, unevenly lit cloth."""
    light = 0.85 + 0.15 * (x / WIDTH)
    if (x - 320) ** 2 + (y - 130) ** 2 <= 70 ** 2:
        return (224, 172, 140)
    if y > 210 and (x - 320) ** 2 / 150 ** 2 + (y - 380) ** 2 / 170 ** 2 <= 1:
        return (40, 50, 110)
    return (round(20 * light), round(200 * light), round(40 * light))


def look_at_pictures(studio, check):
    """upscale-x2, denoise and sharpen: nearer to what the picture was before it was made worse."""
    truth = studio.filtered(studio.folder / "painted.png", "truth.png", f"scale={WIDTH}:{HEIGHT}:flags=area")
    small = studio.filtered(truth, "upscale-x2-before.png", f"scale={WIDTH // 2}:{HEIGHT // 2}:flags=area")
    plain = studio.filtered(small, "upscale-x2-plain.png", f"scale={WIDTH}:{HEIGHT}:flags=bilinear")
    studio.run("model.upscale", small, "upscale-x2-after.png", model="upscale-x2")
    gain = psnr(studio.folder / "upscale-x2-after.png", truth) - psnr(plain, truth)
    check.at_least("upscale-x2: nearer to the original than a bilinear enlargement by", gain, 0.3, "dB")

    noisy = studio.filtered(truth, "denoise-before.png", "format=gbrp,noise=alls=10:allf=u:all_seed=7")
    studio.run("model.filter", noisy, "denoise-after.png", model="denoise")
    gain = psnr(studio.folder / "denoise-after.png", truth) - psnr(noisy, truth)
    check.at_least("denoise: nearer to the original than the noisy picture by", gain, 3, "dB")

    soft = studio.filtered(truth, "sharpen-before.png", "format=gbrp,gblur=sigma=0.7")
    studio.run("model.filter", soft, "sharpen-after.png", model="sharpen")
    gain = psnr(studio.folder / "sharpen-after.png", truth) - psnr(soft, truth)
    check.at_least("sharpen: nearer to the original than the soft picture by", gain, 0.5, "dB")


def look_at_matte(studio, check):
    screen = studio.painted("matte-key-before", screen_at)
    made = studio.run("model.matte", screen, "matte-key-after.png", ("image", "alpha_image"), model="matte-key", alpha=True, background_colour="#909090")
    (studio.folder / "matte-key-alpha.png").write_bytes(studio.artifact(made["alpha_image"]))
    alpha, after = pixels(studio.folder / "matte-key-alpha.png"), pixels(studio.folder / "matte-key-after.png")
    inside, outside = [(320, 130), (320, 70), (280, 160), (320, 300), (220, 340)], [(5, 5), (635, 5), (100, 200), (600, 350), (420, 130)]
    check.at_least("matte-key: least alpha inside of the person", min(alpha(*at)[0] for at in inside), 254)
    check.at_most("matte-key: most alpha on the screen", max(alpha(*at)[0] for at in outside), 1)
    check.at_most("matte-key: difference of the background from its colour", max(abs(a - b) for at in outside for a, b in zip(after(*at), (0x90, 0x90, 0x90))), 2)
    greenest = max(g - max(r, b) for x in range(WIDTH) for y in range(HEIGHT) for r, g, b in [after(x, y)])
    check.at_most("matte-key: most green above red and blue, edges included, before a grey", greenest, 2)
    partly = sum(0 < alpha(x, y)[0] < 255 for x in range(WIDTH) for y in range(HEIGHT))
    check.at_least("matte-key: pixels at edges that are partly foreground", partly, 100)


def look_at_shapes(studio, check):
    before = studio.painted("shapes-before", shapes_at)
    made = studio.run("model.detect", before, "shapes-after.png", ("image", "detections"), model="shapes", draw=True)
    (frame,) = json.loads(studio.artifact(made["detections"]))["frames"]
    expected = sorted((kind, left, top, side) for kind, left, top, side, _ in SHAPES)
    found = sorted((box["class"], box["x"], box["y"], box["width"], box["height"]) for box in frame["boxes"])
    check.equal("shapes: classes", [one[0] for one in found], [one[0] for one in expected])
    if len(found) == len(expected):
        off = max(abs(value - wanted) for (_, *where), (_, left, top, side) in zip(found, expected) for value, wanted in zip(where, (left, top, side, side)))
        check.at_most("shapes: an edge is off by", off, 4, "pixels")


def look_at_embeddings(studio, check):
    painted, noisy, shapes = (studio.folder / name for name in ("truth.png", "denoise-before.png", "shapes-before.png"))

    def vector(picture):
        made = studio.run("model.embed", picture, None, ("embedding",), model="embed-look")
        return json.loads(studio.artifact(made["embedding"]))["vectors"][0]["vector"]

    one, like, other = vector(painted), vector(noisy), vector(shapes)
    check.at_least("embed-look: likeness of a picture and the same with noise", sum(a * b for a, b in zip(one, like)), 0.95)
    check.at_most("embed-look: likeness of it and another one", sum(a * b for a, b in zip(one, other)), 0.6)
