#!/usr/bin/env python3
"""Makes tests/golden/resize.txt from Pillow: checksums of resized pictures, one a line.

    python tools/goldens/resize.py [--check]

Each line: a filter or one of the webui's modes, the picture (noise or smooth), its width and height, the new width and
height, the CRC-32 of the result's RGB bytes, and its first four bytes. tests/image/test_image.c makes the same pictures
from the same formulas. The modes are the webui's: Lanczos; borders from a box of no height or width at the edge,
Pillow's default filter.

Pillow 12 or older (pip install --target DIR "pillow<13", PYTHONPATH=DIR), the webui's, resizes across first and down
second. Pillow 13 chooses the order by the sizes, and pixels differ by one.
"""
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = [(64, 48, 32, 24), (64, 48, 33, 17), (32, 24, 64, 48), (31, 17, 97, 101), (50, 40, 50, 23), (50, 40, 19, 40),
         (50, 40, 50, 40), (1, 1, 8, 8), (200, 3, 7, 64), (3, 200, 64, 7), (257, 129, 64, 64), (640, 480, 512, 512)]
MODES = [(64, 48, 64, 64), (48, 64, 64, 64), (100, 30, 64, 64), (30, 100, 64, 64), (64, 64, 64, 64), (64, 64, 96, 40),
         (64, 64, 40, 96), (101, 77, 61, 63), (77, 101, 63, 61), (640, 360, 512, 512), (2, 30, 64, 64), (30, 2, 64, 64),
         (300, 200, 128, 72), (50, 49, 64, 64)]


def picture(kind, w, h):
    if kind == "noise":
        i = np.arange(w * h * 3, dtype=np.uint64)
        v = (i * 2654435761 + 40503 * w + h) & 0xFFFFFFFF
        v = (v ^ (v >> 15)) * 2246822519 & 0xFFFFFFFF
        a = (v >> 24).astype(np.uint8).reshape(h, w, 3)
    else:
        y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
        a = ((x * 255 // w + y * 90 // h + c * 40) & 255).astype(np.uint8)
    return Image.fromarray(a)


def by_mode(im, mode, w, h):
    if mode == "stretch":
        return im.resize((w, h), Image.LANCZOS)
    crop, wanted, has = mode == "crop", w / h, im.width / im.height
    pw = w if (wanted > has if crop else wanted < has) else im.width * h // im.height
    ph = h if (wanted <= has if crop else wanted >= has) else im.height * w // im.width
    part = im.resize((pw, ph), Image.LANCZOS)
    out = Image.new("RGB", (w, h))
    out.paste(part, (w // 2 - pw // 2, h // 2 - ph // 2))
    if crop or wanted == has:
        return out
    if wanted < has:
        n = h // 2 - ph // 2
        size, boxes, at = (w, n), [(0, 0, w, 0), (0, ph, w, ph)], [(0, 0), (0, n + ph)]
    else:
        n = w // 2 - pw // 2
        size, boxes, at = (n, h), [(0, 0, 0, h), (pw, 0, pw, h)], [(0, 0), (n + pw, 0)]
    for box, corner in zip(boxes, at):
        if n > 0:
            out.paste(part.resize(size, box=box), corner)
    return out


def lines():
    for kind in "noise", "smooth":
        for name, f in FILTERS.items():
            for w, h, nw, nh in SIZES:
                yield name, kind, w, h, nw, nh, picture(kind, w, h).resize((nw, nh), f)
        for name in "stretch", "crop", "fill":
            for w, h, nw, nh in MODES:
                yield name, kind, w, h, nw, nh, by_mode(picture(kind, w, h), name, nw, nh)


def main():
    if int(PIL.__version__.split(".")[0]) > 12:
        sys.exit(f"Pillow {PIL.__version__}: 12 or older is needed")
    text = ""
    for *what, im in lines():
        raw = im.tobytes()
        text += " ".join(map(str, what)) + f" {zlib.crc32(raw):08x} " + " ".join(map(str, raw[:4])) + "\n"
    path = Path(__file__).resolve().parents[2] / "tests/golden/resize.txt"
    if "--check" in sys.argv:
        same = path.read_text() == text
        print("resize.txt", "agrees" if same else "differs")
        return not same
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
