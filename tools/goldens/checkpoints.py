"""Whole models with generated weights in float16, as people share them: a single file and a diffusers folder.

    python -m goldens.checkpoints sd21|sd21v|sdxl|refiner DIR/NAME [--folder-only] [--no-folder] [--shard 10GB] [--bpe FILE]

(with tools/ as the working directory) writes DIR/NAME.safetensors under the names of the original checkpoints and
DIR/NAME_folder by diffusers' own writer, with the same numbers. --bpe: CLIP's merge list, for the folder's tokenizers.

The numbers are values.py's, by the single file's names, but for logit_scale and SD 2's tables of the schedule, and for
sd21v's model.diffusion_model.out.2.bias, which is 2 lower: the webui recognises v-prediction by running the U-Net.
"""
import argparse
import gc
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from . import families, models, names, pipeline

FAMILIES = {"sd21": families.SD21, "sd21v": families.SD21, "sdxl": families.SDXL, "refiner": families.REFINER}
COUNTS = {  # of tensors and parameters of the U-Net
    "sd21": (686, 865910724),
    "sd21v": (686, 865910724),
    "sdxl": (1680, 2567463684),
}
LEVELS = dict(beta_end=0.012, beta_schedule="scaled_linear", beta_start=0.00085, num_train_timesteps=1000)
LEVELS |= dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1, trained_betas=None)
VERSION = {"_diffusers_version": "0.19.0"}


def schedule():
    """The tables of CompVis's DDPM (register_schedule), which SD 1 and 2 files hold, in float32."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    a = np.cumprod(1 - betas)
    before = np.append(1.0, a[:-1])
    variance = betas * (1 - before) / (1 - a)
    tables = {
        "betas": betas,
        "alphas_cumprod": a,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": np.sqrt(a),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - a),
        "log_one_minus_alphas_cumprod": np.log(1 - a),
        "sqrt_recip_alphas_cumprod": np.sqrt(1 / a),
        "sqrt_recipm1_alphas_cumprod": np.sqrt(1 / a - 1),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": np.log(np.maximum(variance, 1e-20)),
        "posterior_mean_coef1": betas * np.sqrt(before) / (1 - a),
        "posterior_mean_coef2": (1 - before) * np.sqrt(1 - betas) / (1 - a),
    }
    return {k: torch.from_numpy(v.astype(np.float32)) for k, v in tables.items()}


def stored_shape(name, shape):
    """The VAE's attention is of 1x1 convolutions in a single file."""
    return (*shape, 1, 1) if ".attn_1." in name and len(shape) == 2 else shape


def shapes(c):
    """{name: shape} of a single file, without what it has besides."""
    parts = [(models.new_unet(c), names.unet_names(c["depth"])), (models.new_vae(c), names.vae_names(len(c["vae"])))]
    parts += [(models.new_encoder(e), names.encoder_names(e)) for e in c["encoders"]]
    return {name: stored_shape(name, shape) for m, rename in parts for _, name, shape, _ in names.plan(m, rename)}


def besides(c):
    """What a published file of the family has besides the networks' own tensors."""
    more = {}
    for e in c["encoders"]:
        if e["kind"] == families.CLIP:
            more[e["prefix"] + "embeddings.position_ids"] = torch.arange(77)[None]
        else:
            more[e["prefix"] + "logit_scale"] = torch.tensor(4.6052)
        if e["kind"] == families.OPEN_CLIP and not e["pooled"]:
            more |= schedule()
    return more


def numbers(family, c, half=True):
    """{name: tensor} of a single file."""
    source, out = names.generated(False), {}
    wanted = shapes(c)
    for e in c["encoders"]:
        if e["kind"] == families.OPEN_CLIP:
            wanted.setdefault(e["prefix"] + "text_projection", (e["width"], e["width"]))
    for name, shape in wanted.items():
        w = source(name, shape)
        if family.endswith("v") and name == names.UNET + "out.2.bias":
            w = w - 2
        out[name] = w.half() if half else w
    for name, w in besides(c).items():
        out[name] = w.half() if half and name.endswith("logit_scale") else w
    return out


class File:
    """A single file as a source for models.py: each tensor in float32."""

    def __init__(self, path):
        self.f = safe_open(path, "pt")

    def __call__(self, name, shape):
        return self.f.get_tensor(name)


