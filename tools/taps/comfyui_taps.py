#!/usr/bin/env python3
"""Named activations of ComfyUI, with the names and layout of `sdc txt2img --taps`.

In a program that has loaded a checkpoint (comfy.sd.load_checkpoint_guess_config) and encoded its prompts, with the
folders of ComfyUI and tools/taps in PYTHONPATH:

    with Taps(model, vae, "euler") as taps:
        samples = comfy.sample.sample(model, noise, steps, cfg, "euler", "normal", positive, negative, latent, seed=seed)
        vae.decode(samples)
    taps.save("theirs.safetensors")              # then: sdc check RECORD --against theirs.safetensors

As a program it runs the settings of a record with a copy of ComfyUI, on the CPU in float32:

    sdc record -m MODEL -p "a lovely cat" --sampler Euler --rng cpu --seed 42 --steps 28 -o run.record
    python tools/taps/comfyui_taps.py COMFYUI MODEL run.record theirs.safetensors
    sdc check run.record --against theirs.safetensors

Where ComfyUI goes its own way: it begins with sqrt(1 + sigma^2) times the noise, sdc and the webui with sigma times it
(here it is given less); it tells the U-Net whole times, so that only numbers of steps agree whose times are whole (STEPS);
it weighs words differently (prompts have no weights). It knows models by their shapes: MODEL is a single file of SD 1.x
in its usual size.
It needs what ComfyUI's requirements.txt names.
"""
import argparse
import sys

import torch
from compvis_taps import LdmTaps
from diffusers_taps import check_settings, noise_of, settings_of

STEPS = (2, 4, 10, 28, 38)  # linspace(999, 0, steps) is whole
SAMPLERS = {"Euler": "euler"}  # one call a step, at linspace: Heun has two, and sdc names the second stepNNN.1


class Taps(LdmTaps):
    """Those of a ModelPatcher and a VAE, from here to close(). One run of them, by a sampler of ComfyUI's k_diffusion."""

    def __init__(self, model, vae, sampler):
        super().__init__()
        import comfy.k_diffusion.sampling as sampling

        net = model.model.diffusion_model
        self.net(net)
        self.handles.append(net.register_forward_hook(self._unet_ends))
        self.decoder(vae.first_stage_model.decoder)
        self.sampling, self.name, self.sample, self.turned = sampling, f"sample_{sampler}", getattr(sampling, f"sample_{sampler}"), False
        setattr(sampling, self.name, self._sample)

    def _sample(self, model, x, sigmas, *args, callback=None, **more):
        self.taps["noise"] = x / sigmas[0]

        def before_step(now):
            if now["i"]:
                self.taps[f"latents.step{now['i'] - 1:03d}"] = now["x"].clone()
            if callback:
                callback(now)

        x = self.sample(model, x, sigmas, *args, callback=before_step, **more)
        self.taps[f"latents.step{len(sigmas) - 2:03d}"] = x.clone()
        return x

    def _unet_begins(self, _, args, more):
        order = more["transformer_options"]["cond_or_uncond"]
        if sorted(order) != [0, 1]:
            sys.exit("ComfyUI runs the two prompts one after the other; give it more memory, or a CFG scale other than 1")
        self.turned = order == [0, 1]  # the positive prompt first
        self.begin_call(self._turn(more["context"] if "context" in more else args[2]))

    def _turn(self, x):
        return torch.cat(x.chunk(2)[::-1]) if self.turned and x.shape[0] > 1 else x

    def _unet_ends(self, *_):
        for name in [name for name in self.taps if name.startswith(self.prefix)]:
            self.taps[name] = self._turn(self.taps[name])

    def close(self):
        setattr(self.sampling, self.name, self.sample)
        super().close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("comfyui", help="a copy of ComfyUI")
    p.add_argument("model", help="a single .safetensors file of SD 1.x")
    p.add_argument("record")
    p.add_argument("out", help="a safetensors file")
    p.add_argument("--noise", help="a file with a tensor noise, such as sdc txt2img --taps writes")
    args = p.parse_args()
    s = settings_of(args.record)
    check_settings(s, SAMPLERS)
    if s["steps"] not in STEPS:
        sys.exit(f"ComfyUI rounds the times of {s['steps']} steps; record with one of {', '.join(map(str, STEPS))}")
    noise, _ = noise_of(s, args.noise, 4)

    sys.path.insert(0, args.comfyui)
    from comfy.cli_args import args as how

    how.cpu = how.force_fp32 = how.fp32_vae = how.fp32_text_enc = True
    import comfy.sample
    import comfy.sd

    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(args.model)
    clip.clip_layer(-s["CLIP_stop_at_last_layers"])
    positive, negative = ([[clip.encode_from_tokens(clip.tokenize(s[k])), {}]] for k in ("prompt", "negative_prompt"))
    name = SAMPLERS[s["sampler_name"]]
    sigma = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", s["steps"])[0]
    noise = noise * (sigma / torch.sqrt(1 + sigma**2))
    with torch.no_grad(), Taps(model, vae, name) as taps:
        x = comfy.sample.sample(model, noise, s["steps"], s["cfg_scale"], name, "normal", positive, negative, torch.zeros_like(noise), seed=s["seed"])
        vae.decode(x)
    taps.save(args.out)


if __name__ == "__main__":
    main()
