#!/usr/bin/env python3
"""Named activations of the original code (CompVis/stable-diffusion), with the names of `sdc txt2img --taps`.

In scripts/txt2img.py of that repository, around one picture, with `sampler` its DDIMSampler:

    from compvis_taps import Taps                # with tools/taps in PYTHONPATH
    with Taps(model, sampler) as taps:
        samples, _ = sampler.sample(...)         # --n_samples 1 --skip_grid, eta 0, x_T the noise of the record
        model.decode_first_stage(samples)
    taps.save("theirs.safetensors")              # then: sdc check RECORD --against theirs.safetensors

As a program it builds the networks of that repository as v1-inference.yaml says, without its training framework, fills
them from a single-file checkpoint, and runs a record's settings with its DDIM (prompts as token ids from `sdc tokens`):

    sdc record -m MODEL -p "a lovely cat" --sampler DDIM --rng cpu --seed 42 -o run.record
    python tools/taps/compvis_taps.py REPOSITORY MODEL run.record theirs.safetensors --sdc ./sdc
    sdc check run.record --against theirs.safetensors

It needs torch, transformers, safetensors, PyYAML, and what those modules import: einops, omegaconf, tqdm, pillow.
"""
import argparse
import json
import subprocess
import sys
import types

import torch
from diffusers_taps import NamedTaps, check_settings, noise_of, settings_of
from safetensors import safe_open


class LdmTaps(NamedTaps):
    """Those of the networks as the original code names them. Of a block its last layer is watched: others call no more."""

    def net(self, m):
        self.watch(m.time_embed, "time_embedding")
        self.watch(m.input_blocks[0][-1], "conv_in")
        self.side(list(m.input_blocks)[1:], "down_blocks", "downsamplers")
        for layer, name in zip(m.middle_block, ("resnets.0", "attentions.0", "resnets.1")):
            self.watch(layer, f"mid_block.{name}")
        self.watch(m.middle_block[-1], "mid_block")
        per_level = m.num_res_blocks if isinstance(m.num_res_blocks, int) else m.num_res_blocks[0]
        self.side(list(m.output_blocks), "up_blocks", "upsamplers", per_level + 1)
        self.watch(m.out[0], "conv_norm_out")
        self.watch(m.out[2], "conv_out")
        self.handles.append(m.register_forward_pre_hook(self._unet_begins, with_kwargs=True))

    def side(self, blocks, side, sampler, per_level=None):
        """The way down or up; a level ends with its sampler, or after per_level blocks."""
        level = index = 0
        for i, block in enumerate(blocks):
            ends = i + 1 == len(blocks) if per_level is None else index + 1 == per_level
            for layer in block:
                kind = {"ResBlock": f"resnets.{index}", "SpatialTransformer": f"attentions.{index}"}
                name = kind.get(type(layer).__name__, f"{sampler}.0")
                ends = ends or (per_level is None and name == f"{sampler}.0")
                self.watch(layer, f"{side}.{level}.{name}")
            if ends:
                self.watch(block[-1], f"{side}.{level}")
                level, index = level + 1, 0
            else:
                index += 1

    def decoder(self, m):
        self.watch(m.conv_in, "conv_in")
        self.watch(m.mid.block_2, "mid_block")
        for i, level in enumerate(reversed(m.up)):  # the original counts from the picture's side
            self.watch(level.upsample if hasattr(level, "upsample") else level.block[-1], f"up_blocks.{i}")
        self.watch(m.norm_out, "conv_norm_out")
        self.watch(m.conv_out, "conv_out")
        self.handles.append(m.register_forward_pre_hook(self._decoder_begins))

    def _unet_begins(self, _, args, more):
        self.begin_call(more["context"] if "context" in more else args[2], args[0])

    def _decoder_begins(self, *_):
        self.prefix = "vae.decoder."


class Taps(LdmTaps):
    """Those of a LatentDiffusion and its DDIMSampler, from here to close(). One run of them."""

    def __init__(self, model, sampler):
        super().__init__()
        self.net(model.model.diffusion_model)
        self.decoder(model.first_stage_model.decoder)
        self.sampler, self.step = sampler, sampler.p_sample_ddim
        sampler.p_sample_ddim = self._step

    def _step(self, *args, **more):
        out = self.step(*args, **more)
        self.end_step(out[0])
        return out

    def close(self):
        self.sampler.p_sample_ddim = self.step
        super().close()


