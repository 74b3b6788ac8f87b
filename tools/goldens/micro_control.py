"""ControlNets beside micro-SD 1 and micro-SDXL: diffusers' ControlNetModel, scaled and summed as the webui's extension does.

micro_control_two: two ControlNets at 0.8 and 0.6, balanced. micro_control_more: one in the mode "ControlNet is more
important": 0.825^(12 - i) of its weight, nothing beside the negative prompt. micro_control_sdxl: one with labels, at 0.7.
micro_control_union: diffusers' ControlNetUnionModel, told that the hint's kind is 3 of 6, at 0.7. micro_control_small: one without
attention, at 0.7. micro_control_difference: a file of differences, which the
U-Net's own weights are added to, at 0.7. micro_control_pooled: one with global_pool_conditions, at 0.8, and another at 0.6; what is pooled says nothing beside
the negative prompt.
Hint n is [h][w][3] bytes x >> 24 of values.py's x called "hint<n>"; the weights' names begin with "control<n>_model.".
"""
import re

import diffusers
import torch

from . import families, micro_families, models, names, pipeline, store, values

SOURCES = micro_families.SOURCES + ["tools/goldens/micro_control.py"]
FAMILIES = {"sd": families.MICRO, "sdxl": families.MICRO_SDXL}
JOBS = {  # name: (family, (weight, more) of each ControlNet)
    "micro_control_two": ("sd", ((0.8, False), (0.6, False))),
    "micro_control_more": ("sd", ((0.9, True),)),
    "micro_control_sdxl": ("sdxl", ((0.7, False),)),
    "micro_control_union": ("sdxl", ((0.7, False),), 3),
    "micro_control_adapter": ("sd", 0.8),
    "micro_control_small": ("sdxl", ((0.7, False),), "small"),
    "micro_control_difference": ("sd", ((0.7, False),), "difference"),
    "micro_control_pooled": ("sd", ((0.8, False), (0.6, False)), "pooled"),
}
HINT = {"conv_in": 0, "conv_out": 14}


def control_name(key):
    """cldm's name of a parameter of ControlNetModel, without prefix."""
    m = re.fullmatch(r"controlnet_cond_embedding\.(?:(conv_in|conv_out)|blocks\.(\d+))\.(.*)", key)
    if m:
        return f"input_hint_block.{HINT[m[1]] if m[1] else 2 * (int(m[2]) + 1)}.{m[3]}"
    m = re.fullmatch(r"controlnet_(?:down_blocks\.(\d+)|mid_block)\.(.*)", key)
    if m:
        return f"zero_convs.{m[1]}.0.{m[2]}" if m[1] else f"middle_block_out.0.{m[2]}"
    return names.unet(key)


def _settings(c):
    """What ControlNetModel and ControlNetUnionModel are made of."""
    more = {}
    if c["adm"]:
        more = dict(addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=c["adm"])
    depth = [d or 1 for d in c["depth"]]
    depth[-1] = c["middle"]
    return dict(
        down_block_types=models._blocks(c),
        block_out_channels=c["channels"],
        norm_num_groups=c["groups"],
        cross_attention_dim=c["context"],
        attention_head_dim=models._heads(c),
        transformer_layers_per_block=1 if set(depth) == {1} else depth,
        use_linear_projection=c["linear"],
        **more,
    )


def new_control(c):
    """A family's ControlNet."""
    return diffusers.ControlNetModel(**_settings(c))


def new_small(c):
    """One without attention, as controlnet-canny-sdxl-1.0-small."""
    s = {**_settings(c), "transformer_layers_per_block": 1}
    return diffusers.ControlNetModel(**{**s, "down_block_types": ["DownBlock2D"] * len(c["channels"]), "mid_block_type": "UNetMidBlock2D"})


def new_pooled(c):
    """One whose maps are their means, as control_v11e_sd15_shuffle."""
    return diffusers.ControlNetModel(**_settings(c), global_pool_conditions=True)


def new_union(c, kinds=8):
    """A family's ControlNet Union: ProMax has eight kinds of hints."""
    width = c["channels"][0]
    return diffusers.ControlNetUnionModel(
        num_control_type=kinds,
        conditioning_embedding_out_channels=(16, 32, 96, 256),
        num_trans_channel=width,
        num_proj_channel=width,
        **_settings(c),
    )


def control(c, n, dtype, new=new_control):
    """ControlNet n of a family."""
    with torch.device("meta"):
        m = new(c)
    return models._filled(m, lambda k: f"control{n}_model." + control_name(k), False, dtype, None)


def difference(c, dtype):
    """A ControlNet whose trunk is the U-Net's with the file's numbers added to all of it."""
    m, own = control(c, 0, dtype), control(c, 0, dtype)
    models._filled(own, lambda k: "model.diffusion_model." + control_name(k), False, dtype, None)
    theirs = own.state_dict()
    m.load_state_dict({k: v if k.startswith("controlnet_") else v + theirs[k] for k, v in m.state_dict().items()})
    return m


