"""The networks that bench_peers.py compares: diffusers' and transformers' modules with the weights of a checkpoint, and
small checkpoints of generated weights for sd.c to read."""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import sys
from pathlib import Path

import diffusers
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from goldens import names, values

diffusers.utils.logging.set_verbosity_error()
transformers.logging.set_verbosity_error()

# attention: levels that have it, from the finest; factor: pixels a latent, along a side; size: the usual picture
SHAPES = {
    "sd15": dict(
        **dict(channels=320, mult=(1, 2, 4, 4), layers=2, attention=3, heads=8, groups=32, context=768),
        **dict(vae=(128, 256, 512, 512), vae_groups=32, mlp=3072, text_layers=12, text_heads=12, size=512),
    ),
    "micro": dict(
        **dict(channels=32, mult=(1, 2, 2, 2), layers=2, attention=3, heads=4, groups=8, context=32),
        **dict(vae=(32, 32, 64, 64), vae_groups=8, mlp=64, text_layers=2, text_heads=4, size=256),
    ),
    "nano": dict(
        **dict(channels=48, mult=(1, 2, 3), layers=1, attention=2, heads=4, groups=8, context=96),
        **dict(vae=(16, 32, 64), vae_groups=8, mlp=320, text_layers=3, text_heads=4, size=64),
    ),
}


def factor(shape):
    """Pixels of a latent, along a side."""
    return 2 ** (len(shape["vae"]) - 1)


def unet(s):
    levels, a = len(s["mult"]), s["attention"]
    return UNet2DConditionModel(
        sample_size=s["size"] // factor(s),
        down_block_types=("CrossAttnDownBlock2D",) * a + ("DownBlock2D",) * (levels - a),
        up_block_types=("UpBlock2D",) * (levels - a) + ("CrossAttnUpBlock2D",) * a,
        block_out_channels=tuple(s["channels"] * m for m in s["mult"]),
        layers_per_block=s["layers"],
        cross_attention_dim=s["context"],
        attention_head_dim=s["heads"],  # diffusers' name for the number of heads
        norm_num_groups=s["groups"],
    ).eval()


def vae(s):
    levels = len(s["vae"])
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=s["vae"],
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=s["vae_groups"],
    ).eval()


def text(s):
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=s["context"],
            intermediate_size=s["mlp"],
            num_hidden_layers=s["text_layers"],
            num_attention_heads=s["text_heads"],
            hidden_act="quick_gelu",
        )
    ).eval()


def renamers(s):
    """For each network, from a parameter's name to the checkpoint's."""
    return {
        unet: lambda k: names.UNET + names.unet(k, s["layers"]),
        vae: lambda k: names.VAE + names.vae(k, len(s["vae"])),
        text: lambda k: names.TEXT + k.removeprefix("text_model."),
    }


def load(network, shape, path):
    """One of unet, vae, text with the weights of the checkpoint at `path`, float32."""
    module, rename = network(shape), renamers(shape)[network]
    with safe_open(path, "pt") as f, torch.no_grad():
        for key, p in module.named_parameters():
            p.copy_(f.get_tensor(rename(key)).reshape(p.shape))
    return module.requires_grad_(False)


def _configuration(s):
    """The metadata that tells sd.c what shapes do not."""

    def padded(values_of, n=8):
        return list(values_of) + [0] * (n - len(values_of))

    levels = len(s["mult"])
    return dict(
        unet=dict(
            **dict(channels=s["channels"], levels=levels, mult=padded(s["mult"]), res_blocks=s["layers"]),
            **dict(depth=padded((1,) * s["attention"]), middle_depth=1, heads=s["heads"], head_dim=0),
            **dict(context=s["context"], groups=s["groups"]),
        ),
        vae=dict(
            **dict(channels=s["vae"][0], levels=len(s["vae"]), mult=padded([c // s["vae"][0] for c in s["vae"]])),
            **dict(res_blocks=2, groups=s["vae_groups"]),
        ),
        clip=dict(width=s["context"], layers=s["text_layers"], heads=s["text_heads"], mlp=s["mlp"]),
        width=s["size"],
        height=s["size"],
    )


def make(shape, path):
    """Writes a checkpoint of generated float16 weights."""
    tensors = {}
    for network, rename in renamers(shape).items():
        for key, p in network(shape).named_parameters():
            tensors[rename(key)] = values.weight(rename(key), tuple(p.shape)).astype(np.float16)
    save_file(tensors, path, {"format": "pt", "sdc.config": json.dumps(_configuration(shape))})
