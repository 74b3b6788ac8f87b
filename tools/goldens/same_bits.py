#!/usr/bin/env python3
"""The specification of bits (ARCHITECTURE.md, "The same bits") a second time, in numpy, from its text.

    python tools/goldens/same_bits.py

Prints the known answers and compares them with the section's; the exit status is 1 if any differs. Takes seconds.
Needs numpy only (tools/requirements.txt). fma and the sums' order are all that matters here, not speed.
"""
import re
import sys
import zlib
from pathlib import Path

import numpy as np

F, D = np.float32, np.float64


def fma(a, b, c):
    """a b + c rounded once: the product is exact in double, and the sum is rounded to odd there, then to f32."""
    a, b, c = np.broadcast_arrays(*(np.asarray(v, F).astype(D) for v in (a, b, c)))
    product = a * b
    s = np.array(product + c)
    part = s - product
    error = (product - (s - part)) + (c - part)
    bits = s.view(np.int64)
    bits += np.where((error != 0) & (bits & 1 == 0), np.where((error > 0) == (s > 0), 1, -1), 0)
    return s.astype(F)


def chain(pairs):
    s = F(0)
    for a, b in pairs:
        s = fma(a, b, s)
    return s


def halves(lanes):
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    return lanes[..., 0]


def cut(n, most, unit=1):
    """[0, n) in the fewest equal pieces of at most `most`, each but the last a multiple of `unit`."""
    count = -(-n // most)
    size = -(-n // count)
    size += -size % unit
    return [range(i, min(i + size, n)) for i in range(0, n, size)]


# --- elementary functions ---

EXP = [F(1) / F(5040), F(1) / F(720), F(1) / F(120), F(1) / F(24), F(1) / F(6), 0.5, 1, 1]
EXP2 = [1.546144485e-04, 1.340042800e-03, 9.618056938e-03, 5.550327152e-02, 2.402265072e-01, 6.931471825e-01, 1]
ERFC = [-1.369437137e-04, -1.984910471e-04, 1.354946504e-03, -2.015499132e-04, -1.368607946e-02, 5.683520370e-02,
        -1.397372954e-01, 2.498903508e-01, -3.478070133e-01, 1.936620971e-01]  # fmt: skip


def horner(x, terms):
    p = F(terms[0])
    for t in terms[1:]:
        p = fma(p, x, t)
    return p


def exp(x):
    x = np.clip(x, F(-87), F(87))
    n = fma(F(1.44269504), x, F(1.5 * 2**23)) - F(1.5 * 2**23)
    return np.ldexp(horner(fma(2.12194440e-4, n, fma(-0.693359375, n, x)), EXP), n.astype(int))


def exp2(x):
    x = np.maximum(x, F(-125.5))
    n = np.rint(x)
    return np.ldexp(horner(x - n, EXP2), n.astype(int))


def silu(x):
    return x / (F(1) + exp(-x))


def quick_gelu(x):
    return x / (F(1) + exp(F(-1.702) * x))


def gelu(x):
    a = np.abs(x)
    t = a * F(0.70710678)
    h = F(0.5) * horner((t - F(2.75)) / (t + F(2.75)), ERFC)
    return fma(-a, exp(-t * t) * h, np.where(x < 0, F(0), x))


# --- products ---


def product(x, w, pieces):
    """x [N,K], w [O,K]"""
    sums = [chain((w[None, :, k], x[:, None, k]) for k in piece) for piece in pieces]
    return sum(sums[1:], sums[0])


def surroundings(x):
    """[H,W,9,I]: what a 3x3 convolution with padding 1 sees."""
    h, w, _ = x.shape
    p = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return np.stack([p[i : i + h, j : j + w] for i in range(3) for j in range(3)], 2)


def conv_direct(x, w, b):
    channels, outputs = x.shape[2], w.shape[0]
    parts = cut(channels, 320)
    taps = cut(9, 320 // channels if len(parts) == 1 else 1)
    pieces = [[t * channels + c for t in some for c in part] for some in taps for part in parts]
    y = product(surroundings(x).reshape(-1, 9 * channels), w.reshape(outputs, -1), pieces)
    return y.reshape(*x.shape[:2], outputs) + b


def conv_few(x, w, b):
    x, w = (v.reshape(*v.shape[:-1], -1, 16) for v in (surroundings(x), w.reshape(len(w), 9, -1)))
    steps = ((x[:, :, None, t, c], w[:, t, c]) for t in range(9) for c in range(x.shape[3]))
    return halves(chain(steps)) + b


# --- Winograd: F(4x4, 3x3), and F(4x4, 2x2) by phases; transforms of the first axis ---

A, B = F(0.625), F(1.5)
A2, B2 = A * A, B * B
D0, DA, DB = 1 / (A2 * B2), 1 / (2 * A2 * (A2 - B2)), 1 / (2 * B2 * (B2 - A2))


def inputs(d):
    even_a, odd_a, even_b, odd_b = fma(-B2, d[2], d[4]), fma(-B2, d[1], d[3]), fma(-A2, d[2], d[4]), fma(-A2, d[1], d[3])
    first, last = (fma(A2 * B2, d[i], fma(-(A2 + B2), d[i + 2], d[i + 4])) for i in (0, 1))
    return np.stack([first, *(fma(p, o, e) for p, o, e in ((A, odd_a, even_a), (-A, odd_a, even_a),
                                                           (B, odd_b, even_b), (-B, odd_b, even_b))), last])  # fmt: skip


def filters(g):
    even_a, even_b = fma(A2, g[2], g[0]), fma(B2, g[2], g[0])
    pairs = ((A, even_a), (-A, even_a), (B, even_b), (-B, even_b))
    return np.stack([g[0], *(fma(p, g[1], e) for p, e in pairs), g[2]])


def outputs(m):
    even_a, odd_a, even_b, odd_b = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return np.stack([fma(DB, even_b, fma(DA, even_a, D0 * m[0])), fma(DB * B, odd_b, (DA * A) * odd_a),
                     fma(DB * B2, even_b, (DA * A2) * even_a),
                     fma(DB * B2 * B, odd_b, fma(DA * A2 * A, odd_a, m[5]))])  # fmt: skip


UA, UB = F(0.375), F(1.25)
UA2, UB2 = UA * UA, UB * UB
UDA, UDB = 1 / (2 * UA * (UA2 - UB2)), 1 / (2 * UB * (UB2 - UA2))


def up_inputs(d):
    pairs = ((p, fma(-q, d[0], d[2]), fma(-q, d[1], d[3])) for p, q in ((UA, UB2), (-UA, UB2), (UB, UA2), (-UB, UA2)))
    return np.stack([*(fma(*v) for v in pairs), fma(UA2 * UB2, d[0], fma(-(UA2 + UB2), d[2], d[4]))])


def up_filters(g, odd):
    first, second = (g[0] + g[1], g[2]) if odd else (g[0], g[2] + g[1])
    return np.stack([*(fma(p, second, first) for p in (UA, -UA, UB, -UB)), second])


def up_outputs(m):
    even_a, odd_a, even_b, odd_b = m[0] + m[1], m[0] - m[1], m[2] + m[3], m[2] - m[3]
    return np.stack([fma(UDB, odd_b, UDA * odd_a), fma(UDB * UB, even_b, (UDA * UA) * even_a),
                     fma(UDB * UB2, odd_b, (UDA * UA2) * odd_a),
                     fma(UDB * UB2 * UB, even_b, fma(UDA * UA2 * UA, even_a, m[4]))])  # fmt: skip


def both(x, columns, rows):
    return np.swapaxes(rows(np.swapaxes(columns(x), 0, 1)), 0, 1)


def tiles(x, u, n, into, out, row, column):
    """Tiles of 4x4 outputs; the first reads n x n pixels from (row, column) on, which may be -1: padding."""
    h, w, channels = x.shape
    p = np.pad(x, ((1, 8), (1, 8), (0, 0)))
    y = np.zeros((h + 3, w + 3, u.shape[-1]), F)
    for i in range(0, h, 4):
        for j in range(0, w, 4):
            v = both(p[i + row + 1 :][:n, j + column + 1 :][:, :n], into, into)
            m = [chain((v[:, :, k, None], u[:, :, k]) for k in range(c, min(c + 64, channels))) for c in range(0, channels, 64)]
            y[i : i + 4, j : j + 4] = both(sum(m[1:], m[0]), out, out)[: h + 3 - i, : w + 3 - j]
    return y[:h, :w]


def winograd(x, w, b, up=False):
    g = np.moveaxis(w, 0, 3)
    h, width = (2 if up else 1) * x.shape[0], (2 if up else 1) * x.shape[1]
    count = -(-h // 4) * -(-width // 4)
    if not up or 4 * (25 * -(-h // 8) * -(-width // 8) + 70) >= 36 * count + 100:
        x = x.repeat(2, 0).repeat(2, 1) if up else x
        return tiles(x, both(g, filters, filters), 6, inputs, outputs, -1, -1) + b
    y = np.zeros((h, width, len(w)), F)
    for i in (0, 1):
        for j in (0, 1):
            u = both(g, lambda v: up_filters(v, i), lambda v: up_filters(v, j))
            y[i::2, j::2] = tiles(x, u, 5, up_inputs, up_outputs, i - 1, j - 1)
    return y + b


# --- norms and attention ---


def layer_norm(x, w, b):
    n, whole = len(x), len(x) // 16 * 16
    lanes = np.zeros(16, F)
    for i in range(0, whole, 16):
        lanes = lanes + x[i : i + 16]
    mean = F(sum(x[whole:].astype(D), halves(lanes.astype(D))) / n)
    s1, s2 = np.zeros((2, 16), F)
    for i in range(0, whole, 16):
        d = x[i : i + 16] - mean
        s1, s2 = s1 + d, fma(d, d, s2)
    tail = x[whole:].astype(D) - D(mean)
    low = sum(tail, halves(s1.astype(D))) / n
    variance = sum(tail * tail, halves(s2.astype(D))) / n - low * low
    return fma(((x - mean) - F(low)) * F(1 / np.sqrt(variance + D(F(1e-5)))), w, b)


def group_norm(x, w, b, groups):
    pixels, channels = x.shape
    width = channels // groups
    n, mean, m2 = 0.0, np.zeros(groups), np.zeros(groups)
    for at in range(0, pixels, 64):
        block = x[at : at + 64]
        m, s1, s2 = np.zeros((3, channels), F)
        for row in block:
            m = m + row
        m = m * (F(1) / F(len(block)))
        for row in block:
            s1, s2 = s1 + (row - m), fma(row - m, row - m, s2)
        count, s1, s2 = D(len(block)), s1.astype(D), s2.astype(D)
        centre = (m + s1 / count).reshape(groups, width)
        of_group, squares = sum(centre.T) / width, 0
        for c in range(width):
            d = centre[:, c] - of_group
            squares = squares + ((s2 - s1 * s1 / count).reshape(groups, width)[:, c] + count * d * d)
        k = count * width
        d = of_group - mean
        m2 = m2 + (squares + d * d * n * k / (n + k))
        mean = mean + d * k / (n + k)
        n += k
    mean, rstd = (v.repeat(width) for v in (mean, 1 / np.sqrt(m2 / n + D(F(1e-5)))))
    high = mean.astype(F)
    return fma((x - high) - (mean - high).astype(F), (rstd * w).astype(F), b)


def attention(q, k, v, causal=False):
    t, d = q.shape
    q = q * (F(1.44269504) / np.sqrt(F(d)))
    y = np.zeros((t, d), F)
    for first in range(0, t, 32):
        some, last = q[first : first + 32], min(first + 32, t)
        most, total, o = np.full(len(some), -3e38, F), np.zeros(len(some), F), np.zeros((len(some), d), F)
        for at in range(0, last if causal else len(k), 128):
            end = min(at + 128, last if causal else len(k))
            scores = product(some, k[at:end], cut(d, 320))
            if causal:
                hidden = np.arange(at, end) > np.arange(first, last)[:, None]
                scores = np.where(hidden, F(-3e38), scores)
            before, most = most, np.maximum(most, scores.max(1))
            shrink, p = exp2(before - most), exp2(scores - most[:, None])
            total = total * shrink
            for j in range(0, end - at, 2):
                total = total + (p[:, j] + p[:, j + 1] if j + 1 < end - at else p[:, j])
            o = o * shrink[:, None] + chain((p[:, j, None], v[None, at + j]) for j in range(end - at))
        y[first:last] = o * (F(1) / total)[:, None]
    return y


# --- the known answers ---


def make(s, *shape):
    i = np.arange(np.prod(shape), dtype=np.uint64)
    h = ((i + 1) * 2654435761 + 40503 * s & 0xFFFFFFFF) >> 8
    return (h.astype(D) * 2.0**-23 - 1).astype(F).reshape(shape)


def crc(y):
    return "%08X" % zlib.crc32(y.astype("<f4").tobytes())


def conv(function, h, w, channels, outs, **rest):
    return crc(function(make(1, h, w, channels), make(2, outs, 3, 3, channels), make(3, outs), **rest))


def answers():
    x = make(1, 1000) * 8
    yield from (("SiLU", crc(silu(x))), ("GELU", crc(gelu(x))), ("quick GELU", crc(quick_gelu(x))))
    y = product(make(1, 1, 700), make(2, 1, 700), cut(700, 320, 2)) + make(3, 1)
    yield "linear", "%08X" % y.view(np.uint32)[0, 0]
    yield "direct", conv(conv_direct, 7, 9, 40, 24)
    yield "direct, 330 channels", conv(conv_direct, 3, 5, 330, 5)
    yield "Winograd", conv(winograd, 7, 9, 40, 24)
    yield "Winograd of an enlarged picture", conv(winograd, 7, 9, 40, 24, up=True)
    yield "Winograd by phases", conv(winograd, 11, 13, 80, 24, up=True)
    yield "few outputs", conv(conv_few, 7, 9, 48, 3)
    for n in (40, 1000):
        yield f"layer norm of {n}", crc(layer_norm(make(1, n), make(2, n), make(3, n)))
    yield "group norm", crc(silu(group_norm(make(1, 100, 24), make(2, 24), make(3, 24), 4)))
    yield "attention", crc(attention(make(1, 3, 40), make(2, 200, 40), make(3, 200, 40)))
    yield "causal attention", crc(attention(make(1, 40, 400), make(2, 40, 400), make(3, 40, 400), causal=True))


def main():
    text = (Path(__file__).resolve().parents[2] / "ARCHITECTURE.md").read_text().split("**Known answers.**")[1]
    want = re.findall(r"\b[0-9A-F]{8}\b", text)
    found = list(answers())
    for i, (what, answer) in enumerate(found):
        print(answer, what, "" if want[i : i + 1] == [answer] else "differs from ARCHITECTURE.md")
    return [answer for _, answer in found] != want


if __name__ == "__main__":
    sys.exit(main())
