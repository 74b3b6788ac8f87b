"""txt2img as the webui does it, over diffusers' and transformers' modules, recording named activations.

Tap names: text_model.last_hidden_state (both prompts, the negative one first), noise, unet.stepNNN.* (both halves, the
negative one first; NNN counts the U-Net's calls), latents.stepNNN (after the step, in the sampler's space), vae.decoder.*,
image (the decoder's raw output). Layouts are torch's.

Conventions: k-diffusion samplers start from noise * sigma[0] and run on sigmas at t = linspace(999, 0, steps) by
log-linear interpolation; the network sees x / sqrt(sigma^2 + 1) and a fractional t. DDIM starts from noise. Guidance is
negative + cfg * (positive - negative), of denoised values, or of eps in DDIM. All noise comes from one torch CPU
generator per picture, float32, shape (4,h,w): the initial noise, then the sampler's, one draw a step.
"""
import gzip
from pathlib import Path

import torch

from taps.diffusers_taps import Recorder

from . import kdiffusion, models
from .precise import reference

START, END = 49406, 49407
# Token ids of every word in the prompts; check_ids checks them with transformers' tokenizer.
IDS = {
    "": [],
    "a lovely cat": [320, 2165, 2368],
    "blurry, low quality": [21977, 267, 1042, 3027],
}


def ids(prompt):
    """The 77 ids of SD 1: start, words, end, padded with end."""
    words = [START, *IDS[prompt]]
    return torch.tensor([words + [END] * (77 - len(words))])


def check_ids(bpe):
    """Compares IDS with transformers' CLIP tokenizer on CLIP's merge list (bpe_simple_vocab_16e6.txt.gz)."""
    from transformers import CLIPTokenizer

    merges = gzip.open(bpe, "rt", encoding="utf-8").read().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(m.split()) for m in merges]
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    letters = [chr(b) for b in keep] + [chr(256 + i) for i in range(len(rest))]
    words = letters + [w + "</w>" for w in letters] + ["".join(m) for m in merges]
    vocabulary = {w: i for i, w in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    for prompt, expected in IDS.items():
        got = tokenizer(prompt)["input_ids"]
        if got != [START, *expected, END]:
            raise ValueError(f"token ids of {prompt!r}: {got}, not {expected}")
    print(f"token ids of {len(IDS)} prompts agree with {Path(bpe).name}")


def encode(text, prompt, negative):
    """text_model.last_hidden_state [2,77,C], the negative prompt first."""
    return torch.cat([text(ids(p)).last_hidden_state for p in (negative, prompt)])


def start_of(strength, steps):
    """The webui's t_enc of img2img (setup_img2img_steps)."""
    return int(min(strength, 0.999) * steps)


def denoise(unet, context, job, dtype, record, z=None):
    """From noise, or with z (img2img) from a picture's latents, to latents. Returns (latents, taps)."""
    h, w = job["height"] // 8, job["width"] // 8
    generator = torch.Generator("cpu").manual_seed(job["seed"])

    def draw():
        return torch.randn((4, h, w), generator=generator)[None].to(dtype)

    recorder = Recorder()
    recorder.unet(unet)
    taps = recorder.taps
    noise = taps["noise"] = draw()
    calls = 0

    def eps(x, t):  # both halves in, both out
        nonlocal calls
        recorder.prefix, recorder.full = f"unet.step{calls:03d}.", calls == 0 and record
        calls += 1
        return unet(x, t, encoder_hidden_states=context).sample

    def guide(network, x, level):  # x is the previous step's
        if calls:
            taps[f"latents.step{calls - 1:03d}"] = x.clone()
        negative, positive = network(torch.cat([x, x]), torch.cat([level, level])).chunk(2)
        return negative + (positive - negative) * job["cfg"]

    if job["sampler"] == "DDIM":
        x, part = noise, None
        if z is not None:
            part = start_of(job["strength"], job["steps"])
            a = kdiffusion.alphas_cumprod()[kdiffusion.ddim_timesteps(job["steps"])[part]].to(dtype)
            x = torch.sqrt(a) * z + torch.sqrt(1 - a) * noise
            taps["latents.start"] = x.clone()
        x = kdiffusion.ddim(lambda x, t: guide(eps, x, t), x, job["steps"], part)
    else:
        model = kdiffusion.Denoiser(eps, dtype)
        sigmas = model.schedule(job["steps"])
        x = noise * sigmas[0]
        if z is not None:
            sigmas = sigmas[job["steps"] - start_of(job["strength"], job["steps"]) - 1 :]
            x = taps["latents.start"] = z + noise * sigmas[0]
        more = {"disable": True}
        if job["sampler"] == "Euler a":
            more["noise_sampler"] = lambda sigma, following: draw()
        run = {"Euler": kdiffusion.sampling.sample_euler, "Euler a": kdiffusion.sampling.sample_euler_ancestral}
        x = run[job["sampler"]](lambda x, s: guide(model, x, s), x, sigmas, **more)
    recorder.close()
    taps[f"latents.step{calls - 1:03d}"] = x
    return x, taps


def decode(vae, latents):
    """From latents to the decoder's raw output, with taps."""
    recorder = Recorder()
    recorder.coder(vae.decoder, "up_blocks")
    recorder.prefix = "vae.decoder."
    recorder.taps["image"] = vae.decode(latents / models.SCALE).sample
    recorder.close()
    image = recorder.taps.pop("image")
    return {**recorder.taps, "image": image}


def run(parts, job, dtype, record):
    """The whole pipeline: {tap: tensor} in order of computation. record: every block of the first U-Net call."""
    with reference(dtype):
        taps = {"text_model.last_hidden_state": encode(parts["text"], job["prompt"], job["negative"])}
        latents, more = denoise(parts["unet"], taps["text_model.last_hidden_state"], job, dtype, record)
        return {**taps, **more, **decode(parts["vae"], latents)}


def metadata(job, model):
    """What a test needs to run the same job."""
    return {
        "model": model,
        "rng": "cpu",
        **{k: str(v) for k, v in job.items()},
        "prompt_ids": ",".join(map(str, ids(job["prompt"])[0].tolist())),
        "negative_ids": ",".join(map(str, ids(job["negative"])[0].tolist())),
    }


def is_block(name):
    """Whether a tap is a block's, sampled sparsely, rather than a result."""
    return name.startswith(("unet.", "vae.")) and not name.endswith("conv_out")
