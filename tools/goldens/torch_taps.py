"""Writes what diffusers computes for the full-size golden picture, with the names and layout of `sdc txt2img --taps`.

    python tools/goldens/torch_taps.py OUT.safetensors [--half]
    build/.../test --make-model full single f32 full.safetensors
    ./sdc txt2img -m full.safetensors -p "a lovely cat" --seed 42 --rng cpu -W 256 -H 256 --steps 5 --sampler Euler \\
        --taps ours.safetensors
    ./sdc diff ours.safetensors OUT.safetensors

Real configuration, generated weights (tools/goldens/values.py), float32. --half: weights rounded to float16.

    python tools/goldens/torch_taps.py OUT.safetensors --family sdxl --model sdxl.safetensors

takes a file of checkpoints.py (sd21, sd21v, sdxl, refiner), network by network: 11 GB for SDXL. The request is then that
above with -n "blurry, low quality".
"""

import argparse
import gc
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from goldens import checkpoints, full, models, pipeline

JOB = {**full.JOB, "negative": "blurry, low quality"}


def family(name, path, job=JOB):
    """All taps of a file of checkpoints.py."""
    c, source, f32 = checkpoints.FAMILIES[name], checkpoints.File(path), torch.float32
    job = {**job, "prediction": "v"} if name.endswith("v") else job
    taps = {}
    for i in range(len(c["encoders"])):
        one = {**c, "encoders": [c["encoders"][i]]}
        m = models.encoder(c["encoders"][i], source=source)
        for tap, x in pipeline.texts([m], one, job).items():
            taps[tap.replace("text_model", f"text_model_{i + 1}") if i else tap] = x
        del m
        gc.collect()
    print("texts", flush=True)
    m = models.unet(c, source=source)
    latents, more = pipeline.denoise(m, pipeline.conditions(taps, c, job, f32), job, f32, True)
    del m
    gc.collect()
    print("latents", flush=True)
    return {**taps, **more, **pipeline.decode(models.vae(c, source=source), latents)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--family", choices=checkpoints.FAMILIES)
    parser.add_argument("--model")
    args = parser.parse_args()
    if bool(args.family) != bool(args.model):
        parser.error("--family and --model go together")
    with torch.no_grad(), tempfile.TemporaryDirectory() as work:
        taps = family(args.family, args.model) if args.family else full.run(args.half, torch.float32, Path(work))
    save_file({k: v.float().contiguous() for k, v in taps.items() if not k.startswith("kat.")}, args.out)


if __name__ == "__main__":
    main()
