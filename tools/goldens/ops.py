"""Op cases: every line of tools/ledger/cases.h through torch, in float64 and in float32.

Inputs and outputs are channels-last, as in cases.h; weights are flat in torch's own order.
"""
import math
import re

import torch
import torch.nn.functional as F

from . import store, values
from .precise import reference, timestep_embedding

CASES = store.ROOT / "tools" / "ledger" / "cases.h"
FIELDS = {
    "LINEAR": "N T K O K2 bias act vector residual xscale xmean",
    "CONV": "N H W I O k stride pad_top pad_left Ho Wo up_h up_w bias act vector residual xscale xmean",
    "GROUP_NORM": "N T C C2 groups eps act xscale xmean",
    "LAYER_NORM": "N T C eps xscale xmean",
    "ATTENTION": "N T S heads d causal xscale",
    "ACTIVATION": "N T C act xscale xmean",
    "GEGLU": "N T C xscale xmean",
    "AFFINE": "N T C scale offset xscale xmean",
    "ADD": "N T C scale",
    "PRELU": "N T C",
    "TIMESTEP": "N C t0 t1 t2 t3 t4",
    "EMBEDDING": "N T C V",
}


class Case:
    """A line of the table: attributes are its fields, methods give generated tensors in the working dtype."""

    def __init__(self, kind, name, fields):
        self.kind, self.name, self.dtype = kind, name, torch.float32
        self.__dict__.update(fields)

    def weight(self, part, *shape):
        return torch.from_numpy(values.weight(f"{self.name}.{part}", shape)).to(self.dtype)

    def input(self, part, *shape, scale=1.0, mean=0.0):
        return torch.from_numpy(values.input(f"{self.name}.{part}", shape, scale, mean)).to(self.dtype)


