#!/usr/bin/env python3
"""Makes tests/golden/masks.txt by the webui's own functions: boxes, blurred and resized masks, fills and overlays.

    python tools/goldens/masks.py WEBUI [--check]

WEBUI is a checkout of AUTOMATIC1111/stable-diffusion-webui (1.9 or later) or of a fork with the same modules/masking.py
and modules/images.py, which are imported from there; what they import and is not installed is replaced by nothing.
Needs Pillow 12 or older (see resize.py), numpy and opencv-python-headless 4.

Each line: what, the kind of mask, its size, numbers, and the answer: a box, or the CRC-32 of the bytes.
tests/image/test_mask.c makes the same masks and pictures from the same formulas.
"""
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import zlib
from pathlib import Path
from unittest.mock import MagicMock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cv2
import numpy as np
import PIL
from PIL import Image, ImageOps
from resize import picture


class Nothing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Whatever is not installed can be imported, and is of no use."""

    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def load(webui, name):
    spec = importlib.util.spec_from_file_location("webui_" + name, Path(webui) / "modules" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mask(kind, w, h):
    y, x = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    if kind == "disc":
        a = (2 * x - w) ** 2 + (2 * y - h) ** 2 < (min(w, h) // 2) ** 2
    elif kind == "corner":
        a = (x < w // 3) & (y < h // 4)
    elif kind == "bar":
        a = (x >= w - 3) & (y >= h // 2)
    elif kind == "white":
        a = x >= 0
    else:  # grey
        return Image.fromarray(((x * 7 + y * 13) & 255).astype(np.uint8))
    return Image.fromarray((a * 255).astype(np.uint8))


def blurred(m, x, y):
    a = np.array(m)
    if x > 0:
        a = cv2.GaussianBlur(a, (2 * int(2.5 * x + 0.5) + 1, 1), x)
    if y > 0:
        a = cv2.GaussianBlur(a, (1, 2 * int(2.5 * y + 0.5) + 1), y)
    return Image.fromarray(a)


def overlaid(im, kept, m):
    over = Image.new("RGBa", kept.size)
    over.paste(kept.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(m.convert("L")))
    im = im.convert("RGBA")
    im.alpha_composite(over.convert("RGBA"))
    return im.convert("RGB")


def lines(masking, images):
    for kind, w, h, x, y in [("disc", 64, 48, 4, 4), ("disc", 61, 47, 4, 0), ("grey", 33, 57, 0, 9), ("corner", 64, 64, 1, 2),
                             ("bar", 40, 24, 16, 16), ("grey", 5, 3, 4, 4), ("disc", 128, 96, 64, 33), ("white", 17, 9, 3, 3),
                             ("grey", 1, 40, 4, 4)]:
        yield "blur", kind, w, h, x, y, blurred(mask(kind, w, h), x, y).tobytes()
    for kind, w, h, padding, to_w, to_h in [("disc", 64, 48, 0, 64, 64), ("disc", 61, 47, 32, 64, 40), ("corner", 100, 80, 5, 512, 512),
                                            ("corner", 80, 100, 12, 128, 512), ("bar", 97, 33, 3, 64, 96), ("bar", 40, 90, 0, 96, 64),
                                            ("white", 31, 17, 8, 64, 64), ("disc", 300, 20, 4, 64, 64)]:
        m = mask(kind, w, h)
        box = masking.get_crop_region_v2(m, padding)
        yield "box", kind, w, h, padding, to_w, to_h, (*box, *masking.expand_crop_region(box, to_w, to_h, w, h))
    for kind, w, h, to_w, to_h, mode in [("disc", 64, 48, 64, 64, 0), ("grey", 31, 57, 40, 40, 1), ("corner", 50, 23, 64, 40, 2),
                                         ("disc", 40, 64, 96, 64, 2), ("grey", 24, 24, 8, 16, 0)]:
        m = images.resize_image(mode, blurred(mask(kind, w, h), 4, 4), to_w, to_h).convert("L")
        yield "resize", kind, w, h, to_w, to_h, mode, m.tobytes()
    for kind, w, h, to_w, to_h, rounded in [("disc", 64, 48, 8, 6, 1), ("disc", 64, 64, 8, 8, 0), ("grey", 56, 72, 7, 9, 0), ("grey", 56, 72, 7, 9, 1)]:
        m = np.array(blurred(mask(kind, w, h), 4, 4).convert("RGB").resize((to_w, to_h)), dtype=np.float32)[:, :, 0] / 255
        yield "latents", kind, w, h, to_w, to_h, rounded, (np.around(m) if rounded else m).astype("<f4").tobytes()
    for kind, w, h in [("disc", 64, 48), ("corner", 61, 83), ("bar", 40, 24), ("white", 16, 16), ("grey", 48, 40)]:
        for what in "noise", "smooth":
            yield "fill-" + what, kind, w, h, masking.fill(picture(what, w, h), blurred(mask(kind, w, h), 2, 2)).tobytes()
    for kind, w, h in [("disc", 64, 48), ("grey", 48, 40)]:
        yield "overlay", kind, w, h, overlaid(picture("smooth", w, h), picture("noise", w, h), blurred(mask(kind, w, h), 4, 4)).tobytes()


def main():
    if int(PIL.__version__.split(".")[0]) > 12:
        sys.exit(f"Pillow {PIL.__version__}: 12 or older is needed")
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.meta_path.append(Nothing())
    masking, images = load(sys.argv[1], "masking"), load(sys.argv[1], "images")
    images.opts.upscaler_for_img2img = None
    images.LANCZOS = Image.LANCZOS
    text = ""
    for *what, answer in lines(masking, images):
        shown = f"{zlib.crc32(answer):08x}" if isinstance(answer, bytes) else " ".join(map(str, answer))
        text += " ".join(map(str, what)) + " " + shown + "\n"
    path = Path(__file__).resolve().parents[2] / "tests/golden/masks.txt"
    if "--check" in sys.argv:
        same = path.read_text() == text
        print("masks.txt", "agrees" if same else "differs")
        return not same
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
