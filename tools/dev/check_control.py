"""check_control.py: what is added to a model at full size, by diffusers and by sdc, on generated weights.

    python tools/dev/check_control.py SDC DIR MODEL CASE...

MODEL: for cases of SD 1.5 a file of `tests --make-model full single f16`, for those of SDXL one of tools/goldens/checkpoints.py.
Writes files of the published shapes and names to DIR (F16), draws 256x256 in three steps with both programs, in f32, and
prints `sdc diff` of their latents for each case; exit status 1 if one is further off than 1e-4. The weights stay F16 in
memory on both sides, a layer of diffusers' widens its own while it computes: 3 to 4 GB besides the pages of files, some minutes a case. The cases:

    sd15 sdxl                  a ControlNet, by save_pretrained
    sdxl-small                 a ControlNet without attention, as controlnet-canny-sdxl-1.0-small
    sd15-pooled                one whose maps are their means, as control_v11e_sd15_shuffle
    sdxl-union                 a ControlNet Union of eight kinds (ProMax), by save_pretrained
    sdxl-adapter               a T2I-Adapter, by save_pretrained
    sd15-plus sdxl-base sdxl-plus
                               an IP-Adapter and its vision encoder (ViT-H, and ViT-bigG for sdxl-base)
    sdxl-lora                  a LoRA of rank 16 over every linear layer and convolution of the U-Net and of both encoders, which
                               PEFT reads and merges; merged weights are rounded to F16 once, as the model's file is

Environment: tools/requirements.txt and peft.
"""

import gc
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import diffusers
import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from goldens import checkpoints, families, micro_control, micro_image, models, names, pipeline, values

JOB = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=256, height=256, steps=3, cfg=7, sampler="Euler")
WEIGHT, SIDE, RANK, LORA_WEIGHT = 0.8, 256, 16, 0.25
CONFIGS = {"sd15": families.SD15, "sdxl": families.SDXL}
VIT_H = dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, image_size=224, patch_size=14,
             projection_dim=1024, hidden_act="gelu")
VIT_BIGG = {**VIT_H, "hidden_size": 1664, "intermediate_size": 8192, "num_hidden_layers": 48, "projection_dim": 1280}
IMAGE = {  # vision encoder, resampler (queries, their width, heads) or None
    "sd15-plus": (VIT_H, (16, 768, 12)),
    "sdxl-base": (VIT_BIGG, None),
    "sdxl-plus": (VIT_H, (16, 1280, 20)),
}
WHOLE = ("MultiheadAttention", "CLIPVisionEmbeddings", "ImageProjection")  # read their layers' weights by themselves


def thrifty(m):
    """Has each layer of m hold F16 and compute in F32."""

    def owners(layer):
        return [(s, s._parameters) for s in (layer.modules() if type(layer).__name__ in WHOLE else [layer]) if s._parameters]

    def widen(layer, *_):
        layer.narrow = [(s, dict(own)) for s, own in owners(layer)]
        for s, own in layer.narrow:
            for k, p in own.items():
                s._parameters[k] = None if p is None else torch.nn.Parameter(p.float(), requires_grad=False)

    def narrow(layer, *_):
        for s, own in layer.narrow:
            s._parameters.update(own)

    inside = {id(s) for w in m.modules() if type(w).__name__ in WHOLE for s in w.modules() if s is not w}
    for layer in m.modules():
        if id(layer) not in inside and owners(layer):
            layer.register_forward_pre_hook(widen)
            layer.register_forward_hook(narrow, always_call=True)
    return m.eval()


def mapped(m, rename, source):
    """m with a file's F16 numbers, which stay there."""
    names.fill(m, rename, source, torch.float16, copy=False)
    return m.eval()


def half(m):
    """m with the values of its names, generated, in F16."""
    return models._filled(m, lambda k: "made." + k, True, torch.float16, None)


def hint_file(folder):
    rgb = (values.mixed("hint0", 0, SIDE * SIDE * 3) >> 24).astype(np.uint8).reshape(SIDE, SIDE, 3)
    Image.fromarray(rgb).save(folder / "hint.png")
    return folder / "hint.png"


