"""Generated values: weights and inputs that need no file, as C and Python make the same bits from a name.

Element j (flat index, C order) of the tensor called `name`:

    x  = (crc32(name) + j * 0x9E3779B1) mod 2^32              crc32: zlib's, of the UTF-8 name
    x ^= x >> 16;  x *= 0x85EBCA6B;  x ^= x >> 13;  x *= 0xC2B2AE35;  x ^= x >> 16        (mod 2^32)
    r  = x * 2^-31 - 1                                        double, exact, in [-1, 1)

Weights (`weight`), all in double, rounded once to float32, no fused multiply-add:

    2 or more dimensions:  r * 0.05 when the name contains "embedding", else r * sqrt(3.0 / (n / shape[0]))
    1 dimension:           0.1 * r when the name ends in "bias", else 1.0 + 0.1 * r

A weight's j counts in torch's order of the checkpoint ([O,I,kh,kw] for a convolution), whatever the order in memory.

Inputs (`input`), each with a name; rounded from double, then twice in float32, no fused multiply-add:

    a = (float)(r * sqrt(3.0));   a = a * (float)scale;   a = a + (float)mean

Integers below `count` (`integers`): floor(x * count / 2^32) in 64-bit integers, x the mixed value above.
"""
import zlib

import numpy as np

_CHUNK = 1 << 22  # elements at a time, to bound temporary arrays


def mix(x):
    """The finaliser of MurmurHash3 on an array of uint32."""
    x = x.astype(np.uint32, copy=True)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def mixed(name, begin, end):
    """x of elements begin..end-1 of the tensor `name`, uint32."""
    j = np.arange(begin, end, dtype=np.uint64)
    start = np.uint64(zlib.crc32(name.encode("utf-8")))
    return mix(((start + j * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)).astype(np.uint32))


def uniform(name, begin, end):
    """r of elements begin..end-1, float64 in [-1, 1)."""
    return mixed(name, begin, end) * 2.0**-31 - 1.0


def _fill(name, shape, rule):
    """The float32 array of `shape` with elements rule(r), made in chunks."""
    n = int(np.prod(shape, dtype=np.int64))
    out = np.empty(n, np.float32)
    for begin in range(0, n, _CHUNK):
        end = min(n, begin + _CHUNK)
        out[begin:end] = rule(uniform(name, begin, end))
    return out.reshape(shape)


def weight(name, shape):
    """The generated weight with that full name and shape, float32."""
    n = int(np.prod(shape, dtype=np.int64))
    if len(shape) >= 2:
        scale = 0.05 if "embedding" in name else np.sqrt(3.0 / (n // shape[0]))
        return _fill(name, shape, lambda r: r * scale)
    if name.endswith("bias"):
        return _fill(name, shape, lambda r: 0.1 * r)
    return _fill(name, shape, lambda r: 1.0 + 0.1 * r)


def input(name, shape, scale=1.0, mean=0.0):
    """The generated input of that name: nearly uniform, variance scale^2, mean `mean`; float32."""
    a = _fill(name, shape, lambda r: r * np.sqrt(3.0))
    return a * np.float32(scale) + np.float32(mean)


def integers(name, shape, count):
    """Generated integers in [0, count), int64."""
    n = int(np.prod(shape, dtype=np.int64))
    x = mixed(name, 0, n).astype(np.uint64)
    return ((x * np.uint64(count)) >> np.uint64(32)).astype(np.int64).reshape(shape)


def sample_indices(n, samples):
    """Flat indices of the `samples` stored elements of a tensor of n: floor(mix(k * 0x9E3779B1) * n / 2^32)."""
    k = np.arange(samples, dtype=np.uint64)
    x = mix(((k * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)).astype(object)
    return np.array([int(v) * n >> 32 for v in x], dtype=np.int64)
