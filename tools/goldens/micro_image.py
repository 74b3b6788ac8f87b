"""Image prompts beside micro-SD 1 and micro-SDXL: diffusers' IP-Adapters on a micro vision encoder of transformers.

micro_image_two: two pictures by one base adapter, at 0.8 and 0.5. micro_image_plus: SDXL's plus (a resampler), at 0.7.
micro_image_full: SD 1's full (an MLP over all states), at 0.6.
Picture n is [48][64][3] bytes x >> 24 of values.py's x called "hint<n>", resized as CLIPImageProcessor does with Pillow;
weights' names begin with "control0_model." (the adapter) and "clip_vision.".
"""
import numpy as np
import torch
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from . import micro_families, models, pipeline, store, values
from .precise import reference
from .micro_control import FAMILIES

SOURCES = micro_families.SOURCES + ["tools/goldens/micro_image.py"]
JOBS = {"micro_image_two": ("sd", None, (0.8, 0.5)), "micro_image_plus": ("sdxl", (5, 40, 2), (0.7,)),
        "micro_image_full": ("sd", "full", (0.6,))}
WIDTH, HEIGHT = 64, 48
VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=7,
              projection_dim=48, hidden_act="gelu")


def pixels(n):
    """Picture n."""
    return (values.mixed(f"hint{n}", 0, HEIGHT * WIDTH * 3) >> 24).astype(np.uint8).reshape(HEIGHT, WIDTH, 3)


def picture(n, dtype, side=VISION["image_size"]):
    """[1,3,side,side], as the vision encoder reads it."""
    rgb = pixels(n)
    wide = WIDTH * side // HEIGHT
    small = np.asarray(Image.fromarray(rgb).resize((wide, side), Image.BICUBIC))
    left = (wide - side) // 2
    x = torch.from_numpy(small[:, left : left + side].astype("float64") / 255)
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    return ((x - torch.tensor(mean).double()) / torch.tensor(std).double()).permute(2, 0, 1)[None].to(dtype)


def vision(dtype):
    with torch.device("meta"):
        m = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION))
    return models._filled(m, lambda k: "clip_vision." + k, False, dtype, None)


def adapter(unet, plus, context, dtype, eyes=VISION):
    """The state dictionary of an IP-Adapter for this U-Net. plus: its resampler's (queries, width of them, heads), "full", or None."""
    shapes, width = {}, eyes["hidden_size"]
    if plus == "full":
        shapes = {"proj.0.weight": (width, width), "proj.0.bias": (width,), "proj.2.weight": (context, width), "proj.2.bias": (context,),
                  "proj.3.weight": (context,), "proj.3.bias": (context,)}
    elif plus:
        queries, inside, heads = plus
        inner = 64 * heads
        shapes = {"latents": (1, queries, inside), "proj_in.weight": (inside, width), "proj_in.bias": (inside,),
                  "proj_out.weight": (context, inside), "proj_out.bias": (context,), "norm_out.weight": (context,), "norm_out.bias": (context,)}
        for i in range(4):
            for k in ("0.norm1", "0.norm2", "1.0"):
                shapes[f"layers.{i}.{k}.weight"] = shapes[f"layers.{i}.{k}.bias"] = (inside,)
            shapes[f"layers.{i}.0.to_q.weight"] = (inner, inside)
            shapes[f"layers.{i}.0.to_kv.weight"] = (2 * inner, inside)
            shapes[f"layers.{i}.0.to_out.weight"] = (inside, inner)
            shapes[f"layers.{i}.1.1.weight"] = (4 * inside, inside)
            shapes[f"layers.{i}.1.3.weight"] = (inside, 4 * inside)
    else:
        shapes = {"proj.weight": (4 * context, eyes["projection_dim"]), "proj.bias": (4 * context,), "norm.weight": (context,), "norm.bias": (context,)}
    made = lambda name, shape: torch.from_numpy(values.weight("control0_model." + name, shape)).to(dtype)
    proj = {k: made("image_proj." + k, s) for k, s in shapes.items()}
    keys = {}
    for i, name in enumerate(unet.attn_processors):
        if "attn2" in name:
            channels = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
            for k in ("to_k_ip", "to_v_ip"):
                keys[f"{i}.{k}.weight"] = made(f"ip_adapter.{i}.{k}.weight", (channels, context))
    return {"image_proj": proj, "ip_adapter": keys}


class Prompted:
    """A U-Net with image prompts."""

    def __init__(self, unet, embeds):
        self.unet, self.embeds = unet, embeds

    def __getattr__(self, name):
        return getattr(self.unet, name)

    def __call__(self, x, t, **more):
        also = dict(more.pop("added_cond_kwargs", None) or {})
        also["image_embeds"] = self.embeds
        return self.unet(x, t, added_cond_kwargs=also, **more)


def run(parts, c, job, plus, weights, dtype):
    unet, taps, embeds = models.unet(c, dtype=dtype), {}, []
    with reference(dtype):
        eyes = vision(dtype)
        for n in range(len(weights)):
            x = picture(n, dtype)
            if plus:
                seen = eyes(torch.cat([torch.zeros_like(x), x]), output_hidden_states=True).hidden_states[-2]
            else:
                seen = eyes(x).image_embeds[:, None]
                seen = torch.cat([torch.zeros_like(seen), seen])
            taps[f"image_prompt{n}.features"] = seen
            embeds.append(seen[:, None] if plus else seen)
        unet._load_ip_adapter_weights([adapter(unet, plus, c["context"], dtype)] * len(weights))
        unet.to(dtype)
        for p in unet.attn_processors.values():
            if hasattr(p, "scale"):
                p.scale = list(weights)
        for n, layer in enumerate(unet.encoder_hid_proj.image_projection_layers):
            taps[f"image_prompt{n}.tokens"] = layer(embeds[n][:, 0] if plus else embeds[n][:, 0])
    return {**taps, **pipeline.run_family({**parts, "unet": Prompted(unet, embeds)}, c, job, dtype, True)}


def make(args):
    """All goldens of image prompts."""
    parts = {k: {d: micro_families.load(c, d) for d in (torch.float64, torch.float32)} for k, c in FAMILIES.items()}
    goldens = []
    for name, (family, plus, weights) in JOBS.items():
        job = {**micro_families.BASE, "steps": 3}
        golden = store.Golden(name, SOURCES, samples=512, meta=pipeline.metadata(job, "micro_" + family))
        exact, single = (run(parts[family][d], FAMILIES[family], job, plus, weights, d) for d in (torch.float64, torch.float32))
        for tap, x in exact.items():
            x, y = (v.reshape(2, -1, v.shape[-1]) if tap.startswith("image_prompt") else v for v in (x, single[tap]))
            golden.add(tap, x, y, samples=128 if pipeline.is_block(tap) else None)
        goldens.append(golden)
    return goldens
