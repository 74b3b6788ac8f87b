"""micro-SD: SD 1's whole pipeline at 32 and 64 channels, generated weights under the single-file checkpoint's names.

U-Net channels 32,64,64,64, 2 ResBlocks a level, 4 heads everywhere, 8 groups, context 32; VAE channels 32,32,64,64, 8
groups; CLIP 49408 x 32, 2 layers, 4 heads, MLP 64. Goldens: micro_euler_64 (every block of the first step), and smaller
ones for other samplers, a second seed (a batch of two must give both), a picture with a 9x13 latent (odd sizes inside:
upsampling to the skip's size), and the encoder: input "micro.image" [1,3,H,W] with scale 0.57735026, mean 0.
"""
import torch

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro")]
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=64, height=64, steps=5, cfg=7)
JOBS = {  # name: (what differs, values per block tap of the first step; 0: none)
    "micro_euler_64": (dict(sampler="Euler"), 1024),
    "micro_euler_64_seed43": (dict(sampler="Euler", seed=43), 0),
    "micro_euler_a_64": (dict(sampler="Euler a"), 0),
    "micro_ddim_64": (dict(sampler="DDIM"), 0),
    "micro_euler_h72_w104": (dict(sampler="Euler", height=72, width=104), 256),
    "micro_euler_a_h72_w104": (dict(sampler="Euler a", height=72, width=104), 0),
    "micro_ddim_h72_w104": (dict(sampler="DDIM", height=72, width=104), 0),
}
IMAGE_SCALE = 0.57735026


def encoder(vae):
    """The encoder's golden: stages and moments (mean and log variance, after quant_conv) at two sizes."""
    meta = {"model": "micro", "input": f"micro.image scale={IMAGE_SCALE}"}
    golden = store.Golden("micro_encoder", SOURCES, meta=meta)
    for h, w in ((64, 64), (40, 56)):
        image = torch.from_numpy(values.input("micro.image", (1, 3, h, w), scale=IMAGE_SCALE))
        runs = []
        for dtype in (torch.float64, torch.float32):
            recorder = pipeline.Recorder()
            recorder.coder(vae[dtype].encoder, "down_blocks")
            recorder.prefix = f"h{h}_w{w}.vae.encoder."
            with reference(dtype):
                moments = vae[dtype].encode(image.to(dtype)).latent_dist.parameters
            recorder.close()
            runs.append({**recorder.taps, f"h{h}_w{w}.moments": moments})
        for name in runs[0]:
            golden.add(name, runs[0][name], runs[1][name], samples=1024 if ".vae." in name else None)
    return golden


def img2img(parts):
    """img2img's goldens from the bytes of "micro.image": latents (the posterior's mean), start, every step."""
    goldens = []
    for sampler in ("Euler", "DDIM"):
        job = {**BASE, "sampler": sampler, "steps": 8, "strength": 0.6}
        name = f"micro_img2img_{sampler.lower()}"
        golden = store.Golden(name, SOURCES, meta=pipeline.metadata(job, "micro"))
        pixels = values.integers("micro.pixels", (1, 3, 64, 64), 256)  # [1,3,H,W], 0..255
        runs = []
        for dtype in (torch.float64, torch.float32):
            p = parts[dtype]
            with reference(dtype):
                image = torch.from_numpy(pixels).to(dtype) / 255 * 2 - 1
                z = p["vae"].encode(image).latent_dist.mode() * families.MICRO["scale"]
                context = pipeline.encode(p["text"], job["prompt"], job["negative"])
                latents, taps = pipeline.denoise(p["unet"], context, job, dtype, False, z)
                runs.append({"latents.init": z, **taps, **pipeline.decode(p["vae"], latents)})
        for tap, x in runs[0].items():
            if not pipeline.is_block(tap) and tap != "noise":
                golden.add(tap, x, runs[1][tap])
        goldens.append(golden)
    return goldens


def make(args):
    """All goldens of micro-SD."""
    if args.bpe:
        pipeline.check_ids(args.bpe)
    parts = {}
    for dtype in (torch.float64, torch.float32):
        parts[dtype] = {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}
    goldens = []
    for name, (changes, samples) in JOBS.items():
        job = {**BASE, **changes}
        golden = store.Golden(name, SOURCES, meta=pipeline.metadata(job, "micro"))
        exact = pipeline.run(parts[torch.float64], job, torch.float64, samples > 0)
        single = pipeline.run(parts[torch.float32], job, torch.float32, samples > 0)
        assert list(exact) == list(single)
        for tap, x in exact.items():
            block = pipeline.is_block(tap)
            if (block and not samples) or tap.startswith("text_model.") and name != "micro_euler_64":
                continue
            golden.add(tap, x, single[tap], samples=samples if block else None)
        goldens.append(golden)
    goldens += img2img(parts)
    goldens.append(encoder({dtype: p["vae"] for dtype, p in parts.items()}))
    return goldens
