"""Networks of the families (families.py) as diffusers and transformers build them, with the weights of a source.

A source gives a checkpoint's tensor by its name and shape: generated weights (names.generated) or a file's (checkpoints.py).
Modules are built without memory and filled, so that a network is there once, in one type.
"""
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from . import names

diffusers.utils.logging.set_verbosity_error()
transformers.logging.set_verbosity_error()


def _heads(c):
    """What diffusers calls attention_head_dim is the number of heads, of each level if it is a list."""
    return c["heads"] if "heads" in c else [n // c["head_dim"] for n in c["channels"]]


def _blocks(c, up=False):
    depth = c["depth"][::-1] if up else c["depth"]
    return tuple(("CrossAttn" if d else "") + ("UpBlock2D" if up else "DownBlock2D") for d in depth)


def new_unet(c):
    """A configuration's U-Net, without memory."""
    more = {}
    if c["adm"]:
        more = dict(addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=c["adm"])
    depth = [d or 1 for d in c["depth"]]
    if c["middle"] > 0:
        depth[-1] = c["middle"]  # diffusers takes the middle's from the last level, which has the same or none
        assert c["depth"][-1] in (0, c["middle"])
    else:
        more["mid_block_type"] = None if c["middle"] else "UNetMidBlock2D"
    if "up" in c:
        more["reverse_transformer_layers_per_block"] = c["up"]
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=64,
            in_channels=4 + c.get("beside", 0),
            out_channels=4,
            down_block_types=_blocks(c),
            up_block_types=_blocks(c, up=True),
            block_out_channels=c["channels"],
            layers_per_block=c.get("layers", 2),
            cross_attention_dim=c["context"],
            attention_head_dim=_heads(c),
            norm_num_groups=c["groups"],
            transformer_layers_per_block=1 if set(depth) == {1} else depth,
            use_linear_projection=c["linear"],
            time_cond_proj_dim=c.get("guidance"),
            num_class_embeds=c.get("classes"),
            only_cross_attention=c.get("only_cross", False),
            **more,
        )


def new_vae(c):
    """A configuration's autoencoder, without memory."""
    with torch.device("meta"):
        return AutoencoderKL(
            in_channels=3,
            out_channels=3,
            down_block_types=("DownEncoderBlock2D",) * len(c["vae"]),
            up_block_types=("UpDecoderBlock2D",) * len(c["vae"]),
            block_out_channels=c["vae"],
            layers_per_block=2,
            latent_channels=4,
            norm_num_groups=c["groups"],
            scaling_factor=c["scale"],
            latents_mean=c.get("mean"),
            latents_std=c.get("std"),
        )


def new_encoder(e, layers=None):
    """An encoder of families.py, without memory; with its projection if it has a pooled state."""
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=e["width"],
        intermediate_size=e["mlp"],
        num_hidden_layers=layers or e["layers"],
        num_attention_heads=e["heads"],
        max_position_embeddings=77,
        projection_dim=e["pooled"] or e["width"],
        hidden_act=e["act"],
        layer_norm_eps=1e-5,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=e["pad"],
    )
    with torch.device("meta"):
        return (CLIPTextModelWithProjection if e["pooled"] else CLIPTextModel)(config)


def _filled(m, rename, half, dtype, source):
    m.eval()
    m.names = names.fill(m, rename, source or names.generated(half), dtype)
    return m


def unet(c, half=False, dtype=torch.float32, source=None):
    """The U-Net."""
    return _filled(new_unet(c), names.unet_names(c["depth"], c.get("layers", 2)), half, dtype, source)


def vae(c, half=False, dtype=torch.float32, source=None):
    """The autoencoder."""
    return _filled(new_vae(c), names.vae_names(len(c["vae"])), half, dtype, source)


def encoder(e, half=False, dtype=torch.float32, source=None):
    """One text encoder."""
    return _filled(new_encoder(e), names.encoder_names(e), half, dtype, source)


def text(c, half=False, dtype=torch.float32, source=None):
    """The text encoder of a family that has one."""
    (e,) = c["encoders"]
    return encoder(e, half, dtype, source)
