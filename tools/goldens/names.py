"""Names: from the parameters of diffusers' and transformers' modules to those of a single-file checkpoint.

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
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "class_embedding": "label_emb",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_OPEN_CLIP_TOP = {
    "embeddings.token_embedding": "token_embedding",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final",
}
_OPEN_CLIP_BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
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


def taesd_encoder(name):
    """What taesd_encoder.pth calls a parameter of EncoderTiny."""
    return name.removeprefix("layers.")


def taesd_decoder(name):
    """What taesd_decoder.pth calls a parameter of DecoderTiny, whose clamp is no layer."""
    number, _, rest = name.removeprefix("layers.").partition(".")
    return f"{int(number) + 1}.{rest}"


def unet(name, layers=2, depth=(1, 1, 1, 0)):
    """A U-Net parameter's name in the checkpoint, without prefix; `layers` is layers_per_block, `depth` the levels'."""
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
    if kind == "upsamplers":  # after the level's attention, if any
        return f"{block}.{2 if depth[len(depth) - 1 - b] else 1}.{rest}"
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


def clip(name):
    """A text encoder's parameter's name under transformers' names in a single file, without prefix."""
    return name.removeprefix("text_model.")


def open_clip(name):
    """(open_clip's name, which third of it or None) of a text encoder's parameter; without prefix.

    open_clip has q, k and v in one tensor, and the projection the other way round (x @ P): see `part_of`.
    """
    name = name.removeprefix("text_model.")
    if name == "text_projection.weight":
        return "text_projection", None
    m = re.fullmatch(r"encoder\.layers\.(\d+)\.(.*)", name)
    if not m:
        return _part(name, _OPEN_CLIP_TOP), None
    block = f"transformer.resblocks.{m[1]}."
    third = re.fullmatch(r"self_attn\.([qkv])_proj\.(weight|bias)", m[2])
    if third:
        return f"{block}attn.in_proj_{third[2]}", "qkv".index(third[1])
    return block + _part(m[2], _OPEN_CLIP_BLOCK), None


def part_of(name, third, shape):
    """(shape in the checkpoint, function from that tensor to the parameter) of what `open_clip` named."""
    if third is not None:
        return (3 * shape[0], *shape[1:]), lambda w: w.chunk(3)[third]
    if name == "text_projection":
        return shape[::-1], lambda w: w.T
    return shape, lambda w: w


def generated(half):
    """A source for `fill`: the generated weight of that name and shape, rounded to float16 if `half`."""

    def source(name, shape):
        w = torch.from_numpy(values.weight(name, shape))
        return w.half().float() if half else w

    return source


def plan(module, rename):
    """(key, name in the checkpoint, its shape there, function from that tensor to the parameter) of every parameter.

    rename(key) gives the checkpoint's full name; of one of open_clip's (full name, third, name without prefix).
    """
    seen = set()
    for key, p in module.named_parameters():
        name, third, shape, take = rename(key), None, tuple(p.shape), lambda w: w
        if isinstance(name, tuple):
            name, third, tail = name
            shape, take = part_of(tail, third, shape)
        if (name, third) in seen:
            raise ValueError(f"{name} twice")
        seen.add((name, third))
        yield key, name, shape, take


def fill(module, rename, source, dtype=torch.float32, copy=True):
    """Gives every parameter of `module`, which may be on the meta device, its value in `dtype`.

    source(name, shape) gives the checkpoint's tensor, which is copied, or kept as it is where it can be. Returns {name in the checkpoint: shape}.
    """
    names = {}
    for key, name, shape, take in list(plan(module, rename)):
        names[name] = shape
        owner, _, last = key.rpartition(".")
        p = getattr(module.get_submodule(owner), last)
        w = take(source(name, shape)).reshape(p.shape).to(dtype, copy=copy, memory_format=torch.contiguous_format)
        setattr(module.get_submodule(owner), last, torch.nn.Parameter(w, requires_grad=copy))
    for key, b in list(module.named_buffers()):
        if b.is_meta:
            assert key.endswith("position_ids"), key
            owner, _, last = key.rpartition(".")
            ids = torch.arange(b.shape[-1]).expand(b.shape)
            module.get_submodule(owner).register_buffer(last, ids, persistent=False)
    return names


def unet_names(depth, layers=2):
    """What `fill` needs of a U-Net."""
    return lambda k: UNET + unet(k, layers, depth)


def vae_names(levels):
    """What `fill` needs of a VAE."""
    return lambda key: VAE + vae(key, levels)


def encoder_names(e):
    """What `fill` needs of a text encoder of families.py."""
    if e["kind"] == "clip":
        return lambda k: e["prefix"] + clip(k)

    def rename(key):
        name, third = open_clip(key)
        return e["prefix"] + name, third, name

    return rename
