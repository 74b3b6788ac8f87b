"""Keeps a float64 reference in float64.

diffusers computes the sinusoidal timestep embedding in float32 for every dtype (at t = 981 some elements are off by
3e-5). A reference must not inherit that, so float64 runs replace diffusers' function by one in its input's precision;
float32 runs keep diffusers' own. A guard raises when an operation takes float64 and gives float32.
"""
import contextlib
import math

import torch
from diffusers.models import embeddings
from torch.utils._python_dispatch import TorchDispatchMode

_original = embeddings.get_timestep_embedding


def timestep_embedding(t, channels):
    """[cos(t f), sin(t f)], f_i = exp(-ln(10000) i / (channels / 2)): float64 for a float64 t, else diffusers'."""
    if t.dtype != torch.float64:
        return _original(t, channels, flip_sin_to_cos=True, downscale_freq_shift=0)
    half = channels // 2
    a = t[:, None] * torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float64) / half)[None, :]
    return torch.cat([torch.cos(a), torch.sin(a)], dim=1)


def _replacement(timesteps, embedding_dim, flip_sin_to_cos=False, downscale_freq_shift=1, scale=1, max_period=10000):
    if timesteps.dtype != torch.float64:
        return _original(timesteps, embedding_dim, flip_sin_to_cos, downscale_freq_shift, scale, max_period)
    assert flip_sin_to_cos and downscale_freq_shift == 0 and scale == 1 and max_period == 10000
    return timestep_embedding(timesteps, embedding_dim)


class NoNarrowing(TorchDispatchMode):
    """A context in which an operation on float64 that gives float32 raises: hidden float32 would spoil a reference."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if torch.is_tensor(out) and out.dtype in (torch.float32, torch.float16):
            if any(torch.is_tensor(a) and a.dtype == torch.float64 for a in args):
                raise TypeError(f"{func} makes {out.dtype} of float64")
        return out


@contextlib.contextmanager
def reference(dtype):
    """A context that keeps a float64 run in float64. Runs in other dtypes are left alone."""
    if dtype != torch.float64:
        yield
        return
    embeddings.get_timestep_embedding = _replacement
    try:
        with NoNarrowing():
            yield
    finally:
        embeddings.get_timestep_embedding = _original
