"""SD upscale on micro-SD: the webui's script (scripts/sd_upscale.py) over diffusers' modules and Pillow.

Goldens: NAME.image [H,W,3], the joined picture's bytes. The picture to enlarge is generated: "tiles.pixels" [1,3,h,w], below
256. Sizes are odd and batches are not full; a batch's seeds count up from the last one's first seed and one. "control": each tile with
its part of the hint "hint0", which is as large as the enlarged picture. "inpainting": by an inpainting model, which is shown
each tile at half its strength under a mask of ones (mask weight 0.5). "edited": by an instruct-pix2pix model, which is shown
each tile. "masked", "filled": with a mask, blurred and enlarged as img2img has it (modules/processing.py), of which each tile
has its part (the script lays all of it over every tile); tiles of which all is kept are not drawn. "filled" begins with the
colours around the mask (modules/masking.py), "masked" with the enlarged picture.
"""
import math

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

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
    "edited": (37, 30, 3, "Nearest", 64, 512, 24, 2),
    "masked": (53, 45, 2, "Lanczos", 64, 56, 16, 3),
    "filled": (53, 45, 2, "Lanczos", 64, 56, 16, 3),
    "inpainted": (53, 45, 2, "Lanczos", 64, 56, 16, 3),
}
MASKED = ("masked", "filled", "inpainted")
BLUR = 1


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


def blurred_mask(w, h, size):
    """The mask of the picture, columns 41..49 and rows 10..29, as large as the enlarged one."""
    m = np.zeros((h, w), np.uint8)
    m[10:30, 41:50] = 255
    n = 2 * int(2.5 * BLUR + 0.5) + 1
    m = cv2.GaussianBlur(cv2.GaussianBlur(m, (n, 1), BLUR), (1, n), BLUR)
    return Image.fromarray(m).resize(size, Image.LANCZOS)


def filled(image, mask):
    """modules/masking.py, fill."""
    out = Image.new("RGBA", image.size)
    known = Image.new("RGBa", image.size)
    known.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    for radius, repeats in [(256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)]:
        for _ in range(repeats):
            out.alpha_composite(known.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA"))
    return out.convert("RGB")


def overlaid(drawn, kept, mask):
    """modules/processing.py: the kept picture over the drawn one."""
    over = Image.new("RGBa", kept.size)
    mask = Image.fromarray(np.clip(np.array(mask).astype(np.float32) * 2, 0, 255).astype(np.uint8))
    over.paste(kept.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    drawn = drawn.convert("RGBA")
    drawn.alpha_composite(over.convert("RGBA"))
    return drawn.convert("RGB")


def redrawn(p, context, tile, seed, dtype, kind, x, y, mask=None):
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
    if kind == "edited":
        shown = p["vae"].encode(image * 2 - 1).latent_dist.mode()
        unet, beside, job = p["editing"], torch.cat([shown, shown, torch.zeros_like(shown)]), {**job, "image_cfg": 1.5}
        context = context[[0, 1, 0]]
    if kind == "inpainted":
        on = (torch.from_numpy(np.array(mask)) > 127).to(dtype)
        shown = p["vae"].encode((image * 2 - 1) * (1 - on)).latent_dist.mode() * families.MICRO["scale"]
        unet, beside = p["inpainting"], torch.cat([on[::8, ::8][None, None], shown], dim=1).repeat(2, 1, 1, 1)
    repaint = None
    if mask is not None:
        small = np.array(mask.convert("RGB").resize((tile.width // 8, tile.height // 8)))[:, :, 0]
        repaint = torch.from_numpy(np.around(small / 255))[None, None].to(dtype)
    latents, _ = pipeline.denoise(unet, context, job, dtype, False, z, repaint=repaint, beside=beside)
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
    mask, base = None, whole
    if kind in MASKED:
        mask = blurred_mask(w, h, whole.size)
        base = filled(whole, mask) if kind == "filled" else whole
    out, drawn = [], 0
    for x, y in [(x, y) for y in ys for x in xs]:
        box = (x, y, x + wide, y + high)
        own = mask.crop(box) if mask else None
        if own and not np.array(own).any():
            out.append(whole.crop(box))
            continue
        tile = redrawn(p, context, base.crop(box), BASE["seed"] + drawn // batch + drawn % batch, dtype, kind, x, y, own)
        out.append(overlaid(tile, whole.crop(box), own) if own else tile)
        drawn += 1
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
        p["editing"] = models.unet(families.MICRO_PIX2PIX, dtype=dtype)
        with reference(dtype):
            context = pipeline.encode(p["text"], BASE["prompt"], BASE["negative"])
            runs.append({name: run(p, context, name, job, dtype) for name, job in JOBS.items()})
    for name in JOBS:
        golden.add(name + ".image", runs[0][name], runs[1][name])
    return [golden]
