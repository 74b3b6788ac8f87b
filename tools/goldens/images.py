#!/usr/bin/env python3
"""Makes tests/golden/images: small pictures in every format that sdc reads, and what Pillow decodes them to.

    python tools/goldens/images.py

expected.txt has a line for each: file, largest difference allowed (JPEG decoders round differently), width, height and
the RGB bytes in hex, composited over white. No clock and no random numbers.
"""
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "tests/golden/images"
TEXT = "a cät, 猫 \U0001F408\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 24x16"
W, H = 24, 16


def base():
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 10, y * 15, (x + y) * 3 + (x > 11) * 60], 2).astype(np.uint8)


def comment(big=True):
    """An EXIF block whose second directory holds only a UserComment, as piexif writes it."""
    text = b"UNICODE\0" + TEXT.encode("utf-16-be" if big else "utf-16-le")
    o = ">" if big else "<"
    head = (b"MM\0*" if big else b"II*\0") + struct.pack(o + "I", 8)
    first = struct.pack(o + "HHHII", 1, 0x8769, 4, 1, 26) + struct.pack(o + "I", 0)
    second = struct.pack(o + "HHHII", 1, 0x9286, 7, len(text), 44) + struct.pack(o + "I", 0)
    return b"Exif\0\0" + head + first + second + text


def turned(n):
    return b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, n, 0)


def png(name, ihdr, rows, *extra):
    """A PNG of a kind that Pillow does not write: bit depths, Adam7."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    chunks = [chunk(b"IHDR", ihdr), *(chunk(*c) for c in extra), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")]
    (OUT / name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def make():
    OUT.mkdir(exist_ok=True)
    rgb = base()
    im = Image.fromarray(rgb)
    alpha = np.dstack([rgb, (np.mgrid[0:H, 0:W][1] * 11).astype(np.uint8)])
    im.save(OUT / "rgb.png", optimize=True)
    Image.fromarray(alpha).save(OUT / "rgba.png", optimize=True)
    im.convert("L").save(OUT / "grey.png", optimize=True)
    Image.fromarray(alpha).convert("LA").save(OUT / "grey_alpha.png", optimize=True)
    im.quantize(13).save(OUT / "palette.png", optimize=True)
    im.convert("1").save(OUT / "bits.png", optimize=True)
    im.quantize(4).save(OUT / "transparent.png", optimize=True, transparency=bytes([0, 128, 255, 60]))
    wide = rgb.astype(">u2") * 257 ^ 0x55  # low bytes that differ from the high ones
    png("rgb16.png", struct.pack(">IIBBBBB", W, H, 16, 2, 0, 0, 0), b"".join(b"\0" + r.tobytes() for r in wide.astype(">u2")))
    seven = b""
    for x0, y0, dx, dy in (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2):
        seven += b"".join(b"\0" + r.tobytes() for r in rgb[y0::dy, x0::dx])
    png("adam7.png", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 1), seven)
    png("turned.png", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 0), b"".join(b"\0" + r.tobytes() for r in rgb),
        (b"eXIf", turned(6)[6:]))
    im.save(OUT / "rgb.jpg", quality=90, subsampling=0, exif=comment())
    im.save(OUT / "420.jpg", quality=90)
    im.save(OUT / "progressive.jpg", quality=90, progressive=True)
    im.convert("L").save(OUT / "grey.jpg", quality=90)
    im.convert("CMYK").save(OUT / "cmyk.jpg", quality=95)
    for n in range(1, 9):
        im.save(OUT / f"turned{n}.jpg", quality=90, subsampling=0, exif=turned(n))
    im.save(OUT / "comment.webp", quality=10, exif=comment(False)[6:])
    im.save(OUT / "rgb.bmp")
    im.convert("L").save(OUT / "grey.bmp")
    im.quantize(16).save(OUT / "frames.gif", save_all=True, append_images=[im.rotate(180).quantize(16)])


def seen(path):
    from PIL import ImageOps
    im = ImageOps.exif_transpose(Image.open(path))
    if im.mode in ("LA", "RGBA") or "transparency" in im.info:
        im = im.convert("RGBA")
        white = Image.new("RGBA", im.size, "white")
        white.paste(im, mask=im)
        im = white
    return im.convert("RGB")


def main():
    make()
    lines = []
    for path in sorted(OUT.iterdir()):
        if path.suffix in (".txt", ".webp"):
            continue
        im = seen(path)
        bound = 0 if path.suffix != ".jpg" else 24 if path.stem in ("420", "progressive") else 4
        raw, n = im.tobytes(), im.width * im.height
        samples = b"".join(raw[i * 29 % n * 3:][:3] for i in range(16))
        lines.append(f"{path.name} {bound} {im.width} {im.height} {zlib.crc32(raw):08x} {samples.hex()}\n")
        if path.name.startswith("turned") and path.suffix == ".jpg" and path.name != "turned1.jpg":
            path.unlink()
    (OUT / "expected.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
