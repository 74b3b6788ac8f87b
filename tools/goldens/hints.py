#!/usr/bin/env python3
"""Makes tests/golden/hints.txt: what OpenCV makes of pictures: cv2.Canny, and the lightness of the webui's recolouring.

    python tools/goldens/hints.py      (opencv-python-headless)

A line each: kind, width, height, block, two numbers, the CRC-32 of the result's bytes, one for each pixel. Kinds: "canny"
(|dx| + |dy|) and "canny2" (length) with low and high thresholds; "luminance" with gamma and 0. Channel c of pixel x, y of a
picture is (m(3 (y // block * w + x // block) + c) >> 24) + (m(3 (y w + x) + c) & 15), 255 at most; m of values.py, called
"hint" + the line's number from 0.
"""
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from goldens import values  # noqa: E402

OUT = Path(__file__).resolve().parents[2] / "tests/golden/hints.txt"
CASES = [
    *[("canny", w, h, b, low, high) for w, h, b, low, high in (
        (64, 48, 8, 100, 200), (33, 57, 5, 50, 150), (100, 3, 4, 100, 200), (1, 40, 3, 20, 40), (40, 1, 3, 20, 40),
        (128, 96, 1, 300, 500), (90, 70, 12, 200, 100), (61, 61, 7, 30.5, 30.5), (300, 200, 16, 100, 200), (16, 16, 2, 1, 255))],
    ("canny2", 64, 48, 8, 100, 200), ("canny2", 90, 70, 3, 60, 400),
    ("luminance", 64, 64, 1, 1, 0), ("luminance", 40, 50, 3, 0.6, 0), ("luminance", 40, 50, 3, 1.7, 0),
]


def picture(i, w, h, block):
    m = values.mixed(f"hint{i}", 0, 3 * w * h).astype(np.int64)
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    v = (m[3 * (y // block * w + x // block) + c] >> 24) + (m[3 * (y * w + x) + c] & 15)
    return np.minimum(v, 255).astype(np.uint8)


def make(kind, rgb, a, b):
    if kind != "luminance":
        return cv2.Canny(rgb, a, b, L2gradient=kind == "canny2")
    light = cv2.cvtColor(rgb, cv2.COLOR_BGR2LAB)[:, :, 0].astype(np.float32) / 255.0
    return (light**a * 255.0).clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    lines = []
    for i, (kind, w, h, block, a, b) in enumerate(CASES):
        out = make(kind, picture(i, w, h, block), a, b)
        lines.append(f"{kind} {w} {h} {block} {a:g} {b:g} {zlib.crc32(out.tobytes()):08X}\n")
        print(lines[-1].strip(), float((out > 0).mean()))
    OUT.write_text("".join(lines))