def number(text):
    """An integer, a float or a word of a case line."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def parse(path, kinds):
    """The cases of an X-macro table: lines that begin KIND(name, field, ...). Names are unique."""
    cases = []
    for line in path.read_text().splitlines():
        m = re.match(r"([A-Z_0-9]+)\(([^)]*)\)", line)
        if m and m[1] in kinds:
            name, *rest = [x.strip() for x in m[2].split(",")]
            fields = kinds[m[1]].split()
            if len(rest) != len(fields):
                raise ValueError(f"{path.name}: {name}: {len(rest)} fields, not {len(fields)}")
            cases.append(Case(m[1], name, dict(zip(fields, map(number, rest)))))
    if len({c.name for c in cases}) != len(cases):
        raise ValueError(f"{path.name}: a name occurs twice")
    return cases


def act(x, name):
    """The activation of that name."""
    if name == "ACT_SILU":
        return F.silu(x)
    if name == "ACT_GELU":
        return F.gelu(x)
    if name == "ACT_QUICK_GELU":
        return x * torch.sigmoid(1.702 * x)
    if name == "ACT_TANH":
        return torch.tanh(x)
    if name == "ACT_LEAKY_RELU":
        return F.leaky_relu(x, float(torch.tensor(0.2, dtype=torch.float32)))
    assert name == "ACT_NONE", name
    return x


def epilogue(c, y):
    """+ vector, activation, + residual, on y [N, ..., O]."""
    if c.vector:
        y = y + c.input("vector", c.N, c.O).reshape(c.N, *[1] * (y.dim() - 2), c.O)
    y = act(y, c.act)
    if c.residual:
        y = y + c.input("residual", *y.shape)
    return y


def linear(c):
    x = c.input("x", c.N, c.T, c.K, scale=c.xscale, mean=c.xmean)
    if c.K2:
        x = torch.cat([x, c.input("x2", c.N, c.T, c.K2, scale=c.xscale, mean=c.xmean)], dim=2)
    y = F.linear(x, c.weight("weight", c.O, c.K + c.K2), c.weight("bias", c.O) if c.bias else None)
    return epilogue(c, y)


def conv(c):
    x = c.input("x", c.N, c.H, c.W, c.I, scale=c.xscale, mean=c.xmean).permute(0, 3, 1, 2).contiguous()
    if c.up_h:
        x = F.interpolate(x, size=(c.up_h, c.up_w), mode="nearest")
    bottom = max(0, (c.Ho - 1) * c.stride + c.k - c.pad_top - x.shape[2])
    right = max(0, (c.Wo - 1) * c.stride + c.k - c.pad_left - x.shape[3])
    x = F.pad(x, (c.pad_left, right, c.pad_top, bottom))
    y = F.conv2d(x, c.weight("weight", c.O, c.I, c.k, c.k), c.weight("bias", c.O) if c.bias else None, c.stride)
    assert y.shape[2:] == (c.Ho, c.Wo), c.name
    return epilogue(c, y.permute(0, 2, 3, 1).contiguous())


def group_norm(c):
    x = c.input("x", c.N, c.T, c.C, scale=c.xscale, mean=c.xmean)
    if c.C2:
        x = torch.cat([x, c.input("x2", c.N, c.T, c.C2, scale=c.xscale, mean=c.xmean)], dim=2)
    n = c.C + c.C2
    x = x.transpose(1, 2).contiguous()
    y = torch.group_norm(x, c.groups, c.weight("weight", n), c.weight("bias", n), c.eps)  # F.group_norm rejects groups of one
    return act(y, c.act).transpose(1, 2)


def layer_norm(c):
    x = c.input("x", c.N, c.T, c.C, scale=c.xscale, mean=c.xmean)
    return F.layer_norm(x, (c.C,), c.weight("weight", c.C), c.weight("bias", c.C), c.eps)


def attention(c):
    def heads(part, n, scale):
        return c.input(part, c.N, n, c.heads * c.d, scale=scale).reshape(c.N, n, c.heads, c.d).transpose(1, 2)

    q, k, v = heads("q", c.T, c.xscale), heads("k", c.S, c.xscale), heads("v", c.S, 1.0)
    s = q @ k.transpose(2, 3) * (1.0 / math.sqrt(c.d))
    if c.causal:
        s = s.masked_fill(torch.ones(c.T, c.S, dtype=torch.bool).triu(1), -math.inf)
    return (s.softmax(dim=3) @ v).transpose(1, 2).reshape(c.N, c.T, c.heads * c.d)


def activation(c):
    return act(c.input("x", c.N, c.T, c.C, scale=c.xscale, mean=c.xmean), c.act)


def geglu(c):
    value, gate = c.input("x", c.N, c.T, 2 * c.C, scale=c.xscale, mean=c.xmean).chunk(2, dim=2)
    return value * F.gelu(gate)


def affine(c):
    def single(v):  # the C interface takes floats
        return torch.tensor(v, dtype=torch.float32).to(c.dtype)

    return c.input("x", c.N, c.T, c.C, scale=c.xscale, mean=c.xmean) * single(c.scale) + single(c.offset)


def add(c):
    x, y = c.input("x", c.N, c.T, c.C), c.input("residual", c.N, c.T, c.C)
    return y + x * torch.tensor(c.scale, dtype=torch.float32).to(c.dtype)


def prelu(c):
    return F.prelu(c.input("x", c.N, c.T, c.C).transpose(1, 2), c.weight("bias", c.C)).transpose(1, 2)


def timestep(c):
    t = torch.tensor([c.t0, c.t1, c.t2, c.t3, c.t4][: c.N], dtype=c.dtype)
    return timestep_embedding(t, c.C)


def embedding(c):
    ids = torch.from_numpy(values.integers(f"{c.name}.ids", (c.N, c.T), c.V))
    return F.embedding(ids, c.weight("embedding.weight", c.V, c.C)) + c.weight("position_embedding.weight", c.T, c.C)


RUN = {
    "LINEAR": linear,
    "CONV": conv,
    "GROUP_NORM": group_norm,
    "LAYER_NORM": layer_norm,
    "ATTENTION": attention,
    "ACTIVATION": activation,
    "GEGLU": geglu,
    "AFFINE": affine,
    "ADD": add,
    "PRELU": prelu,
    "TIMESTEP": timestep,
    "EMBEDDING": embedding,
}


def make(args):
    """This group's golden, at most 1024 values a case to keep the file small."""
    golden = store.Golden("ops", ["tools/goldens/ops.py", "tools/goldens/precise.py", "tools/ledger/cases.h"], samples=1024)
    for c in parse(CASES, FIELDS):
        out = []
        for c.dtype in (torch.float64, torch.float32):
            with reference(c.dtype):
                out.append(RUN[c.kind](c))
        golden.add(c.name, *out)
    return [golden]