def _json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_encoder(folder, e, source):
    """A text encoder's folder, as published ones are: SD 2's without the layer that it does not use."""
    layers = e["layers"] - (e["kind"] == families.OPEN_CLIP and not e["pooled"])
    m = models.new_encoder(e, layers)
    names.fill(m, names.encoder_names(e), source, torch.float16)
    tensors = {k if k.startswith("text_") else "text_model." + k: p for k, p in m.named_parameters()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = dict(
        **dict(architectures=[type(m).__name__], attention_dropout=0.0, bos_token_id=0, dropout=0.0, eos_token_id=2),
        **dict(hidden_act=e["act"], hidden_size=e["width"], initializer_factor=1.0, initializer_range=0.02),
        **dict(intermediate_size=e["mlp"], layer_norm_eps=1e-05, max_position_embeddings=77),
        **dict(model_type="clip_text_model", num_attention_heads=e["heads"], num_hidden_layers=layers),
        **dict(pad_token_id=1, projection_dim=e["pooled"] or e["width"], torch_dtype="float16", vocab_size=49408),
    )
    _json(folder / "config.json", config)


def write_folder(folder, family, c, source, shard, bpe):
    """A diffusers folder with the source's numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    xl = bool(c["adm"])
    for part, make in (("unet", models.unet), ("vae", models.vae)):
        m = make(c, dtype=torch.float16, source=source)
        m.register_to_config(sample_size=128 if xl and part == "unet" else 1024 if xl else 64)
        if part == "vae":
            m.register_to_config(force_upcast=True)
        m.save_pretrained(folder / part, max_shard_size=shard)
        del m
        gc.collect()
    for e in c["encoders"]:
        write_encoder(folder / e["folder"], e, source)
        if bpe:
            pad = "!" if e["pad"] == 0 else "<|endoftext|>"
            pipeline.tokenizer(bpe, pad_token=pad).save_pretrained(folder / e["folder"].replace("text_encoder", "tokenizer"))
    scheduler = {"_class_name": "EulerDiscreteScheduler", **VERSION, **LEVELS, "prediction_type": "epsilon"}
    if xl:
        scheduler |= dict(interpolation_type="linear", skip_prk_steps=True, timestep_spacing="leading", use_karras_sigmas=False)
    elif family == "sd21v":
        scheduler |= {"_class_name": "DDIMScheduler", "prediction_type": "v_prediction", "skip_prk_steps": True}
    else:
        scheduler |= {"_class_name": "PNDMScheduler", "skip_prk_steps": True}
    _json(folder / "scheduler" / "scheduler_config.json", scheduler)
    kind = {"sdxl": "StableDiffusionXLPipeline", "refiner": "StableDiffusionXLImg2ImgPipeline"}
    index = {"_class_name": kind.get(family, "StableDiffusionPipeline"), **VERSION}
    if xl:
        index["force_zeros_for_empty_prompt"] = family == "sdxl"
    if family == "refiner":
        index["requires_aesthetics_score"] = True
    index["scheduler"] = ["diffusers", scheduler["_class_name"]]
    for part in ("text_encoder", "text_encoder_2") if xl else ("text_encoder",):
        e = next((e for e in c["encoders"] if e["folder"] == part), None)
        which = "CLIPTextModelWithProjection" if e and e["pooled"] else "CLIPTextModel"
        index[part] = ["transformers", which] if e else [None, None]
        index[part.replace("text_encoder", "tokenizer")] = ["transformers", "CLIPTokenizer"] if e else [None, None]
    index["unet"], index["vae"] = ["diffusers", "UNet2DConditionModel"], ["diffusers", "AutoencoderKL"]
    _json(folder / "model_index.json", index)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("family", choices=FAMILIES)
    p.add_argument("path", type=Path)
    p.add_argument("--folder-only", action="store_true")
    p.add_argument("--no-folder", action="store_true")
    p.add_argument("--shard", default="10GB")
    p.add_argument("--bpe", default=None)
    args = p.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    c = FAMILIES[args.family]
    single = args.path.with_name(args.path.name + ".safetensors")
    if not args.folder_only:
        tensors = numbers(args.family, c)
        unet = [t for k, t in tensors.items() if k.startswith(names.UNET)]
        counts = len(unet), sum(t.numel() for t in unet)
        print(f"{args.family}: {len(tensors)} tensors, U-Net {counts}", flush=True)
        assert counts == COUNTS.get(args.family, counts)
        save_file(tensors, single.with_suffix(".part"), metadata={"format": "pt"})
        single.with_suffix(".part").rename(single)
        del tensors, unet
        gc.collect()
    if not args.no_folder:
        folder = args.path.with_name(args.path.name + "_folder")
        write_folder(folder, args.family, c, File(single), args.shard, args.bpe)


if __name__ == "__main__":
    main()