# --- cases: what becomes of the U-Net, and sdc's options ---


def control_case(c, unet, folder, new=micro_control.new_control):
    with torch.device("meta"):
        net = new(c)
    net = half(net)
    net.save_pretrained(folder / "control")
    hint = micro_control.hint(0, SIDE, SIDE, torch.float32)
    return micro_control.Controlled(unet, [(thrifty(net), hint, WEIGHT, False)]), ["--control", f"{folder}/control:{hint_file(folder)}:{WEIGHT}"]


def small_case(c, unet, folder):
    return control_case(c, unet, folder, micro_control.new_small)


def pooled_case(c, unet, folder):
    return control_case(c, unet, folder, micro_control.new_pooled)


def union_case(c, unet, folder):
    kind = 3
    with torch.device("meta"):
        net = micro_control.new_union(c)
    net = half(net)
    net.save_pretrained(folder / "control")
    nets = micro_control.United(thrifty(net), kind)
    hint = micro_control.hint(0, SIDE, SIDE, torch.float32)
    return (
        micro_control.Controlled(unet, [(nets, hint, WEIGHT, False)]),
        ["--control", f"{folder}/control:{hint_file(folder)}:{WEIGHT}:union=lines"],
    )


def adapter_case(c, unet, folder):
    with torch.device("meta"):
        net = diffusers.T2IAdapter(3, [*c["channels"], c["channels"][-1]], 2, 16, "full_adapter_xl")
    net = half(net)
    net.save_pretrained(folder / "control")
    hint = micro_control.hint(0, SIDE, SIDE, torch.float32)
    features = [f * WEIGHT for f in thrifty(net)(hint)]
    return micro_control.Featured(unet, features), ["--control", f"{folder}/control:{hint_file(folder)}:{WEIGHT}"]


def image_case(c, unet, folder, vision, resampler):
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    with torch.device("meta"):
        eyes = CLIPVisionModelWithProjection(CLIPVisionConfig(**vision))
    eyes = half(eyes)
    eyes.save_pretrained(folder / "eyes")
    eyes = thrifty(eyes)
    x = micro_image.picture(0, torch.float32, vision["image_size"])
    if resampler:
        seen = eyes(torch.cat([torch.zeros_like(x), x]), output_hidden_states=True).hidden_states[-2][:, None]
    else:
        seen = eyes(x).image_embeds[:, None]
        seen = torch.cat([torch.zeros_like(seen), seen])
    del eyes
    state = micro_image.adapter(unet, resampler, c["context"], torch.float16, vision)
    save_file({f"{a}.{b}": v.contiguous() for a, part in state.items() for b, v in part.items()}, folder / "adapter.safetensors")
    unet._load_ip_adapter_weights([state])
    for p in unet.attn_processors.values():
        if hasattr(p, "scale"):
            p.scale = [WEIGHT]
    rgb = micro_image.pixels(0)
    Image.fromarray(rgb).save(folder / "seen.png")
    options = ["--ip-adapter", folder / "adapter.safetensors", "--image-encoder", folder / "eyes"]
    return micro_image.Prompted(unet, [seen]), [*options, "--image-prompt", f"{folder}/seen.png:{WEIGHT}"]


# --- LoRA ---


def layers(m):
    return {k: s for k, s in m.named_modules() if isinstance(s, (torch.nn.Linear, torch.nn.Conv2d))}


def lora_state(m, prefix):
    """A LoRA over all layers of m."""
    out = {}
    for k, s in layers(m).items():
        w = s.weight
        flat = [1] * (w.dim() - 2)
        for part, shape in (("lora_A", (RANK, *w.shape[1:])), ("lora_B", (len(w), RANK, *flat))):
            name = f"{prefix}.{k}.{part}.weight"
            out[name] = torch.from_numpy(values.weight(name, shape)).half()
    return out


