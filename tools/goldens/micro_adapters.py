"""T2I-Adapters of other shapes beside micro-SD 1 and micro-SDXL: diffusers' T2IAdapter, at 0.8.

micro_adapter_gray: SD 1's, which reads the hint's first channel alone. micro_adapter_xl: SDXL's. micro_control_lora: a ControlNet as ComfyUI
makes it of a ControlLoRA (comfy/controlnet.py), at 0.7. Hints and names as in
micro_control.py.
"""
import diffusers
import torch

from . import micro_control, micro_families, models, pipeline, store, values

SOURCES = micro_families.SOURCES + ["tools/goldens/" + n + ".py" for n in ("micro_control", "micro_adapters")]
JOBS = {"micro_adapter_gray": ("sd", 1, 8, "full_adapter"), "micro_adapter_xl": ("sdxl", 3, 16, "full_adapter_xl"),
        "micro_control_lora": ("sdxl", None, None, None)}
WEIGHT = 0.8


class Adapted(micro_control.Adapted):
    """A U-Net with such an adapter."""

    def __init__(self, unet, c, job, kind, dtype):
        _, channels, factor, name = kind
        widths = list(c["channels"]) + [c["channels"][-1]] * (factor == 16)
        with torch.device("meta"):
            m = diffusers.T2IAdapter(channels, widths, 2, factor, name)
        m = models._filled(m, lambda k: "control0_model." + micro_control.adapter_name(k), False, dtype, None)
        hint = micro_control.hint(0, job["height"], job["width"], dtype)
        micro_control.Featured.__init__(self, unet, [f * WEIGHT for f in m(hint[:, :channels])])


RANK = 4


def control_lora(c, dtype):
    """A ControlNet with the U-Net's own weights; matrices have a product of rank 4 on top, biases are the file's."""
    m = micro_control.control(c, 0, dtype)
    state = m.state_dict()
    for key in state:
        name = micro_control.control_name(key)
        if key.startswith("controlnet_") or not name.endswith(".weight"):
            continue
        own = torch.from_numpy(values.weight("model.diffusion_model." + name, state[key].shape)).to(dtype)
        if own.dim() > 1:
            flat = [1] * (own.dim() - 2)
            stem = "control0_model." + name.removesuffix("weight")
            up = torch.from_numpy(values.weight(stem + "up", (len(own), RANK, *flat))).to(dtype)
            down = torch.from_numpy(values.weight(stem + "down", (RANK, *own.shape[1:]))).to(dtype)
            own = own + (up.flatten(1) @ down.flatten(1)).reshape(own.shape)
        state[key] = own
    m.load_state_dict(state)
    return m


def make(args):
    """All goldens of these adapters."""
    families = micro_control.FAMILIES
    parts = {k: {d: micro_families.load(c, d) for d in (torch.float64, torch.float32)} for k, c in families.items()}
    goldens = []
    for name, kind in JOBS.items():
        family = kind[0]
        job = {**micro_families.BASE, "steps": 2}
        golden = store.Golden(name, SOURCES, samples=512, meta=pipeline.metadata(job, "micro_" + family))
        runs = []
        for d in (torch.float64, torch.float32):
            c, unet = families[family], parts[family][d]["unet"]
            if kind[1] is None:
                net = control_lora(c, d)
                unet = micro_control.Controlled(unet, [(net, micro_control.hint(0, 64, 64, d), 0.7, False)])
            else:
                unet = Adapted(unet, c, job, kind, d)
            runs.append(pipeline.run_family({**parts[family][d], "unet": unet}, families[family], job, d, True))
        for tap, x in runs[0].items():  # of down_blocks.2 diffusers' is with the adapter's feature, ours without
            if not pipeline.is_block(tap) or ("down_blocks" in tap and not tap.endswith("down_blocks.2")) or "mid_block" in tap:
                golden.add(tap, x, runs[1][tap], samples=64 if pipeline.is_block(tap) else None)
        goldens.append(golden)
    return goldens
