"""micro-SD under k-diffusion's other samplers: micro_samplers.safetensors, the last latents of 8 steps at 64x64.

Names, functions and schedules are those of the table in samplers.py; prompts, guidance, model and noise those of
micro.py (CPU generator, seed 42). The functions are k-diffusion's own.
"""
import torch

from . import families, kdiffusion, micro, models, pipeline, samplers, store
from .precise import reference

NAMES = ("heun", "dpm_2", "dpm_2_a", "lms", "dpmpp_2s_a", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde")
STEPS = 8


def run(parts, name, dtype):
    function, kind, _, discard, more = samplers.SAMPLERS[name]
    shape = (1, 4, 8, 8)
    with reference(dtype):
        context = pipeline.encode(parts["text"], micro.BASE["prompt"], micro.BASE["negative"])
        model = kdiffusion.Denoiser(lambda x, t: parts["unet"](x, t, encoder_hidden_states=context).sample, dtype)

        def guided(x, sigma):
            negative, positive = model(torch.cat([x, x]), torch.cat([sigma, sigma])).chunk(2)
            return negative + (positive - negative) * micro.BASE["cfg"]

        draw = samplers.draws(shape, dtype)
        s = samplers.sigmas(kind, STEPS, discard).to(dtype)
        x = draw() * s[0]
        more = {"disable": True, **more}
        if "sde" in name:
            more["noise_sampler"] = samplers.Brownian(shape, s)
        elif name.endswith("_a"):
            more["noise_sampler"] = draw
        return function(guided, x, s, **more)


def make(args):
    """This group's golden."""
    parts = {d: {k: getattr(models, k)(families.MICRO, dtype=d) for k in ("text", "unet")} for d in (torch.float64, torch.float32)}
    golden = store.Golden("micro_samplers", [*micro.SOURCES, "tools/goldens/samplers.py", "tools/goldens/micro_samplers.py"])
    for name in NAMES:
        golden.add(f"k.{name}", *(run(parts[d], name, d) for d in parts))
    return [golden]
