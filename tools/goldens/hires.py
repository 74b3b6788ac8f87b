"""Hires fix on micro-SD: the webui's steps (modules/processing.py) over diffusers' modules; and torch's interpolations.

Goldens: interpolate.MODE of the input "hires.latent" [1,2,8,9] to 13 x 12 and 5 x 7; latent.image and pixels.image, what the
decoder gives after the second pass.
"""
import torch
import torch.nn.functional as F
from PIL import Image

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "hires")]
MODES = {  # the webui's latent_upscale_modes
    "Latent": dict(mode="bilinear", antialias=False),
    "Latent (antialiased)": dict(mode="bilinear", antialias=True),
    "Latent (bicubic)": dict(mode="bicubic", antialias=False),
    "Latent (bicubic antialiased)": dict(mode="bicubic", antialias=True),
    "Latent (nearest)": dict(mode="nearest", antialias=False),
    "Latent (nearest-exact)": dict(mode="nearest-exact", antialias=False),
}
SIZES = ((13, 12), (5, 7))
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=64, height=64, steps=5, cfg=7, sampler="Euler")


def again(p, context, z, job, steps, strength, sampler, dtype):
    """The second pass from latents z: sample_img2img with explicit steps."""
    whole = int(steps / min(strength, 0.999))
    job = {**job, "sampler": sampler, "steps": whole, "strength": (steps - 0.5) / whole}
    job["height"], job["width"] = z.shape[2] * 8, z.shape[3] * 8
    assert pipeline.start_of(job["strength"], whole) == steps - 1
    latents, _ = pipeline.denoise(p["unet"], context, job, dtype, False, z)
    return pipeline.decode(p["vae"], latents)["image"]


def latent(p, context, x, dtype):
    """Latents to 104 x 104 pixels, of which 104 x 96 are drawn: what is too much is cut off below."""
    z = F.interpolate(x, size=(13, 13), **MODES["Latent (bicubic antialiased)"])
    return again(p, context, z[:, :, : 13 - 1], BASE, 3, 0.75, "Euler", dtype)


def pixels(p, context, x, dtype):
    """By Lanczos to 96 x 96, then DDIM."""
    image = torch.clamp((pipeline.decode(p["vae"], x)["image"] + 1) / 2, 0, 1)[0]
    rgb = Image.fromarray((255.0 * image.permute(1, 2, 0)).to(torch.uint8).numpy()).resize((96, 96), Image.LANCZOS)
    image = torch.tensor(list(rgb.tobytes()), dtype=dtype).reshape(96, 96, 3).permute(2, 0, 1)[None] / 255
    z = p["vae"].encode(image * 2 - 1).latent_dist.mode() * families.MICRO["scale"]
    return again(p, context, z, BASE, 4, 0.7, "DDIM", dtype)


def make(args):
    """This group's golden."""
    golden = store.Golden("hires", SOURCES, samples=1024)
    small = torch.from_numpy(values.input("hires.latent", (1, 2, 8, 9)))
    for name, how in MODES.items():
        for h, w in SIZES:
            runs = [F.interpolate(small.to(dtype), size=(h, w), **how) for dtype in (torch.float64, torch.float32)]
            golden.add(f"interpolate.{name}.{h}", *runs)
    runs = []
    for dtype in (torch.float64, torch.float32):
        p = {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}
        with reference(dtype):
            context = pipeline.encode(p["text"], BASE["prompt"], BASE["negative"])
            x, _ = pipeline.denoise(p["unet"], context, BASE, dtype, False)
            runs.append({"latent.image": latent(p, context, x, dtype), "pixels.image": pixels(p, context, x, dtype)})
    for name in runs[0]:
        golden.add(name, runs[0][name], runs[1][name])
    return [golden]
