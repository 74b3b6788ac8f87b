"""SD 1's three networks as diffusers and transformers build them, at any width, with generated weights."""
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from . import names

diffusers.utils.logging.set_verbosity_error()
transformers.logging.set_verbosity_error()

SCALE = 0.18215  # of the latents

MICRO = dict(
    **dict(channels=(32, 64, 64, 64), heads=4, groups=8, context=32, vae=(32, 32, 64, 64)),
    **dict(layers=2, mlp=64, text_heads=4),
)
SD15 = dict(
    **dict(channels=(320, 640, 1280, 1280), heads=8, groups=32, context=768, vae=(128, 256, 512, 512)),
    **dict(layers=12, mlp=3072, text_heads=12),
)


def unet(c, half=False, dtype=torch.float32):
    """The U-Net. What diffusers calls attention_head_dim is SD 1's number of heads."""
    m = UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=c["channels"],
        layers_per_block=2,
        cross_attention_dim=c["context"],
        attention_head_dim=c["heads"],
        norm_num_groups=c["groups"],
    )
    return _filled(m, names.fill_unet, half, dtype)


def vae(c, half=False, dtype=torch.float32):
    """The autoencoder."""
    m = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=c["vae"],
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=c["groups"],
        scaling_factor=SCALE,
    )
    return _filled(m, names.fill_vae, half, dtype)


def text(c, half=False, dtype=torch.float32):
    """CLIP's text encoder."""
    m = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=c["context"],
            intermediate_size=c["mlp"],
            num_hidden_layers=c["layers"],
            num_attention_heads=c["text_heads"],
            max_position_embeddings=77,
            hidden_act="quick_gelu",
            layer_norm_eps=1e-5,
            bos_token_id=49406,
            eos_token_id=49407,
            pad_token_id=49407,
        )
    )
    return _filled(m, names.fill_text, half, dtype)


def _filled(m, fill, half, dtype):
    m.eval()
    m.names = fill(m, half)
    return m.to(dtype)
