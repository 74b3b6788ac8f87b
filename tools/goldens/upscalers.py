"""Upscalers: every line of tools/ledger/upscaler_cases.h through spandrel's modules, in float64 and in float32."""
import re

import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN

from . import ops, store
from .precise import reference

CASES = store.ROOT / "tools" / "ledger" / "upscaler_cases.h"
FIELDS = {"RRDBNET": "names H W channels growth blocks ups gather", "COMPACT": "H W channels convs scale"}


def file_name(c, name):
    """What a file of the case's names calls a parameter of spandrel's RRDBNet, whose names are the old ones."""
    if c.names == "OLD":
        return name
    mid = c.names == "MID"
    m = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(.*)", name)
    if m:
        return (f"RRDB_trunk.{m[1]}.RDB{m[2]}." if mid else f"body.{m[1]}.rdb{m[2]}.") + f"conv{m[3]}.{m[4]}"
    stem, _, rest = name.rpartition(".")
    tops = {
        "model.0": "conv_first",
        f"model.1.sub.{c.blocks}": "trunk_conv" if mid else "conv_body",
        f"model.{3 * c.ups + 2}": "HRconv" if mid else "conv_hr",
        f"model.{3 * c.ups + 4}": "conv_last",
    }
    for i in range(1, c.ups + 1):
        tops[f"model.{3 * i}"] = f"upconv{i}" if mid else f"conv_up{i}"
    return f"{tops[stem]}.{rest}"


def run(c):
    """The module's output."""
    if c.kind == "COMPACT":
        m = Compact(num_feat=c.channels, num_conv=c.convs, upscale=c.scale)
        called = lambda name: name
    else:
        shuffle = c.gather if c.gather > 1 else None
        m = ESRGAN(in_nc=3 * c.gather**2, num_filters=c.channels, num_blocks=c.blocks, scale=2**c.ups, shuffle_factor=shuffle)
        called = lambda name: file_name(c, name)
    m = m.eval().to(c.dtype)
    m.load_state_dict({k: c.weight(called(k), *v.shape) for k, v in m.state_dict().items()})
    return m(c.input("x", 1, 3, c.H, c.W) / 6 + 0.5)


def make(args):
    """This group's golden, at most 1024 values a case."""
    sources = ["tools/goldens/" + n + ".py" for n in ("ops", "precise", "upscalers")] + ["tools/ledger/upscaler_cases.h"]
    golden = store.Golden("upscalers", sources, samples=1024)
    for c in ops.parse(CASES, FIELDS):
        out = []
        for c.dtype in (torch.float64, torch.float32):
            with reference(c.dtype):
                out.append(run(c))
        golden.add(c.name, *out)
    return [golden]
