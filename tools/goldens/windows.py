"""Tiled diffusion on micro-SD: pictures drawn by overlapping windows of their latents.

Goldens: multidiffusion.image, mixture.image: what the decoder gives. MultiDiffusion is computed as diffusers'
StableDiffusionPanoramaPipeline does: every window takes its own step of the sampler, and latents are averaged. Mixture of
Diffusers weighs the network's predictions by its paper's gaussians (albarji/mixture-of-diffusers, mixdiff/tiling.py). control.image: MultiDiffusion with a ControlNet, which is shown the
hint's part of each window.
"""
import math

import torch

from . import families, kdiffusion, micro_control, models, pipeline, store
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro_control", "windows")]
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, steps=4, cfg=7)
WIDTH, HEIGHT, TILE, OVERLAP = 24, 21, 16, 5  # in latents


def places(n):
    """Where windows begin along a side of n latents."""
    count = math.ceil((n - OVERLAP) / (TILE - OVERLAP))
    return [min(int(i * (n - TILE) / (count - 1)), n - TILE) for i in range(count)]


VIEWS = [(slice(None), slice(None), slice(y, y + TILE), slice(x, x + TILE)) for y in places(HEIGHT) for x in places(WIDTH)]


def gaussians(dtype):
    """[TILE,TILE]: how much a prediction counts within its window."""
    def bell(i, middle):
        return math.exp(-((i - middle) ** 2) / TILE**2 / 0.02) / math.sqrt(2 * math.pi * 0.01)
    x = torch.tensor([bell(i, (TILE - 1) / 2) for i in range(TILE)], dtype=dtype)
    y = torch.tensor([bell(i, TILE / 2) for i in range(TILE)], dtype=dtype)
    return y[:, None] * x


def sampled(p, context, mixture, dtype, net=None):
    """Euler's latents."""
    hint = micro_control.hint(0, HEIGHT * 8, WIDTH * 8, dtype) if net else None
    unet = p["unet"]

    def eps(x, t):
        return unet(x, t, encoder_hidden_states=context).sample

    def at(view):
        """From here on the ControlNet sees this window."""
        nonlocal unet
        y, x = (slice(s.start * 8, s.stop * 8) for s in view[2:])
        if net:
            unet = micro_control.Controlled(p["unet"], [(net, hint[:, :, y, x], 1.0, False)])

    def mixed(x, t):
        total, out, weights = torch.zeros_like(x[:1, :1]), torch.zeros_like(x), gaussians(dtype)
        for view in VIEWS:
            out[view] += weights * eps(x[view], t)
            total[view] += weights
        return out / total

    model = kdiffusion.Denoiser(mixed if mixture else eps, dtype)
    sigmas = model.schedule(BASE["steps"])

    def stepped(x, i):
        negative, positive = model(torch.cat([x] * 2), sigmas[i].repeat(2)).chunk(2)
        clean = negative + BASE["cfg"] * (positive - negative)
        return x + (x - clean) / sigmas[i] * (sigmas[i + 1] - sigmas[i])

    generator = torch.Generator("cpu").manual_seed(BASE["seed"])
    x = torch.randn((4, HEIGHT, WIDTH), generator=generator)[None].to(dtype) * sigmas[0]
    for i in range(BASE["steps"]):
        if mixture:
            x = stepped(x, i)
            continue
        value, count = torch.zeros_like(x), torch.zeros_like(x)
        for view in VIEWS:
            at(view)
            value[view] += stepped(x[view], i)
            count[view] += 1
        x = value / count
    return x


def make(args):
    """This group's golden."""
    golden = store.Golden("windows", SOURCES, samples=2048)
    runs = []
    for dtype in (torch.float64, torch.float32):
        p = {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}
        with reference(dtype):
            context = pipeline.encode(p["text"], BASE["prompt"], BASE["negative"])
            latents = [sampled(p, context, mixture, dtype) for mixture in (False, True)]
            latents.append(sampled(p, context, False, dtype, micro_control.control(families.MICRO, 0, dtype)))
            runs.append([pipeline.decode(p["vae"], x)["image"] for x in latents])
    for i, name in enumerate(("multidiffusion", "mixture", "control")):
        golden.add(name + ".image", runs[0][i], runs[1][i])
    return [golden]
