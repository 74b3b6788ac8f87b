#!/usr/bin/env python3
"""Named activations of a diffusers pipeline, with the names and layout of `sdc txt2img --taps`.

In a program or a test of your own:

    with Taps(pipe) as taps:
        pipe("a lovely cat", ...)
    taps.save("theirs.safetensors")              # then: sdc check RECORD --against theirs.safetensors

As a program it runs the settings of a record on a diffusers folder:

    sdc record -m FOLDER -p "a lovely cat" --sampler Euler --rng cpu --seed 42 -o run.record
    python tools/taps/diffusers_taps.py FOLDER run.record theirs.safetensors
    sdc check run.record --against theirs.safetensors

It takes samplers that diffusers has in the same form (SCHEDULERS) and prompts without weights; noise is torch's
(--rng cpu), or the tensor "noise" of a file of activations (--noise). Environment: tools/requirements.txt.
"""
import argparse
import functools
import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

LEVELS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
SCHEDULERS = {  # as the webui runs them: at linspace(999, 0, steps); DDIM at 1, 1 + 1000 / steps, ... without the last
    "Euler": ("EulerDiscreteScheduler", dict(timestep_spacing="linspace"), 0),
    "Euler a": ("EulerAncestralDiscreteScheduler", dict(timestep_spacing="linspace"), 0),
    "DDIM": ("DDIMScheduler", dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1), 1),
}


def first(out):
    """The tensor in a module's output."""
    while not torch.is_tensor(out):
        out = out[0]
    return out


class Recorder:
    """Forward hooks that store outputs under names, in order of computation. `prefix` None: record nothing."""

    def __init__(self):
        self.taps, self.prefix, self.full, self.handles = {}, None, True, []

    def watch(self, module, name, only_short=False):
        def hook(_, __, out):
            if self.prefix is not None and (self.full or only_short):
                self.taps[self.prefix + name] = first(out).clone()

        self.handles.append(module.register_forward_hook(hook))

    def unet(self, m):
        """Every block of the U-Net; without `full`, only conv_out."""
        self.watch(m.time_embedding, "time_embedding")
        if getattr(m, "add_embedding", None) is not None:
            self.watch(m.add_embedding, "add_embedding")
        self.watch(m.conv_in, "conv_in")
        for kind in ("down_blocks", "up_blocks"):
            for b, block in enumerate(getattr(m, kind)):
                self.block(block, f"{kind}.{b}")
        if m.mid_block is not None:
            self.block(m.mid_block, "mid_block")
        self.watch(m.conv_norm_out, "conv_norm_out")
        self.watch(m.conv_out, "conv_out", only_short=True)

    def block(self, block, name):
        for part in ("resnets", "attentions", "downsamplers", "upsamplers"):
            for i, layer in enumerate(getattr(block, part, None) or []):
                self.watch(layer, f"{name}.{part}.{i}")
        self.watch(block, name)

    def coder(self, m, blocks):
        """The stages of the VAE's encoder or decoder."""
        self.watch(m.conv_in, "conv_in")
        self.watch(m.mid_block, "mid_block")
        for i, block in enumerate(getattr(m, blocks)):
            self.watch(block, f"{blocks}.{i}")
        self.watch(m.conv_norm_out, "conv_norm_out")
        self.watch(m.conv_out, "conv_out")

    def close(self):
        for h in self.handles:
            h.remove()
        self.handles = []


