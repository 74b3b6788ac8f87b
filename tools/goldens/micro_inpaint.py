"""Inpainted and edited pictures of the micro models, from the bytes of "micro.pixels" as in micro.py's img2img.

The mask is a box of 255: columns 17..42, rows 22..51 of 64 x 64. What the webui does with it is transcribed in
pipeline.denoise (modules/sd_samplers_cfg_denoiser.py, the last blend in modules/processing.py); the latents' mask is
Pillow's bicubic, rounded. What inpainting models and instruct-pix2pix see beside the latents is made by diffusers'
StableDiffusionInpaintPipeline and StableDiffusionInstructPix2PixPipeline, with the posterior's mean.
"""
import numpy as np
import torch
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionInstructPix2PixPipeline
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_inpaint
from PIL import Image

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro_inpaint")]
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=64, height=64, steps=5, cfg=7, strength=0.8)
PLAIN, NINE, EDIT, XL = families.MICRO, families.MICRO_INPAINTING, families.MICRO_PIX2PIX, families.MICRO_SDXL_INPAINTING
JOBS = {  # name: (configuration, sampler, whether there is a mask)
    "micro_masked_euler": (PLAIN, "Euler", True),
    "micro_masked_ddim": (PLAIN, "DDIM", True),
    "micro_inpainting_euler": (NINE, "Euler", True),
    "micro_inpainting_unmasked": (NINE, "Euler", False),
    "micro_sdxl_inpainting": (XL, "Euler", True),
    "micro_pix2pix_euler": (EDIT, "Euler", False),
}


def mask():
    """The mask [64,64], 0 or 255."""
    m = np.zeros((64, 64), np.uint8)
    m[22:52, 17:43] = 255
    return m


def beside(c, vae, image, masked, dtype):
    """What lies beside the latents of each side, by diffusers; None: nothing."""
    if c is EDIT:
        prepare = StableDiffusionInstructPix2PixPipeline.prepare_image_latents
        pipe = type("Pipe", (), {"vae": vae, "prepare": prepare})()
        return pipe.prepare(image, 1, 1, dtype, "cpu", True)
    if "beside" not in c:
        return None
    pipe = StableDiffusionInpaintPipeline.__new__(StableDiffusionInpaintPipeline)
    object.__setattr__(pipe, "vae", vae)
    object.__setattr__(pipe, "vae_scale_factor", 8)
    on = torch.from_numpy((mask() if masked else np.full((64, 64), 255, np.uint8)) / 255)[None, None].to(dtype)
    m, z = pipe.prepare_mask_latents(on, image * (on < 0.5), 1, 64, 64, dtype, "cpu", None, True)
    return torch.cat([m, z], dim=1)


def run(parts, c, job, masked, dtype):
    """The taps of a job."""
    with reference(dtype):
        image = torch.from_numpy(values.integers("micro.pixels", (1, 3, 64, 64), 256)).to(dtype) / 255 * 2 - 1
        z = parts["vae"].encode(image).latent_dist.mode() * c["scale"]
        taps = pipeline.texts(parts["encoders"], c, job)
        more = pipeline.conditions(taps, c, job, dtype)
        near = beside(c, parts["vae"], image, masked, dtype)
        if c is EDIT:  # a third side: the negative prompt again
            more = {"encoder_hidden_states": more["encoder_hidden_states"][[0, 1, 0]]}
        small = Image.fromarray(mask()).convert("RGB").resize((8, 8))
        repaint = torch.from_numpy(np.around(np.array(small)[:, :, 0] / 255))[None, None].to(dtype) if masked else None
        latents, own = pipeline.denoise(parts["unet"], more, job, dtype, False, z, repaint=repaint, beside=near)
        return {"latents.init": z, **own, **pipeline.decode(parts["vae"], latents)}


def make(args):
    """All goldens of this file."""
    own = pipeline_stable_diffusion_inpaint.retrieve_latents
    pipeline_stable_diffusion_inpaint.retrieve_latents = lambda out, generator=None, sample_mode="": own(out, None, "argmax")
    goldens = []
    for name, (c, sampler, masked) in JOBS.items():
        job = {**BASE, "sampler": sampler, "image_cfg": 1.5}
        golden = store.Golden(name, SOURCES, samples=256, meta=pipeline.metadata(job, "micro"))
        runs = []
        for dtype in (torch.float64, torch.float32):
            parts = {"encoders": [models.encoder(e, dtype=dtype) for e in c["encoders"]]}
            parts.update(unet=models.unet(c, dtype=dtype), vae=models.vae(c, dtype=dtype))
            runs.append(run(parts, c, job, masked, dtype))
        for tap, x in runs[0].items():
            if not pipeline.is_block(tap) and tap != "noise" and not (c is EDIT and tap.startswith("unet.")):
                golden.add(tap, x, runs[1][tap])
        goldens.append(golden)
    return goldens