class United:
    """A ControlNet Union at work on hints of one kind, called as a ControlNet is."""

    def __init__(self, net, kind):
        self.net, self.kind = net, kind

    def __call__(self, x, t, controlnet_cond, **more):
        kinds = torch.zeros(len(x), self.net.config.num_control_type, dtype=x.dtype)
        kinds[:, self.kind] = 1
        more["conditioning_scale"] = [1.0]
        return self.net(x, t, controlnet_cond=[controlnet_cond], control_type=kinds, control_type_idx=[self.kind], **more)


def hint(n, h, w, dtype):
    x = torch.from_numpy((values.mixed(f"hint{n}", 0, h * w * 3) >> 24).astype("float64"))
    return (x.reshape(1, h, w, 3).permute(0, 3, 1, 2) / 255).to(dtype)


class Controlled:
    """A U-Net with ControlNets, called as pipeline.denoise calls a U-Net."""

    def __init__(self, unet, controls):
        self.unet, self.controls = unet, controls

    def __getattr__(self, name):
        return getattr(self.unet, name)

    def __call__(self, x, t, **more):
        total = None
        for m, picture, weight, only in self.controls:
            down, mid = m(x, t, controlnet_cond=picture.expand(len(x), -1, -1, -1), return_dict=False, **more)
            maps = [r * (weight * (0.825 ** (12 - i) if only else 1)) for i, r in enumerate([*down, mid])]
            if only or getattr(getattr(m, "config", None), "global_pool_conditions", False):
                maps = [torch.cat([torch.zeros_like(r[:1]), r[1:]]) for r in maps]
            total = maps if total is None else [a + b for a, b in zip(total, maps)]
        return self.unet(x, t, down_block_additional_residuals=total[:-1], mid_block_additional_residual=total[-1], **more)


def adapter_name(key):
    """The original's name of a parameter of T2IAdapter, without prefix."""
    m = re.fullmatch(r"adapter\.body\.(\d+)\.(?:resnets\.(\d+)\.(.*)|(in_conv.*))", key)
    return f"body.{2 * int(m[1]) + int(m[2] or 0)}.{m[3] or m[4]}" if m else key.removeprefix("adapter.")


class Featured:
    """A U-Net with a T2I-Adapter's features."""

    def __init__(self, unet, features):
        self.unet, self.features = unet, features

    def __getattr__(self, name):
        return getattr(self.unet, name)

    def __call__(self, x, t, **more):
        more["down_intrablock_additional_residuals"] = [f.expand(len(x), -1, -1, -1).clone() for f in self.features]
        return self.unet(x, t, **more)


class Adapted(Featured):
    """A U-Net with a T2I-Adapter."""

    def __init__(self, unet, c, job, weight, dtype):
        with torch.device("meta"):
            m = diffusers.T2IAdapter(3, c["channels"], 2, 8, "full_adapter")
        m = models._filled(m, lambda k: "control0_model." + adapter_name(k), False, dtype, None)
        super().__init__(unet, [f * weight for f in m(hint(0, job["height"], job["width"], dtype))])


def run(parts, c, job, which, dtype, kind=None):
    if isinstance(which, float):
        return pipeline.run_family({**parts, "unet": Adapted(parts["unet"], c, job, which, dtype)}, c, job, dtype, True)
    if kind == "small":
        made = lambda n: control(c, n, dtype, new_small)
    elif kind == "difference":
        made = lambda n: difference(c, dtype)
    elif kind == "pooled":
        made = lambda n: control(c, n, dtype, new_control if n else new_pooled)
    elif kind is not None:
        made = lambda n: United(control(c, n, dtype, lambda c: new_union(c, 6)), kind)
    else:
        made = lambda n: control(c, n, dtype)
    nets = [(made(n), hint(n, job["height"], job["width"], dtype), *w) for n, w in enumerate(which)]
    return pipeline.run_family({**parts, "unet": Controlled(parts["unet"], nets)}, c, job, dtype, True)


def make(args):
    """All goldens of ControlNets."""
    parts = {k: {d: micro_families.load(c, d) for d in (torch.float64, torch.float32)} for k, c in FAMILIES.items()}
    goldens = []
    for name, (family, which, *kind) in JOBS.items():
        job = {**micro_families.BASE, "steps": 3}
        golden = store.Golden(name, SOURCES, samples=512, meta=pipeline.metadata(job, "micro_" + family))
        exact, single = (run(parts[family][d], FAMILIES[family], job, which, d, *kind) for d in (torch.float64, torch.float32))
        for tap, x in exact.items():
            golden.add(tap, x, single[tap], samples=128 if pipeline.is_block(tap) else None)
        goldens.append(golden)
    return goldens