class Merging(torch.nn.Module):
    """A layer of PEFT's, which merges its LoRA in F32 and rounds to F16 whenever it computes, in F32."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        base = self.layer.get_base_layer()
        kept = base.weight.data
        base.weight.data = kept.float()
        self.layer.merge()
        base.weight.data = base.weight.data.half()
        y = base(x)
        base.weight.data = kept
        self.layer.merged_adapters.clear()
        return y


def merged(m, state, prefix):
    """m with the file's LoRA, as diffusers and PEFT load it, at LORA_WEIGHT."""
    from diffusers.loaders.peft import PeftAdapterMixin
    from diffusers.loaders import StableDiffusionXLLoraLoaderMixin as Loader
    from peft.tuners.lora import LoraLayer

    if isinstance(m, PeftAdapterMixin):
        m.load_lora_adapter(state, prefix=prefix)
    else:
        Loader.load_lora_into_text_encoder(state, None, m, prefix=prefix)
    count = 0
    for k, s in list(m.named_modules()):
        if not isinstance(s, LoraLayer):
            continue
        s.lora_A.float(), s.lora_B.float()
        for a in s.scaling:
            s.scaling[a] *= LORA_WEIGHT
        parent, _, last = k.rpartition(".")
        setattr(m.get_submodule(parent), last, Merging(s))
        count += 1
    assert count == len([k for k in state if k.startswith(prefix + ".") and "lora_A" in k]), count
    print(f"{prefix}: {count} layers merged", flush=True)
    return m


# --- both programs ---


def texts(c, source, folder, lora):
    taps, state = {}, {}
    for i, e in enumerate(c["encoders"]):
        m = mapped(models.new_encoder(e), names.encoder_names(e), source)
        prefix = f"text_encoder{f'_{i + 1}' if i else ''}"
        if lora:
            state |= lora_state(m, prefix)
            m = merged(m, state, prefix)
        for tap, x in pipeline.texts([thrifty(m)], {**c, "encoders": [e]}, JOB).items():
            taps[tap.replace("text_model", f"text_model_{i + 1}") if i else tap] = x
        del m
        gc.collect()
    return taps, state


def run(case, sdc, folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    c, source = CONFIGS[case.split("-")[0]], checkpoints.File(model)
    taps, state = texts(c, source, folder, case.endswith("lora"))
    unet = mapped(models.new_unet(c), names.unet_names(c["depth"]), source)
    if case.endswith("lora"):
        state |= lora_state(unet, "unet")
        save_file(state, folder / "lora.safetensors")
        unet = merged(unet, state, "unet")
        more = ["--lora", f"{folder}/lora.safetensors:{LORA_WEIGHT}"]
        del state
    elif case in IMAGE:
        unet, more = image_case(c, unet, folder, *IMAGE[case])
    else:
        make = {"sdxl-small": small_case, "sd15-pooled": pooled_case, "sdxl-adapter": adapter_case, "sdxl-union": union_case}.get(case, control_case)
        unet, more = make(c, unet, folder)
    thrifty(getattr(unet, "unet", unet))
    taps |= pipeline.denoise(unet, pipeline.conditions(taps, c, JOB, torch.float32), JOB, torch.float32, False)[1]
    del unet
    gc.collect()
    theirs, ours = folder / "theirs.safetensors", folder / "ours.safetensors"
    save_file({k: v.float().contiguous() for k, v in taps.items() if k.startswith("latents.")}, theirs)
    options = ["-m", model, "-p", JOB["prompt"], "-n", JOB["negative"], "--seed", "42", "-W", "256", "-H", "256", "--steps", "3"]
    options += ["--cfg", "7", "--sampler", "Euler", "--rng", "cpu", *more]
    options += ["--precision", "f32-direct", "--taps", ours, "--tap", "latents.*", "-o", folder / "ours.png", "-q"]
    subprocess.run([sdc, "txt2img", *options], check=True)
    a, b = load_file(ours), load_file(theirs)
    worst = max(float((a[k] - v.reshape(a[k].shape)).norm() / v.norm()) for k, v in b.items())
    print(f"{case}: {worst:.2g} off (relative RMS of the worst latents)", flush=True)
    subprocess.run([sdc, "diff", ours, theirs])
    return worst > 1e-4


def main():
    sdc, folder, model, *cases = sys.argv[1:]
    torch.set_grad_enabled(False)
    return any([run(case, sdc, Path(folder) / case, model) for case in cases])


if __name__ == "__main__":
    sys.exit(main())
