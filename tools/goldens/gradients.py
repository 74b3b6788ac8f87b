"""Gradients of the op cases by torch's autograd: of the sum of y * "NAME.dy" (an input, scale 1) for every line of
tools/ledger/cases.h that has a derivative.

A case's tensors are named "NAME.d" + the operand: dx, dx2, dq, dk, dv, dvector, dresidual, dweight, dbias,
dembedding.weight, dposition_embedding.weight. Weights' gradients are flat in torch's order, inputs' are laid out as in
cases.h. Autograd itself is checked against central differences in float64 along a random direction, in every case that
is smooth there: within 1e-6 of the gradient's length times the direction's.
"""
import torch

from . import ops, store, values
from .precise import reference

STEP = 1e-5  # relative to the inputs' scale, or above 1 to its inverse


class Leaves(ops.Case):
    """A case whose tensors are leaves of the graph, kept by operand."""

    def __init__(self, case, dtype, move=0.0):
        self.__dict__.update(case.__dict__)
        self.dtype, self.parts, self.move = dtype, {}, move

    def _leaf(self, part, t, scale):
        t = t.to(self.dtype)
        if self.move:
            t = t + self.move * min(scale, 1.0) * self.direction(part, t.shape)
        self.parts[part] = (t.requires_grad_(True), scale)
        return t

    def direction(self, part, shape):
        return torch.from_numpy(values.input(f"{self.name}.{part}.direction", tuple(shape), 1.0, 0.0)).to(self.dtype)

    def weight(self, part, *shape):
        return self._leaf(part, torch.from_numpy(values.weight(f"{self.name}.{part}", shape)), 1.0)

    def input(self, part, *shape, scale=1.0, mean=0.0):
        if part in self.parts:
            return self.parts[part][0]
        return self._leaf(part, torch.from_numpy(values.input(f"{self.name}.{part}", shape, scale, mean)), scale)


def loss(case, dtype, move=0.0):
    """The loss of a case and its leaves."""
    c = Leaves(case, dtype, move)
    with reference(dtype):
        y = ops.RUN[c.kind](c)
        dy = torch.from_numpy(values.input(f"{c.name}.dy", tuple(y.shape), 1.0, 0.0)).to(dtype)
        return (y * dy).sum(), c


def gradients(case, dtype):
    """The gradient of every leaf."""
    total, c = loss(case, dtype)
    total.backward()
    return {part: t.grad for part, (t, _) in c.parts.items()}, c


def check_differences(case, exact, c):
    """Central differences along the direction, in float64."""
    if any(scale == 0 for _, scale in c.parts.values()):
        return
    step = STEP / max(1.0, *(scale for _, scale in c.parts.values()))
    with torch.no_grad():
        slope = (loss(case, torch.float64, step)[0] - loss(case, torch.float64, -step)[0]).item() / (2 * step)
    ours, size = 0.0, 0.0
    for part, (t, scale) in c.parts.items():
        d = c.direction(part, t.shape) * min(scale, 1.0)
        ours += (exact[part] * d).sum().item()
        size += (exact[part].norm() * d.norm()).item()
    if abs(slope - ours) > 1e-6 * size:
        raise ValueError(f"{case.name}: central differences say {slope}, autograd {ours}")


def make(args):
    """This group's golden, at most 96 values a tensor."""
    golden = store.Golden(
        "gradients", [f"tools/goldens/{n}.py" for n in ("ops", "gradients", "precise")] + ["tools/ledger/cases.h"], samples=96
    )
    with torch.enable_grad():
        for case in ops.parse(ops.CASES, ops.FIELDS):
            if case.kind in ("TIMESTEP", "ADD", "PRELU"):
                continue
            exact, c = gradients(case, torch.float64)
            check_differences(case, exact, c)
            single, _ = gradients(case, torch.float32)
            for part in exact:
                golden.add(f"{case.name}.d{part}", exact[part], single[part])
    return [golden]
