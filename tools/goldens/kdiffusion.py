"""k-diffusion's samplers without the rest of its package (training code, torchvision), and the webui's DDIM.

`sampling` and `external` are the installed k_diffusion modules, unchanged.
"""
import importlib
import importlib.util
import sys
import types

import numpy as np
import torch


def _load():
    """Imports k_diffusion.sampling and .external with a stub for torchvision (only picture helpers use it)."""
    spec = importlib.util.find_spec("k_diffusion")
    package = types.ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["k_diffusion"] = package
    stubs = []
    if importlib.util.find_spec("torchvision") is None:
        stubs = ["torchvision", "torchvision.transforms", "torchvision.transforms.functional"]
        for name in stubs:
            sys.modules[name] = types.ModuleType(name)
        sys.modules[stubs[0]].transforms = sys.modules[stubs[1]]
        sys.modules[stubs[1]].functional = sys.modules[stubs[2]]
    try:
        modules = [importlib.import_module(f"k_diffusion.{m}") for m in ("sampling", "external")]
    finally:
        for name in stubs:
            del sys.modules[name]
    return modules


sampling, external = _load()


def alphas_cumprod():
    """SD's noise levels as CompVis makes them: in float64, rounded to float32 at the end."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    return torch.from_numpy(np.cumprod(1.0 - betas).astype(np.float32))


class _Denoiser:
    """What the two wrappers below share: float32 or, with the same float32 sigmas, float64; and the schedule."""

    def __init__(self, network, dtype=torch.float32):
        super().__init__(network, alphas_cumprod(), quantize=False)
        self.sigmas = self.sigmas.to(dtype)
        if dtype == torch.float64:
            self.log_sigmas = self.sigmas.log()

    def schedule(self, steps):
        """The webui's "Automatic" sigmas: float32 values, in the wrapper's dtype."""
        single = external.DiscreteEpsDDPMDenoiser(None, alphas_cumprod(), quantize=False)
        return single.get_sigmas(steps).to(self.sigmas.dtype)


class Denoiser(_Denoiser, external.DiscreteEpsDDPMDenoiser):
    """k-diffusion's wrapper for a network that predicts eps."""


class VDenoiser(_Denoiser, external.DiscreteVDDPMDenoiser):
    """k-diffusion's wrapper for a network that predicts v."""


def ddim_timesteps(steps):
    """The webui's timesteps for DDIM, smallest first."""
    return torch.clip(torch.tensor(list(range(0, 1000, 1000 // steps))) + 1, 0, 999)


def ddim(network, x, steps, part=None):
    """The webui's DDIM with eta 0: len(timesteps) - 1 evaluations, none at timesteps[0]; with `part`, only that many of
    the first timesteps (img2img).

    network(x, t) gives eps. The coefficients have x's dtype, from the float32 alphas.
    """
    timesteps = ddim_timesteps(steps)[:part]
    a = alphas_cumprod().to(x.dtype)
    alphas, previous = a[timesteps], a[torch.nn.functional.pad(timesteps[:-1], pad=(1, 0))].double()
    sqrt_one_minus_alphas = torch.sqrt(1 - alphas)
    s_in, s_x = x.new_ones(x.shape[0]), x.new_ones(x.shape[0], 1, 1, 1)
    for i in range(len(timesteps) - 1):
        index = len(timesteps) - 1 - i
        e = network(x, timesteps[index].item() * s_in)
        a_t, a_prev = alphas[index].item() * s_x, previous[index].item() * s_x
        x0 = (x - sqrt_one_minus_alphas[index].item() * s_x * e) / a_t.sqrt()
        x = a_prev.sqrt() * x0 + (1.0 - a_prev).sqrt() * e
    return x
