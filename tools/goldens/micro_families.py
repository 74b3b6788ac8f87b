"""micro-SD 2, micro-SDXL and its refiner: the structure of families.py's MICRO_*, as micro.py does for SD 1.

micro_sd2_euler_64, micro_sdxl_euler_64, micro_refiner_euler_64: every block of the first step. The others hold texts and
results: v-prediction; a second seed; another size, with an empty negative prompt (zeroed in both encoders and pooled) and
six size conditions that all differ; and the refiner in place of SDXL from the fourth of five steps (switch at 0.6).
micro_statistics is img2img by a VAE whose configuration has latents_mean and latents_std.
The refiner's scores are 6 and, of the negative prompt, 2.5.
"""
import torch

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro_families")]
BASE = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=64, height=64, steps=5, cfg=7, sampler="Euler")
OTHER = dict(height=72, width=104, negative="", original=(512, 768), crop=(8, 16), target=(640, 896), steps=3)
FAMILIES = {"sd2": families.MICRO_SD2, "sdxl": families.MICRO_SDXL, "refiner": families.MICRO_REFINER}
SWITCH = 3  # the refiner's first call
JOBS = {  # name: (family, what differs, values per block tap of the first step; 0: none)
    "micro_sd2_euler_64": ("sd2", {}, 256),
    "micro_sd2_v_euler_64": ("sd2", dict(prediction="v"), 0),
    "micro_sdxl_euler_64": ("sdxl", {}, 256),
    "micro_sdxl_euler_64_seed43": ("sdxl", dict(seed=43), 0),
    "micro_sdxl_euler_h72_w104": ("sdxl", OTHER, 0),
    "micro_sdxl_refined_64": ("sdxl", dict(refiner_switch=0.6), 0),
    "micro_refiner_euler_64": ("refiner", {}, 256),
}


def load(c, dtype):
    """A configuration's networks, in one type."""
    return {
        "encoders": [models.encoder(e, dtype=dtype) for e in c["encoders"]],
        "unet": models.unet(c, dtype=dtype),
        "vae": models.vae(c, dtype=dtype),
    }


def run(parts, family, job, dtype, record):
    """The taps of a job, with networks of load()."""
    refiner = (parts["refiner"][dtype], FAMILIES["refiner"], SWITCH) if "refiner_switch" in job else None
    return pipeline.run_family(parts[family][dtype], FAMILIES[family], job, dtype, record, refiner)


def statistics():
    """micro_statistics: img2img of a model whose latents have statistics, from the bytes of "micro.pixels" (micro.py)."""
    c, job = families.MICRO_STATISTICS, {**BASE, "strength": 0.6}
    golden = store.Golden("micro_statistics", SOURCES, meta=pipeline.metadata(job, "micro_statistics"))
    pixels, runs = torch.from_numpy(values.integers("micro.pixels", (1, 3, 64, 64), 256)), []
    for dtype in (torch.float64, torch.float32):
        p = load(c, dtype)
        with reference(dtype):
            z = p["vae"].encode(pixels.to(dtype) / 255 * 2 - 1).latent_dist.mode()
            mean, std = (torch.tensor(c[k]).view(1, -1, 1, 1).to(dtype) for k in ("mean", "std"))
            z = (z - mean) * c["scale"] / std  # StableDiffusionXLImg2ImgPipeline.prepare_latents
            context = pipeline.conditions(pipeline.texts(p["encoders"], c, job), c, job, dtype)
            latents, taps = pipeline.denoise(p["unet"], context, job, dtype, False, z)
            runs.append({"latents.init": z, **taps, **pipeline.decode(p["vae"], latents)})
    for tap, x in runs[0].items():
        if not pipeline.is_block(tap) and tap != "noise":
            golden.add(tap, x, runs[1][tap], samples=256)
    return golden


def make(args):
    """All goldens of the micro families."""
    parts = {k: {d: load(c, d) for d in (torch.float64, torch.float32)} for k, c in FAMILIES.items()}
    goldens = []
    for name, (family, changes, samples) in JOBS.items():
        job = {**BASE, **changes}
        golden = store.Golden(name, SOURCES, samples=512, meta=pipeline.metadata(job, "micro_" + family))
        exact, single = (run(parts, family, job, d, samples > 0) for d in (torch.float64, torch.float32))
        assert list(exact) == list(single)
        for tap, x in exact.items():
            block = pipeline.is_block(tap)
            if not block or samples:
                golden.add(tap, x, single[tap], samples=samples if block else None)
        goldens.append(golden)
    return [*goldens, statistics()]
