"""txt2img as the webui does it, over diffusers' and transformers' modules, recording named activations.

Tap names: text_model.last_hidden_state (both prompts, the negative one first; of a second encoder text_model_2...),
pooled, noise, unet.stepNNN.* (both halves, the negative one first; NNN counts the U-Net's calls), latents.stepNNN (after
the step, in the sampler's space), vae.decoder.*, image (the decoder's raw output). Layouts are torch's.

Conventions: k-diffusion samplers start from noise * sigma[0] and run on sigmas at t = linspace(999, 0, steps) by
log-linear interpolation; the network sees x / sqrt(sigma^2 + 1) and a fractional t. DDIM starts from noise. Guidance is
negative + cfg * (positive - negative), of denoised values, or of eps in DDIM. All noise comes from one torch CPU
generator per picture, float32, shape (4,h,w): the initial noise, then the sampler's, one draw a step.
"""
import gzip
from pathlib import Path

import torch

from taps.diffusers_taps import Recorder

from . import kdiffusion
from .precise import reference

START, END = 49406, 49407
# Token ids of every word in the prompts; check_ids checks them with transformers' tokenizer.
IDS = {
    "": [],
    "a lovely cat": [320, 2165, 2368],
    "blurry, low quality": [21977, 267, 1042, 3027],
}


def ids(prompt, pad=END):
    """The 77 ids: start, words, end, padded (SD 1: with end)."""
    words = [START, *IDS[prompt], END]
    return torch.tensor([words + [pad] * (77 - len(words))])


def tokenizer(bpe, **more):
    """transformers' CLIP tokenizer on CLIP's merge list (bpe_simple_vocab_16e6.txt.gz)."""
    from transformers import CLIPTokenizer

    merges = gzip.open(bpe, "rt", encoding="utf-8").read().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(m.split()) for m in merges]
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    letters = [chr(b) for b in keep] + [chr(256 + i) for i in range(len(rest))]
    words = letters + [w + "</w>" for w in letters] + ["".join(m) for m in merges]
    vocabulary = {w: i for i, w in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, **more)


def check_ids(bpe):
    """Compares IDS with the tokenizer's."""
    of = tokenizer(bpe)
    for prompt, expected in IDS.items():
        got = of(prompt)["input_ids"]
        if got != [START, *expected, END]:
            raise ValueError(f"token ids of {prompt!r}: {got}, not {expected}")
    print(f"token ids of {len(IDS)} prompts agree with {Path(bpe).name}")


def encode(text, prompt, negative):
    """SD 1's text_model.last_hidden_state [2,77,C], the negative prompt first."""
    return torch.cat([text(ids(p)).last_hidden_state for p in (negative, prompt)])


def states(m, e, prompt):
    """(states [1,77,C], pooled [1,P] or None) of an encoder of families.py."""
    out = m(ids(prompt, e["pad"]), output_hidden_states=True)
    own = m.text_model if e["pooled"] else m
    x = out.hidden_states[e["layer"]] if e["layer"] != -1 else out.last_hidden_state
    return own.final_layer_norm(x) if e["norm"] and e["layer"] != -1 else x, out.text_embeds if e["pooled"] else None


def texts(encoders, c, job):
    """The taps of both prompts' states and pooled vectors, by families.py's encoders and their modules."""
    taps = {}
    for i, (m, e) in enumerate(zip(encoders, c["encoders"])):
        of = [states(m, e, p) for p in (job["negative"], job["prompt"])]
        if c["zero_empty"] and not job["negative"]:
            of[0] = tuple(None if x is None else torch.zeros_like(x) for x in of[0])
        taps[f"text_model{f'_{i + 1}' if i else ''}.last_hidden_state"] = torch.cat([x for x, _ in of])
        if e["pooled"]:
            taps["pooled"] = torch.cat([p for _, p in of])
    return taps


def sizes(c, job, negative):
    """The size conditions: original height and width, crop's top and left, the target's, or the refiner's score."""
    h, w = job["height"], job["width"]
    own = [*job.get("original", (h, w)), *job.get("crop", (0, 0))]
    if c["size_values"] == 6:
        return [*own, *job.get("target", (h, w))]
    return [*own, job.get("negative_score", 2.5) if negative else job.get("score", 6.0)]


def conditions(taps, c, job, dtype):
    """What the U-Net is called with beside x and t, from the taps of the texts."""
    context = [x for k, x in taps.items() if k.startswith("text_model")]
    more = {"encoder_hidden_states": torch.cat(context, dim=2)}
    if c["adm"]:
        numbers = torch.tensor([sizes(c, job, negative) for negative in (True, False)], dtype=dtype)
        more["added_cond_kwargs"] = {"text_embeds": taps["pooled"], "time_ids": numbers}
    return more


def start_of(strength, steps):
    """The webui's t_enc of img2img (setup_img2img_steps)."""
    return int(min(strength, 0.999) * steps)


