"""Names: from the parameters of diffusers' and transformers' modules to those of a single-file SD 1 checkpoint.

Generated weights depend on the checkpoint's names, so a module is filled by translating the name of each parameter. The
rest of a name (".weight", ".bias", everything inside a spatial transformer) is the same.
"""
import re

import torch

from . import values

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer.text_model."

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _part(rest, table):
    """`rest` with its leading module name translated if it is in the table."""
    for key, value in table.items():
        if rest == key or rest.startswith(key + "."):
            return value + rest[len(key) :]
    return rest


def resnet(rest):
    """A U-Net ResBlock's own names."""
    return _part(rest, _RESNET)


def vae_resnet(rest):
    """A VAE resnet's own names."""
    return _part(rest, {"conv_shortcut": "nin_shortcut"})


def vae_attention(rest):
    """The VAE attention block's own names."""
    return _part(rest, _VAE_ATTENTION)


def unet(name, layers=2):
    """A U-Net parameter's name in the checkpoint, without prefix; `layers` is layers_per_block."""
    m = re.fullmatch(r"(down|mid|up)_block(?:s\.(\d+))?\.(resnets|attentions|(?:down|up)samplers)\.(\d+)\.(.*)", name)
    if not m:
        return _part(name, _UNET_TOP)
    side, b, kind, n, rest = m[1], int(m[2] or 0), m[3], int(m[4]), m[5]
    if side == "mid":
        return f"middle_block.{2 * n}.{resnet(rest)}" if kind == "resnets" else f"middle_block.1.{rest}"
    if side == "down":
        block = f"input_blocks.{1 + b * (layers + 1) + (layers if kind == 'downsamplers' else n)}"
        if kind == "downsamplers":
            return f"{block}.0.op{rest[len('conv'):]}"
        return f"{block}.0.{resnet(rest)}" if kind == "resnets" else f"{block}.1.{rest}"
    block = f"output_blocks.{b * (layers + 1) + (layers if kind == 'upsamplers' else n)}"
    if kind == "upsamplers":  # after the level's attention, if any; the first level up has none
        return f"{block}.{1 if b == 0 else 2}.{rest}"
    return f"{block}.0.{resnet(rest)}" if kind == "resnets" else f"{block}.1.{rest}"


def vae(name, levels=4):
    """A VAE parameter's name in the checkpoint, without prefix; `levels` is the number of levels."""
    m = re.fullmatch(r"(encoder|decoder)\.mid_block\.(resnets|attentions)\.(\d+)\.(.*)", name)
    if m:
        part = f"block_{int(m[3]) + 1}.{vae_resnet(m[4])}" if m[2] == "resnets" else f"attn_1.{vae_attention(m[4])}"
        return f"{m[1]}.mid.{part}"
    m = re.fullmatch(r"(encoder|decoder)\.(?:down|up)_blocks\.(\d+)\.(resnets|(?:down|up)samplers)\.(\d+)\.(.*)", name)
    if m:
        side, level = ("down", int(m[2])) if m[1] == "encoder" else ("up", levels - 1 - int(m[2]))
        if m[3] == "resnets":
            return f"{m[1]}.{side}.{level}.block.{m[4]}.{vae_resnet(m[5])}"
        return f"{m[1]}.{side}.{level}.{m[3].removesuffix('rs')}.{m[5]}"
    return name.replace("conv_norm_out", "norm_out")


def fill(module, rename, half=False):
    """Gives every parameter of `module` its generated weight; `rename` gives the checkpoint's full name.

    With `half`, the weight is rounded to float16 first. Returns {name in the checkpoint: shape}.
    """
    names = {}
    for key, p in module.named_parameters():
        name = rename(key)
        if name in names:
            raise ValueError(f"{name} twice")
        names[name] = tuple(p.shape)
        w = torch.from_numpy(values.weight(name, tuple(p.shape)))
        p.data.copy_(w.half() if half else w)
    return names


def fill_unet(module, half=False):
    return fill(module, lambda k: UNET + unet(k), half)


def fill_vae(module, half=False):
    return fill(module, lambda k: VAE + vae(k), half)


def fill_text(module, half=False):
    return fill(module, lambda k: TEXT + k.removeprefix("text_model."), half)
