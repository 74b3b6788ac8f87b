#!/usr/bin/env python3
"""Makes tests/golden/outpaint.txt by the webui's own functions: colour correction, and what its two outpainting scripts draw.

    python tools/goldens/outpaint.py WEBUI [--check]

WEBUI as in masks.py; of it scripts/poor_mans_outpainting.py, scripts/outpainting_mk_2.py and modules/images.py are imported, and
two functions of modules/processing.py are compiled. Needs Pillow 12 or older, opencv-python-headless 4, scikit-image and
blendmodes 2022 (what the webui pins), too. In place of drawing, the scripts' pictures are inverted.

Lines: "color" two kinds of pictures, a size, and the CRC-32 of the bytes; "table", of L*a*b* of 32768 colours there and back;
"poor" or "mk2" kind, size, window, pixels, blur, directions, then fall-off and colour of mk2's noise; then for each part its size,
the blur's sigmas across and down, and the CRC-32s of picture, mask and mask of the latents; then of the result.
"""
import ast
import importlib.util
import sys
import types
import zlib
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cv2
import numpy as np
import PIL
import skimage.exposure
from blendmodes.blend import BlendType, blendLayers
from PIL import Image, ImageOps
from resize import picture


def crc(data):
    return f"{zlib.crc32(data):08x}"


class Base:
    """What scripts are derived from."""


def blurs(p):
    return (str(p.mask_blur), str(p.mask_blur)) if hasattr(p, "mask_blur") else (str(p.mask_blur_x), str(p.mask_blur_y))


class Drawing:
    """process_images: inverts the pictures, and notes what it was asked for."""

    def __init__(self):
        self.parts = []

    def __call__(self, p):
        for im in p.init_images:
            assert im.size == p.image_mask.size == p.latent_mask.size == (p.width, p.height), (im.size, p.width, p.height)
            self.parts += [f"{p.width}x{p.height}", *blurs(p), crc(im.tobytes()), crc(p.image_mask.convert("L").tobytes()),
                           crc(p.latent_mask.convert("L").tobytes())]
        return SimpleNamespace(images=[ImageOps.invert(im) for im in p.init_images], seed=1, info="")


def load(webui, path, name):
    spec = importlib.util.spec_from_file_location(name, Path(webui) / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stand_in(webui):
    """Modules that the scripts import; the drawing."""
    drawing = Drawing()
    opts = SimpleNamespace(samples_save=False, grid_save=False, return_grid=False, grid_only_if_multiple=True)
    known = {"gradio": {}, "modules.scripts": {"Script": Base}, "modules.devices": {"torch_gc": lambda: None},
             "modules.processing": {"process_images": drawing, "Processed": lambda p, images, *rest: images},
             "modules.shared": {"opts": opts, "cmd_opts": None, "state": SimpleNamespace()}}
    for name in ["modules", "pytz", "piexif", "piexif.helper", "fonts", "fonts.ttf", "modules.sd_samplers", "modules.script_callbacks",
                 "modules.errors", "modules.paths_internal", "modules.stealth_infotext"]:
        sys.modules[name] = MagicMock()
    for name, members in known.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module
        if "." in name:
            setattr(sys.modules["modules"], name.split(".")[1], module)
    images = load(webui, "modules/images.py", "modules.images")
    images.image_grid = lambda pictures: pictures[0]
    sys.modules["modules.images"] = sys.modules["modules"].images = images
    return drawing


def color_functions(webui):
    wanted = ("setup_color_correction", "apply_color_correction")
    tree = ast.parse((Path(webui) / "modules/processing.py").read_text())
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    space = {"cv2": cv2, "np": np, "Image": Image, "exposure": skimage.exposure, "blendLayers": blendLayers, "BlendType": BlendType,
             "logging": MagicMock()}
    exec(compile(tree, "processing.py", "exec"), space)
    return [space[n] for n in wanted]


def cube():
    """32 steps of each channel."""
    v = (np.arange(32) * 255 // 31).astype(np.uint8)
    return np.stack(np.meshgrid(v, v, v, indexing="ij"), axis=-1).reshape(-1, 1, 3)


def lines(webui):
    setup, apply = color_functions(webui)
    rgb = cube()
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    yield "table", crc(lab.tobytes()), crc(cv2.cvtColor(rgb, cv2.COLOR_LAB2RGB).tobytes())
    for kind, like, w, h in [("noise", "smooth", 64, 48), ("smooth", "noise", 40, 56), ("noise", "noise", 9, 7), ("smooth", "smooth", 33, 1)]:
        yield "color", kind, like, w, h, crc(apply(setup(picture(like, w, h)), ImageOps.invert(picture(kind, w, h))).tobytes())
    drawing = stand_in(webui)
    poor = load(webui, "scripts/poor_mans_outpainting.py", "poor").Script()
    mk2 = load(webui, "scripts/outpainting_mk_2.py", "mk2").Script()
    for kind, w, h, window_w, window_h, pixels, blur, directions in [
            ("noise", 64, 64, 128, 64, 32, 4, "right"), ("smooth", 96, 64, 128, 128, 32, 4, "left,down"),
            ("noise", 128, 128, 128, 128, 64, 4, "left,right,up,down"), ("noise", 100, 70, 128, 128, 10, 7, "left,right,up"),
            ("smooth", 128, 192, 128, 128, 16, 2, "up"), ("noise", 256, 256, 128, 128, 64, 4, "right,down")]:
        drawing.parts = []
        p = SimpleNamespace(width=window_w, height=window_h, init_images=[picture(kind, w, h)], seed=1, n_iter=1, batch_size=1)
        made, = poor.run(p, pixels, blur, 0, directions.split(","))
        yield "poor", kind, w, h, window_w, window_h, pixels, blur, directions, *drawing.parts, crc(made.tobytes())
    for kind, w, h, window_w, window_h, pixels, blur, directions, falloff, color in [
            ("noise", 64, 64, 128, 64, 64, 4, "right", 1.0, 0.05), ("smooth", 96, 64, 128, 128, 32, 4, "left,down", 1.0, 0.05),
            ("noise", 128, 128, 128, 128, 64, 8, "left,right,up,down", 1.0, 0.05), ("smooth", 128, 128, 128, 192, 64, 8, "up", 0.5, 0.6),
            ("noise", 100, 70, 128, 128, 14, 3, "left,up", 2.25, 0.0)]:
        drawing.parts = []
        p = SimpleNamespace(width=window_w, height=window_h, init_images=[picture(kind, w, h)], seed=1, n_iter=1, batch_size=1)
        made, = mk2.run(p, None, pixels, blur, directions.split(","), falloff, color)
        yield "mk2", kind, w, h, window_w, window_h, pixels, blur, directions, falloff, color, *drawing.parts, crc(made.tobytes())


def main():
    if int(PIL.__version__.split(".")[0]) > 12:
        sys.exit(f"Pillow {PIL.__version__}: 12 or older is needed")
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    text = "".join(" ".join(map(str, line)) + "\n" for line in lines(sys.argv[1]))
    path = Path(__file__).resolve().parents[2] / "tests/golden/outpaint.txt"
    if "--check" in sys.argv:
        same = path.read_text() == text
        print("outpaint.txt", "agrees" if same else "differs")
        return not same
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