def denoise(unet, context, job, dtype, record, z=None, refiner=None, repaint=None, beside=None):
    """From noise, or with z (img2img) from a picture's latents, to latents. Returns (latents, taps).

    context: the U-Net's text states, or all that it is called with (conditions). refiner: (U-Net, conditions, the call that
    it makes first). repaint [1,1,h,w]: where an inpainted picture's latents are drawn; elsewhere they are z (the webui's
    CFGDenoiser, and its last blend). beside: what the network is given beside latents, for each side; with a third one
    they are instruct-pix2pix's (no text and no picture), guided by job["image_cfg"], too.
    """
    networks = [(unet, context if isinstance(context, dict) else {"encoder_hidden_states": context}, 0)]
    networks += [refiner] if refiner else []
    h, w = job["height"] // 8, job["width"] // 8
    generator = torch.Generator("cpu").manual_seed(job["seed"])

    def draw():
        return torch.randn((4, h, w), generator=generator)[None].to(dtype)

    recorder = Recorder()
    for m, *_ in networks:
        recorder.unet(m)
    taps = recorder.taps
    noise = taps["noise"] = draw()
    calls = 0

    def blend(x):
        return x if repaint is None else x * repaint + z * (1 - repaint)

    def eps(x, t):  # all sides in, all out
        nonlocal calls
        x = x if beside is None else torch.cat([x, beside], dim=1)
        recorder.prefix, recorder.full = f"unet.step{calls:03d}.", calls == 0 and record
        m, more = next(n[:2] for n in reversed(networks) if calls >= n[2])
        calls += 1
        return m(x, t, **more).sample

    def guide(network, x, level):  # x is the previous step's
        if calls:
            taps[f"latents.step{calls - 1:03d}"] = x.clone()
        n = 2 if beside is None else len(beside)
        x = blend(x) if job["sampler"] == "DDIM" else x
        negative, positive, *bare = network(torch.cat([x] * n), torch.cat([level] * n)).chunk(n)
        if bare:
            return bare[0] + job["cfg"] * (positive - negative) + job["image_cfg"] * (negative - bare[0])
        guided = negative + (positive - negative) * job["cfg"]
        return guided if job["sampler"] == "DDIM" else blend(guided)

    if job["sampler"] == "DDIM":
        assert "prediction" not in job
        x, part = noise, None
        if z is not None:
            part = start_of(job["strength"], job["steps"])
            a = kdiffusion.alphas_cumprod()[kdiffusion.ddim_timesteps(job["steps"])[part]].to(dtype)
            x = torch.sqrt(a) * z + torch.sqrt(1 - a) * noise
            taps["latents.start"] = x.clone()
        x = kdiffusion.ddim(lambda x, t: guide(eps, x, t), x, job["steps"], part)
    else:
        model = (kdiffusion.VDenoiser if job.get("prediction") == "v" else kdiffusion.Denoiser)(eps, dtype)
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
    return blend(x), taps


def decode(vae, latents):
    """From latents to the decoder's raw output, with taps. The scale is the VAE's own."""
    recorder = Recorder()
    recorder.coder(vae.decoder, "up_blocks")
    recorder.prefix = "vae.decoder."
    z = latents / vae.config.scaling_factor
    if vae.config.latents_mean is not None:  # StableDiffusionXLPipeline.__call__
        mean, std = (torch.tensor(v).view(1, -1, 1, 1).to(latents) for v in (vae.config.latents_mean, vae.config.latents_std))
        z = latents * std / vae.config.scaling_factor + mean
    recorder.taps["image"] = vae.decode(z).sample
    recorder.close()
    image = recorder.taps.pop("image")
    return {**recorder.taps, "image": image}


def run(parts, job, dtype, record):
    """The whole pipeline: {tap: tensor} in order of computation. record: every block of the first U-Net call."""
    with reference(dtype):
        taps = {"text_model.last_hidden_state": encode(parts["text"], job["prompt"], job["negative"])}
        latents, more = denoise(parts["unet"], taps["text_model.last_hidden_state"], job, dtype, record)
        return {**taps, **more, **decode(parts["vae"], latents)}


def run_family(parts, c, job, dtype, record, refiner=None):
    """The same of any family: parts are encoders (modules), unet and vae. refiner: (parts, configuration, first call)."""
    with reference(dtype):
        taps = texts(parts["encoders"], c, job)
        also = None
        if refiner:
            theirs, k, first = refiner
            also = (theirs["unet"], conditions(texts(theirs["encoders"], k, job), k, job, dtype), first)
        latents, more = denoise(parts["unet"], conditions(taps, c, job, dtype), job, dtype, record, refiner=also)
        return {**taps, **more, **decode(parts["vae"], latents)}


def metadata(job, model):
    """What a test needs to run the same job."""
    return {
        "model": model,
        "rng": "cpu",
        **{k: ",".join(map(str, v)) if isinstance(v, tuple) else str(v) for k, v in job.items()},
        "prompt_ids": ",".join(map(str, ids(job["prompt"])[0].tolist())),
        "negative_ids": ",".join(map(str, ids(job["negative"])[0].tolist())),
    }


def is_block(name):
    """Whether a tap is a block's, sampled sparsely, rather than a result."""
    return name.startswith(("unet.", "vae.")) and not name.endswith("conv_out")
