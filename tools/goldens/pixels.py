#!/usr/bin/env python3
"""Makes tests/golden/pixels.txt: PNGs of every colour type and depth, BMPs of every header and depth, GIFs whose first
frame is smaller than the picture, and what Pillow decodes them to, over white.

    python tools/goldens/pixels.py

A line each: name, the file in hex, width, height, RGB in hex. Where Pillow departs from the format, the format counts,
and the line's name begins with "own": grey of 16 bits (Pillow clips it at 255), a transparent colour of 2, 4 or 16 bits
(Pillow compares another depth).
"""
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parents[2] / "tests/golden/pixels.txt"
PASSES = (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack(row, depth):
    bits = "".join(format(int(v), f"0{depth}b") for v in row.ravel())
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def filtered(rows, step):
    """Each row by another filter."""
    out, above = b"", bytes(len(rows[0])) if rows else b""
    for y, row in enumerate(rows):
        kind, line = y % 5, bytearray()
        for i, v in enumerate(row):
            a, b, c = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((v - (0, a, b, (a + b) // 2, near)[kind]) % 256)
        out += bytes([kind]) + bytes(line)
        above = row
    return out


def png(values, colour, depth, interlace, palette, clear):
    h, w, channels = values.shape
    step = max(1, depth * channels // 8)
    data = b""
    for x, y, dx, dy in PASSES if interlace else ((0, 0, 1, 1),):
        part = values[y::dy, x::dx]
        if part.size:
            data += filtered([pack(r, depth) for r in part], step)
    z = zlib.compress(data, 9)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace)) +
            (chunk(b"PLTE", palette) if palette else b"") + (chunk(b"tRNS", clear) if clear else b"") +
            chunk(b"IDAT", z[:7]) + chunk(b"IDAT", z[7:]) + chunk(b"IEND", b""))


def over_white(rgba):
    im = Image.fromarray(rgba.astype(np.uint8), "RGBA")
    white = Image.new("RGBA", im.size, "white")
    white.paste(im, mask=im)
    return np.asarray(white)[..., :3]


def by_the_format(values, depth, key):
    scaled = values >> 8 if depth == 16 else values * (255 // (2 ** depth - 1))
    rgb = np.repeat(scaled, 3, 2) if values.shape[2] == 1 else scaled
    alpha = np.where((values == key).all(2), 0, 255)
    return over_white(np.dstack([rgb, alpha]))


def bmp(rng, w, h, bits, header=40, compression=0, masks=(), colours=0, top=False, data=None):
    if data is None:
        data = rng.bytes((w * bits + 31) // 32 * 4 * h)
    palette = rng.bytes((colours or 1 << bits) * (3 if header == 12 else 4)) if bits <= 8 else b""
    if header == 12:
        head = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, w, -h if top else h, 1, bits, compression, len(data), 0, 0, colours, 0)
        head += bytes(header - 40)
        words = struct.pack(f"<{len(masks)}I", *masks)
        head = head + words if header == 40 else head[:40] + words + head[40 + len(words):]
    at = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + head + palette + data


def bmps(rng):
    for bits in (1, 4, 8, 16, 24, 32):
        yield f"bmp-{bits}bit", bmp(rng, 5, 3, bits)
        if bits in (1, 4, 8, 24):
            yield f"bmp-os2-{bits}bit", bmp(rng, 5, 3, bits, 12)
    yield "bmp-from-the-top", bmp(rng, 5, 3, 24, top=True)
    yield "bmp-short-palette", bmp(rng, 5, 3, 8, colours=100)
    yield "bmp-565", bmp(rng, 5, 3, 16, 40, 3, (0xF800, 0x7E0, 0x1F))
    yield "bmp-masks", bmp(rng, 5, 3, 32, 56, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    yield "bmp-alpha", bmp(rng, 5, 3, 32, 124, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    yield "bmp-rle8", bmp(rng, 5, 3, 8, 40, 1, data=bytes([0, 3, 1, 2, 3, 0, 2, 9, 0, 0, 1, 4, 0, 2, 2, 1, 2, 7, 0, 1]))
    yield "bmp-rle4", bmp(rng, 5, 3, 4, 40, 2, data=bytes([0, 5, 0x12, 0x34, 0x50, 0, 0, 0, 5, 0x67, 0, 0, 3, 0x89, 2, 1, 0, 1]))


def gif(background, clear, interlaced):
    codes, value, n, out = [], 0, 0, b""
    for i, v in enumerate((0, 1, 2, 3, 0, 1, 2, 3, 1)):  # a clear code before every second keeps them at 3 bits
        codes += [4, v] if i % 2 == 0 else [v]
    for c in codes + [5]:
        value, n = value | c << n, n + 3
    out = value.to_bytes((n + 7) // 8, "little")
    return (b"GIF89a" + struct.pack("<HHBBB", 5, 6, 0x81, background, 0) + bytes(range(10, 130, 10)) +
            (b"" if clear is None else b"!\xf9\4\1\0\0" + bytes([clear]) + b"\0") +
            b"," + struct.pack("<HHHHB", 1, 2, 3, 3, 0x40 * interlaced) + bytes([2, len(out)]) + out + b"\0;")


def others(rng):
    yield from bmps(rng)
    for background, clear, interlaced in ((0, None, 0), (2, None, 1), (0, 0, 0), (1, 2, 1), (2, 1, 0)):
        yield f"gif-part-{background}-{clear}-{interlaced}", gif(background, clear, interlaced)


def main():
    rng = np.random.default_rng(1)
    lines = []
    for colour, depths in DEPTHS.items():
        for depth in depths:
            for interlace in (0, 1):
                for clear in (0, 1) if colour in (0, 2, 3) else (0,):
                    w, h = (9, 7) if interlace else (5, 6)
                    values = rng.integers(0, 2 ** depth, (h, w, CHANNELS[colour]))
                    key, palette, trns = values[1, 1], None, None
                    if colour == 3:
                        palette = rng.integers(0, 256, 3 * min(2 ** depth, 20), dtype=np.uint8).tobytes()
                        values %= 24  # some beyond the palette of 8 bits
                    if clear:
                        trns = bytes([0, 128, 255, 7][:2 ** depth]) if colour == 3 else struct.pack(f">{len(key)}H", *key)
                    file = png(values, colour, depth, interlace, palette, trns)
                    own = (colour == 0 and depth == 16) or (clear and colour != 3 and depth in (2, 4, 16))
                    if own:
                        rgb = by_the_format(values, depth, key if clear else -1)
                    else:
                        rgb = over_white(np.asarray(Image.open(io.BytesIO(file)).convert("RGBA")))
                    name = f"{'own-' if own else ''}colour{colour}-{depth}bit{'-adam7' * interlace}{'-clear' * clear}"
                    lines.append(f"{name} {file.hex()} {w} {h} {rgb.tobytes().hex()}\n")
    for name, file in others(rng):
        im = Image.open(io.BytesIO(file))
        rgb = over_white(np.asarray(im.convert("RGBA")))
        lines.append(f"{name} {file.hex()} {im.width} {im.height} {rgb.tobytes().hex()}\n")
    OUT.write_text("".join(lines))


if __name__ == "__main__":
    main()
