"""SD upscale on micro-SD: the webui's script (scripts/sd_upscale.py) over diffusers' modules and Pillow.

Goldens: NAME.image [H,W,3], the joined picture's bytes. The picture to enlarge is generated: "tiles.pixels" [1,3,h,w], below
256. Sizes are odd and batches are not full; a batch's seeds count up from the last one's first seed and one. "control": each tile with
its part of the hint "hint0", which is as large as the enlarged picture. "inpainting": by an inpainting model, which is shown
each tile at half its strength under a mask of ones (mask weight 0.5).
"""
import math

import numpy as np
import torch
from PIL import Image

from . import families, micro_control, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro_control", "tiles")]
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, steps=5, cfg=7, sampler="Euler", strength=0.5)
# name: (picture's width and height, scale, upscaler, tile's width and height, overlap, batch size)
JOBS = {
    "lanczos": (53, 45, 2, "Lanczos", 64, 56, 16, 3),
    "nearest": (37, 30, 3, "Nearest", 64, 512, 24, 2),
    "none": (101, 77, 1, "None", 64, 64, 13, 1),
    "control": (37, 30, 3, "Nearest", 64, 512, 24, 2),
    "inpainting": (37, 30, 3, "Nearest", 64, 512, 24, 2),
}


def enlarged(image, scale, upscaler):
    """modules/upscaler.py: by the upscaler to `scale` times, then by Lanczos to multiples of 8."""
    if upscaler == "None":
        return image
    w, h = (int(n * scale // 8 * 8) for n in image.size)
    how = Image.LANCZOS if upscaler == "Lanczos" else Image.NEAREST
    large = image.resize((int(image.width * scale), int(image.height * scale)), how)
    return large if large.size == (w, h) else large.resize((w, h), Image.LANCZOS)


def places(n, tile, overlap):
    """Where tiles begin along a side (modules/images.py, split_grid)."""
    tile = min(tile, n)
    count = math.ceil((n - overlap) / (tile - overlap))
    step = (n - tile) / (count - 1) if count > 1 else 0
    at = [int(i * step) for i in range(count)]
    return [n - tile if a + tile >= n else a for a in at]


def ramp(n):
    """How much the later tile counts over an overlap of n, 0..255."""
    return (np.arange(n, dtype=np.float32) * 255 / n).astype(np.uint8)


def joined(tiles, xs, ys, size, overlap):
    """modules/images.py, combine_grid. tiles: rows of pictures."""
    w, h = size
    out = Image.new("RGB", size)
    for y, row in zip(ys, tiles):
        high = row[0].height
        line = Image.new("RGB", (w, high))
        for x, tile in zip(xs, row):
            if x:
                mask = Image.fromarray(np.tile(ramp(overlap), (high, 1)))
                line.paste(tile.crop((0, 0, overlap, high)), (x, 0), mask)
                line.paste(tile.crop((overlap, 0, tile.width, high)), (x + overlap, 0))
            else:
                line.paste(tile, (0, 0))
        if y:
            mask = Image.fromarray(np.tile(ramp(overlap)[:, None], (1, w)))
            out.paste(line.crop((0, 0, w, overlap)), (0, y), mask)
            out.paste(line.crop((0, overlap, w, high)), (0, y + overlap))
        else:
            out.paste(line, (0, 0))
    return out


def redrawn(p, context, tile, seed, dtype, kind, x, y):
    """A tile through img2img."""
    job = {**BASE, "seed": seed, "width": tile.width, "height": tile.height}
    image = torch.from_numpy(np.array(tile)).to(dtype).permute(2, 0, 1)[None] / 255
    z = p["vae"].encode(image * 2 - 1).latent_dist.mode() * families.MICRO["scale"]
    unet, beside = p["unet"], None
    if kind == "control":
        hint = p["hint"][:, :, y : y + tile.height, x : x + tile.width]
        unet = micro_control.Controlled(unet, [(p["net"], hint, 1.0, False)])
    if kind == "inpainting":
        shown = p["vae"].encode((image * 2 - 1) * 0.5).latent_dist.mode() * families.MICRO["scale"]
        unet, beside = p["inpainting"], torch.cat([torch.ones_like(shown[:, :1]), shown], dim=1).repeat(2, 1, 1, 1)
    latents, _ = pipeline.denoise(unet, context, job, dtype, False, z, beside=beside)
    image = torch.clamp((pipeline.decode(p["vae"], latents)["image"] + 1) / 2, 0, 1)[0]
    return Image.fromarray((255.0 * image.permute(1, 2, 0)).to(torch.uint8).numpy())


def run(p, context, kind, job, dtype):
    """The script."""
    w, h, scale, upscaler, tile_w, tile_h, overlap, batch = job
    pixels = values.integers("tiles.pixels", (3, h, w), 256).transpose(1, 2, 0).astype(np.uint8)
    whole = enlarged(Image.fromarray(pixels), scale, upscaler)
    xs, ys = places(whole.width, tile_w, overlap), places(whole.height, tile_h, overlap)
    wide, high = min(tile_w, whole.width), min(tile_h, whole.height)
    p["hint"] = micro_control.hint(0, whole.height, whole.width, dtype)
    work = [(whole.crop((x, y, x + wide, y + high)), x, y) for y in ys for x in xs]
    out = [redrawn(p, context, tile, BASE["seed"] + i // batch + i % batch, dtype, kind, x, y) for i, (tile, x, y) in enumerate(work)]
    rows = [out[i : i + len(xs)] for i in range(0, len(out), len(xs))]
    return torch.from_numpy(np.array(joined(rows, xs, ys, whole.size, overlap)).astype(np.float32))


def make(args):
    """This group's golden."""
    golden = store.Golden("tiles", SOURCES, samples=2048)
    runs = []
    for dtype in (torch.float64, torch.float32):
        p = {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}
        p["net"] = micro_control.control(families.MICRO, 0, dtype)
        p["inpainting"] = models.unet(families.MICRO_INPAINTING, dtype=dtype)
        with reference(dtype):
            context = pipeline.encode(p["text"], BASE["prompt"], BASE["negative"])
            runs.append({name: run(p, context, name, job, dtype) for name, job in JOBS.items()})
    for name in JOBS:
        golden.add(name + ".image", runs[0][name], runs[1][name])
    return [golden]
