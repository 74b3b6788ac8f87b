"""Golden files: what a case's output should be, and how far torch's own float32 is from it.

A golden is a safetensors file. Every tensor is F32 and 1-D. A tensor of n elements is stored whole if n is at most the
file's cap (metadata "samples", by default 4096; a tensor may have its own), else sampled: stored element k has the flat
index floor(mix(k * 0x9E3779B1 mod 2^32) * n / 2^32), see values.py. So a stored count of n means whole, fewer means
sampled. Values are computed in float64 and rounded to float32.

__metadata__ has one entry a tensor, under the tensor's name:

    shape=2,4,8,8 rms=... e32rms=... e32max=...

rms is of the float64 result, e32rms = rms(float32 run - float64 run) / rms and e32max = max |float32 run - float64
run| / rms, each over ALL elements; both are 0 if rms is 0. The other entries: order (tensor names in order of
computation, one a line), samples, generator, generator_sha256 (of the source files that made it), versions, and for a
whole pipeline the job. NAME.sha256, if present, is of all of NAME's bytes.
"""
import hashlib
import json
import os
import platform
import struct
from pathlib import Path

import numpy as np

from . import values

SAMPLES = 4096
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "golden"
FLOOR = 1e-7  # float32 rounding of the stored value itself is 3e-8


def versions():
    """Versions of everything that computes, on one line."""
    import diffusers
    import torch
    import transformers

    return (
        f"torch={torch.__version__.split('+')[0]} diffusers={diffusers.__version__} "
        f"transformers={transformers.__version__} python={platform.python_version()}"
    )


def generator_sha256(files):
    """One hash over the given files of this tool (paths relative to the repository), in order."""
    h = hashlib.sha256()
    for name in files:
        h.update((ROOT / name).read_bytes())
    return h.hexdigest()


def _array(x):
    """A tensor or array as a contiguous numpy array."""
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    return np.ascontiguousarray(x)


class Golden:
    """One golden file being made."""

    def __init__(self, name, sources, samples=SAMPLES, meta=None):
        self.name = name
        self.samples = samples
        self.tensors = {}  # name -> stored float32 values
        self.entries = {}  # name -> metadata line
        self.meta = {
            "generator": "tools/goldens",
            "generator_sha256": generator_sha256(["tools/goldens/values.py", *sources]),
            "versions": versions(),
            "samples": str(samples),
            **(meta or {}),
        }

    def add(self, name, f64, f32, samples=None, keep=None):
        """Stores the float64 result `f64` and the error of the float32 result `f32` against it.

        `keep`: flat indices of the elements to store, in place of the sampling rule.
        """
        if name in self.tensors:
            raise ValueError(f"{self.name}: {name} twice")
        exact, single = _array(f64), _array(f32)
        if exact.shape != single.shape:
            raise ValueError(f"{self.name}: {name}: shapes {exact.shape} and {single.shape}")
        a, b = exact.astype(np.float64).ravel(), single.astype(np.float64).ravel()
        if not np.isfinite(a).all() or not np.isfinite(b).all():
            raise ValueError(f"{self.name}: {name}: not finite")
        rms = float(np.sqrt(np.mean(a * a)))
        d = np.abs(b - a)
        e32rms = float(np.sqrt(np.mean(d * d))) / rms if rms else 0.0
        e32max = float(d.max()) / rms if rms else 0.0
        cap = self.samples if samples is None else samples
        if keep is None:
            keep = slice(None) if a.size <= cap else values.sample_indices(a.size, cap)
        self.tensors[name] = a[keep].astype(np.float32)
        shape = ",".join(map(str, exact.shape))
        self.entries[name] = f"shape={shape} rms={rms:.9g} e32rms={e32rms:.4g} e32max={e32max:.4g}"

    def metadata(self):
        """The contents of __metadata__."""
        return {**self.meta, "order": "\n".join(self.tensors), **self.entries}

    def write(self):
        """Writes tests/golden/NAME.safetensors, the same bytes for the same content."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{self.name}.safetensors"
        header, offset = {"__metadata__": self.metadata()}, 0
        for name, x in self.tensors.items():
            header[name] = {"dtype": "F32", "shape": [x.size], "data_offsets": [offset, offset + 4 * x.size]}
            offset += 4 * x.size
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        text += b" " * (-(8 + len(text)) % 64)
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for x in self.tensors.values():
                f.write(x.astype("<f4").tobytes())
        os.replace(temporary, path)
        e = [self.error(n) for n in self.tensors]
        print(
            f"{path.relative_to(ROOT)}: {len(self.tensors)} tensors, {path.stat().st_size} bytes, "
            f"e32rms {min(x[0] for x in e):.2g}..{max(x[0] for x in e):.2g}, e32max up to {max(x[1] for x in e):.2g}"
        )

    def error(self, name):
        """(e32rms, e32max) of a tensor."""
        fields = dict(p.split("=", 1) for p in self.entries[name].split())
        return float(fields["e32rms"]), float(fields["e32max"])

    def check(self):
        """Compares with the file in the repository; prints differences, returns whether there are none."""
        path = FOLDER / f"{self.name}.safetensors"
        if not path.exists():
            print(f"{path.relative_to(ROOT)}: missing")
            return False
        old, meta = read(path)
        bad = [f"{n} is not in the file" for n in self.tensors if n not in old]
        bad += [f"{n} is only in the file" for n in old if n not in self.tensors]
        worst = 0.0
        for name, x in self.tensors.items():
            if name not in old:
                continue
            fields = dict(p.split("=", 1) for p in meta[name].split())
            mine = dict(p.split("=", 1) for p in self.entries[name].split())
            y = old[name]
            if fields["shape"] != mine["shape"] or x.shape != y.shape:
                bad.append(f"{name}: shape {fields['shape']}, now {mine['shape']}")
                continue
            rms = float(fields["rms"]) or 1.0
            d = np.abs(x.astype(np.float64) - y.astype(np.float64)) / rms
            ratio = max(
                float(np.sqrt(np.mean(d * d))) / max(float(fields["e32rms"]), FLOOR),
                float(d.max()) / max(float(fields["e32max"]), FLOOR),
            )
            worst = max(worst, ratio)
            if not ratio <= 1.0:
                bad.append(f"{name}: differs by {ratio:.3g} x its e32")
        for key in meta:
            if key.endswith(".sha256") and meta[key] != self.meta.get(key):
                bad.append(f"{key}: other bytes")
        print(f"{path.relative_to(ROOT)}: " + ("agrees" if not bad else "DIFFERS") + f", worst {worst:.3g} x e32")
        for line in bad[:20]:
            print(f"  {line}")
        return not bad


def read(path):
    """(tensors, metadata) of a golden file."""
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    meta = header.pop("__metadata__", {})
    body = data[8 + size :]
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = np.frombuffer(body[begin:end], "<f4")
    return tensors, meta
