"""Writes what diffusers computes for the full-size golden picture, with the names and layout of `sdc txt2img --taps`.

    python tools/goldens/torch_taps.py OUT.safetensors [--half]
    build/.../test --make-model full single f32 full.safetensors
    ./sdc txt2img -m full.safetensors -p "a lovely cat" --seed 42 --rng cpu -W 256 -H 256 --steps 5 --sampler Euler \\
        --taps ours.safetensors
    ./sdc diff ours.safetensors OUT.safetensors

Real configuration, generated weights (tools/goldens/values.py), float32. --half: weights rounded to float16.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from goldens import full


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--half", action="store_true")
    args = parser.parse_args()
    with torch.no_grad(), tempfile.TemporaryDirectory() as work:
        taps = full.run(args.half, torch.float32, Path(work))
    save_file({k: v.float().contiguous() for k, v in taps.items() if not k.startswith("kat.")}, args.out)


if __name__ == "__main__":
    main()
