"""Full size: the real SD 1.5 configuration with generated weights, nothing to download.

full_f32 and full_f16: txt2img at 256x256, every block of the first step; in f16 the weights are rounded to float16 and
everything is computed in float32 (in float64 for the reference). full_kat: each of the three networks on small inputs,
"x" [1,4,16,16], "context" [1,77,768], "z" [1,4,8,8], "image" [1,3,H,W] (scale 1, mean 0), and one row of token ids.
KNOWN is what CompVis' own code gave for these; the float32 run must agree to 1e-4.

Networks are loaded one at a time, in one precision at a time: about 10 GB at the peak. With --work DIR each stage's
result is saved there and reused.
"""
import gc
import tempfile
from pathlib import Path

import numpy as np
import torch

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "full")]
JOB = dict(prompt="a lovely cat", negative="", seed=42, width=256, height=256, steps=5, cfg=7, sampler="Euler")
SAMPLES = 512  # per block tap; results have the file's 4096
TOKENS = [49406, 320, 1125, 539, 320, 2368] + [49407] * 71
COUNTS = {"text": (196, 123060480), "unet": (686, 859520964), "vae": (248, 83653863)}  # tensors, parameters
KNOWN = {  # the first eight values, from the original CompVis code
    "kat.text_model.last_hidden_state": [
        *(0.347672, -0.857161, -1.569449, 1.059843, 0.482897, -0.943684, -0.152900, -0.266006)
    ],
    "kat.text_model.skip2": [0.685862, -0.789560, -1.642676, 1.155041, 0.151219, -0.404160, -0.093279, -0.083842],
    "kat.unet.t500": [0.387914, -0.588530, -0.409886, -0.271636, -0.708088, -0.206646, -0.181303, -0.502584],
    "kat.unet.t981": [0.268318, -0.563332, -0.458797, -0.570978, -0.416016, -0.121720, 0.014049, -0.240346],
    "kat.vae.decode": [-0.028063, 0.202794, 0.165282, 0.165425, 0.120947, 0.136938, 0.108274, 0.100635],
    "kat.vae.moments_h64_w64": [0.680833, -0.339171, 0.737592, -0.127659, 0.982835, -0.061003, 0.152255, 0.138518],
    "kat.vae.moments_h40_w56": [0.346216, 0.301992, 0.315384, 0.718098, 0.406707, 0.953183, -0.696983, -0.741209],
}


def _input(name, dtype, *shape):
    return torch.from_numpy(values.input(name, shape)).to(dtype)


def text_stage(m, dtype, _, kat):
    taps = {"text_model.last_hidden_state": pipeline.encode(m, JOB["prompt"], JOB["negative"])}
    if kat:
        out = m(torch.tensor([TOKENS]), output_hidden_states=True)
        taps["kat.text_model.last_hidden_state"] = out.last_hidden_state
        taps["kat.text_model.skip2"] = m.final_layer_norm(out.hidden_states[-2])
    return taps


def unet_stage(m, dtype, before, kat):
    taps = pipeline.denoise(m, before["text_model.last_hidden_state"], JOB, dtype, True)[1]
    for t in (500, 981) if kat else ():
        x, context = _input("x", dtype, 1, 4, 16, 16), _input("context", dtype, 1, 77, 768)
        taps[f"kat.unet.t{t}"] = m(x, torch.tensor([t], dtype=dtype), encoder_hidden_states=context).sample
    return taps


def vae_stage(m, dtype, before, kat):
    taps = pipeline.decode(m, before[f"latents.step{JOB['steps'] - 1:03d}"])
    if kat:
        taps["kat.vae.decode"] = m.decode(_input("z", dtype, 1, 4, 8, 8)).sample
        for h, w in ((64, 64), (40, 56)):
            moments = m.encode(_input("image", dtype, 1, 3, h, w)).latent_dist.parameters
            taps[f"kat.vae.moments_h{h}_w{w}"] = moments
    return taps


STAGES = {"text": text_stage, "unet": unet_stage, "vae": vae_stage}


def run(half, dtype, work):
    """All taps of one run, network by network."""
    taps = {}
    for name, stage in STAGES.items():
        path = work / f"{name}-{'f16' if half else 'f32'}-{str(dtype).removeprefix('torch.')}.pt"
        if path.exists():
            taps.update(torch.load(path))
            continue
        m = getattr(models, name)(families.SD15, half=half, dtype=dtype)
        counts = len(m.names), sum(int(np.prod(s)) for s in m.names.values())
        assert counts == COUNTS[name], (name, counts)
        with reference(dtype):
            new = stage(m, dtype, taps, not half)
        del m
        gc.collect()
        torch.save(new, path)
        taps.update(new)
        print(f"full: {path.stem}", flush=True)
    return taps


def make(args):
    """The three full-size goldens."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(args.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        goldens, kat = [], None
        for half in (False, True):
            exact, single = (run(half, dtype, work) for dtype in (torch.float64, torch.float32))
            kind = "f16" if half else "f32"
            meta = {**pipeline.metadata(JOB, "sd15"), "weights": kind, "block_samples": str(SAMPLES)}
            golden = store.Golden(f"full_{kind}", SOURCES, meta=meta)
            if not half:
                kat = store.Golden("full_kat", SOURCES, meta={"model": "sd15", "token_ids": ",".join(map(str, TOKENS))})
            for tap, x in exact.items():
                if tap.startswith("kat."):
                    worst = float((single[tap].flatten()[:8] - torch.tensor(KNOWN[tap])).abs().max())
                    print(f"{tap}: within {worst:.1e} of the known answer")
                    assert worst < 1e-4, tap
                    kat.add(tap, x, single[tap])
                elif tap != "vae.decoder.conv_out":  # the same as image
                    golden.add(tap, x, single[tap], samples=SAMPLES if pipeline.is_block(tap) else None)
            goldens.append(golden)
        return [*goldens, kat]