class NamedTaps(Recorder):
    """A whole run's activations: what the two programs' Taps share."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def begin_call(self, context, x=None):
        """The U-Net is about to run; context [2,77,C], the negative prompt first; x its input, or None."""
        if not self.calls:
            self.taps["text_model.last_hidden_state"] = context.clone()
            if x is not None:
                self.taps["noise"] = x[: x.shape[0] // 2].clone()
        self.prefix = f"unet.step{self.calls:03d}."
        self.calls += 1

    def end_step(self, latents):
        self.taps[f"latents.step{self.calls - 1:03d}"] = latents.clone()

    def save(self, path):
        taps = {k: v.detach().float().cpu().contiguous() for k, v in self.taps.items()}
        taps["image"] = taps["vae.decoder.conv_out"].clone()
        save_file(taps, path)


class Taps(NamedTaps):
    """Those of a StableDiffusionPipeline, from here to close(). One run of it."""

    def __init__(self, pipe):
        super().__init__()
        self.unet(pipe.unet)
        self.coder(pipe.vae.decoder, "up_blocks")
        self.handles.append(pipe.unet.register_forward_pre_hook(self._unet_begins, with_kwargs=True))
        self.handles.append(pipe.vae.decoder.register_forward_pre_hook(self._decoder_begins))
        self.scheduler, self.step = pipe.scheduler, pipe.scheduler.step
        self.pipe, self.prepare = pipe, pipe.prepare_latents
        pipe.scheduler.step = self._listening(self.step)
        pipe.prepare_latents = self._prepare

    def _prepare(self, *args, **more):
        x = self.prepare(*args, **more)
        self.taps["noise"] = x / self.scheduler.init_noise_sigma
        return x

    def _unet_begins(self, _, args, more):
        self.begin_call(more["encoder_hidden_states"] if "encoder_hidden_states" in more else args[2])

    def _decoder_begins(self, *_):
        self.prefix = "vae.decoder."

    def _listening(self, step):
        @functools.wraps(step)  # the pipeline looks at its parameters
        def listening(*args, **more):
            out = step(*args, **more)
            self.end_step(first(out if isinstance(out, tuple) else out.prev_sample))
            return out

        return listening

    def close(self):
        self.scheduler.step, self.pipe.prepare_latents = self.step, self.prepare
        super().close()


def settings_of(record):
    """The settings of a record, a dictionary."""
    with safe_open(record, "pt") as f:
        meta = f.metadata()
    others = [line.split(" ", 3) for line in meta.get("sdc.files", "").splitlines()]
    others = [name for _, _, role, name in others if role not in ("model", "noise")]
    if others:
        sys.exit(f"the record's run reads {others[0]}, which is not done here; make a record of the model alone")
    return json.loads(meta["sdc.settings"])


def noise_of(s, path, channels):
    """The noise [batch,C,h,w] that a run of these settings begins with, and the generators that drew it."""
    generators = [torch.Generator().manual_seed(s["seed"] + i) for i in range(s["batch_size"])]
    if path:
        with safe_open(path, "pt") as f:
            return f.get_tensor("noise"), generators
    if s["randn_source"] != "cpu":
        sys.exit("the record's noise is an NVIDIA GPU's: record with --rng cpu, or name a file of activations with --noise")
    shape = (channels, s["height"] // 8, s["width"] // 8)
    return torch.stack([torch.randn(shape, generator=g) for g in generators]), generators


def check_settings(s, samplers):
    """Ends the program with a line where it cannot do what a record says."""
    if s["sampler_name"] not in samplers or s["scheduler"] != "Automatic":
        sys.exit(f"{s['sampler_name']}, {s['scheduler']}: not here; the samplers are {', '.join(samplers)}, the schedule type Automatic")
    if any(c in s["prompt"] + s["negative_prompt"] for c in "()[]\\#") or "denoising_strength" in s or s["subseed_strength"]:
        sys.exit("weights in prompts, img2img and variations are not here; make a record without them")
    if s.get("tiling", "none") != "none" or s.get("tiled_diffusion", "none") != "none" or any(k.startswith("hires_") or k.startswith("hr_") for k in s):
        sys.exit("hires fix, tiled diffusion and tiling are not here; make a record without them")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", help="a diffusers folder")
    p.add_argument("record")
    p.add_argument("out", help="a safetensors file")
    p.add_argument("--noise", help="a file with a tensor noise, such as sdc txt2img --taps writes")
    p.add_argument("--dtype", default="float32", help="torch's name of the type to compute in (float32)")
    p.add_argument("--device", default="cpu")
    args = p.parse_args()
    import diffusers

    s = settings_of(args.record)
    check_settings(s, SCHEDULERS)
    dtype = getattr(torch, args.dtype)
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(args.model, torch_dtype=dtype, safety_checker=None, local_files_only=True)
    name, more, left_out = SCHEDULERS[s["sampler_name"]]
    if args.noise and s["sampler_name"] == "Euler a":
        p.error("--noise: Euler a draws more noise than the file holds; record with --rng cpu")
    prediction = pipe.scheduler.config.get("prediction_type", "epsilon")
    pipe.scheduler = getattr(diffusers, name)(**LEVELS, **more, prediction_type=prediction)
    pipe.to(args.device)
    noise, generators = noise_of(s, args.noise, pipe.unet.config.in_channels)

    def after_step(pipe, step, _, more):
        pipe._interrupt = step + 1 >= s["steps"] - left_out
        return more

    with torch.no_grad(), Taps(pipe) as taps:
        pipe(
            [s["prompt"]] * s["batch_size"],
            negative_prompt=[s["negative_prompt"]] * s["batch_size"],
            width=s["width"],
            height=s["height"],
            num_inference_steps=s["steps"],
            guidance_scale=s["cfg_scale"],
            clip_skip=s["CLIP_stop_at_last_layers"] - 1 or None,
            latents=noise.to(args.device, dtype),
            generator=generators,
            callback_on_step_end=after_step,
            output_type="pt",
        )
    taps.save(args.out)


if __name__ == "__main__":
    main()