def fill(module, tensors, prefix):
    """Weights under their own names: the checkpoint is the original's."""
    module.load_state_dict({k: tensors[prefix + k].float() for k in module.state_dict()})
    return module.eval()


def text_states(tensors, ids):
    """CLIP ViT-L's states [n,77,768]: the original code has them from transformers, too."""
    from transformers import CLIPTextConfig, CLIPTextModel

    text = CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12))
    inner = "" if any(k.startswith("text_model.") for k in text.state_dict()) else "text_model."
    return fill(text, tensors, "cond_stage_model.transformer." + inner)(torch.tensor(ids)).last_hidden_state


def token_ids(sdc, prompt):
    """The 77 ids of a prompt of one chunk."""
    said = subprocess.run([sdc, "tokens", "--json", "-p", prompt], check=True, capture_output=True, text=True).stdout
    (chunk,) = json.loads(said)["prompts"][0]["schedule"][0]["chunks"]
    return [49406, *chunk["ids"], *[49407] * (76 - len(chunk["ids"]))]


def build(args, config, tensors):
    """(model, sampler, decode): as much of a LatentDiffusion as DDIMSampler and Taps look at."""
    sys.path.insert(0, args.repository)
    from ldm.models.diffusion.ddim import DDIMSampler
    from ldm.modules.diffusionmodules.model import Decoder
    from ldm.modules.diffusionmodules.openaimodel import UNetModel
    from ldm.modules.diffusionmodules.util import make_beta_schedule

    DDIMSampler.register_buffer = lambda self, name, value: setattr(self, name, value)  # and not on a GPU
    stage = config["first_stage_config"]["params"]["ddconfig"]
    unet = fill(UNetModel(**{**config["unet_config"]["params"], "use_checkpoint": False}), tensors, "model.diffusion_model.")
    decoder = fill(Decoder(**stage), tensors, "first_stage_model.decoder.")
    quant = fill(torch.nn.Conv2d(4, stage["z_channels"], 1), tensors, "first_stage_model.post_quant_conv.")
    betas = torch.from_numpy(make_beta_schedule("linear", config["timesteps"], config["linear_start"], config["linear_end"]))
    alphas = torch.cumprod(1 - betas, 0)
    model = types.SimpleNamespace(
        num_timesteps=config["timesteps"],
        betas=betas.float(),
        alphas_cumprod=alphas.float(),
        alphas_cumprod_prev=torch.cat([torch.ones(1), alphas[:-1].float()]),
        device=torch.device("cpu"),
        apply_model=lambda x, t, c: unet(x, timesteps=t, context=c),
        model=types.SimpleNamespace(diffusion_model=unet),
        first_stage_model=types.SimpleNamespace(decoder=decoder),
    )
    return model, DDIMSampler(model), lambda z: decoder(quant(z / config["scale_factor"]))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("repository", help="a copy of CompVis/stable-diffusion")
    p.add_argument("model", help="a single .safetensors file of SD 1.x")
    p.add_argument("record")
    p.add_argument("out", help="a safetensors file")
    p.add_argument("--noise", help="a file with a tensor noise, such as sdc txt2img --taps writes")
    p.add_argument("--sdc", default="sdc", help="the program sdc (sdc)")
    args = p.parse_args()
    import yaml

    s = settings_of(args.record)
    check_settings(s, ("DDIM",))
    with open(args.repository + "/configs/stable-diffusion/v1-inference.yaml") as f:
        config = yaml.safe_load(f)["model"]["params"]
    with safe_open(args.model, "pt") as f:
        tensors = {k: f.get_tensor(k) for k in f.keys()}
    with torch.no_grad():
        negative, positive = (text_states(tensors, [token_ids(args.sdc, s[k])] * s["batch_size"]) for k in ("negative_prompt", "prompt"))
        x, _ = noise_of(s, args.noise, 4)
        model, sampler, decode = build(args, config, tensors)
        del tensors
        with Taps(model, sampler) as taps:
            sampler.make_schedule(s["steps"], ddim_eta=0.0, verbose=False)
            for i in reversed(range(1, len(sampler.ddim_timesteps))):  # the webui leaves the last one out
                time = torch.full((len(x),), int(sampler.ddim_timesteps[i]), dtype=torch.long)
                guidance = dict(unconditional_guidance_scale=s["cfg_scale"], unconditional_conditioning=negative)
                x, _ = sampler.p_sample_ddim(x, positive, time, index=i, **guidance)
            decode(x)
    taps.save(args.out)


if __name__ == "__main__":
    main()
