#!/usr/bin/env python3
"""Makes the golden outputs in tests/golden from PyTorch, diffusers, transformers and k-diffusion.

    python tools/goldens [ops|blocks|micro|micro_families|micro_inpaint|micro_tiling|micro_prompts|micro_control|micro_image|micro_attention|micro_adapters|full|noise|samplers|few_steps|micro_samplers|networks|upscalers|hires|tiles|windows|micro_x4|micro_control_inpaint|all ...] [--check] [--work DIR] [--threads N] [--bpe FILE]

Rewrites the files; with --check it writes nothing and reports whether each file agrees with the one in the repository
(within the golden's own e32, torch float32's measured error, as the last bits differ between machines).
"full" is the real SD 1.5 configuration: about 10 GB of memory and some minutes; "all" includes it.
--work keeps the full model's stages in DIR, so that an interrupted run can continue. --bpe FILE is CLIP's merge list
(bpe_simple_vocab_16e6.txt.gz), to check the token ids in goldens/pipeline.py against transformers' tokenizer.
Environment: tools/requirements.txt.
"""
import argparse
import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

GROUPS = {
    "ops": "ops",
    "gradients": "gradients",
    "blocks": "blocks",
    "micro": "micro",
    "micro_families": "micro_families",
    "micro_inpaint": "micro_inpaint",
    "micro_tiling": "micro_tiling",
    "micro_prompts": "micro_prompts",
    "micro_control": "micro_control",
    "micro_image": "micro_image",
    "micro_attention": "micro_attention",
    "micro_adapters": "micro_adapters",
    "training": "training",
    "noise": "noise",
    "samplers": "samplers",
    "few_steps": "few_steps",
    "micro_samplers": "micro_samplers",
    "networks": "networks",
    "upscalers": "upscalers",
    "hires": "hires",
    "tiles": "tiles",
    "windows": "windows",
    "micro_x4": "micro_x4",
    "micro_control_inpaint": "micro_control_inpaint",
    "full": "full",
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("group", nargs="*", help="ops, gradients, blocks, micro, micro_families, micro_inpaint, micro_tiling, micro_prompts, micro_control, micro_image, micro_attention, micro_adapters, training, noise, samplers, few_steps, micro_samplers, networks, upscalers, hires, tiles, windows, micro_x4, micro_control_inpaint, full or all (default all)")
    p.add_argument("--check", action="store_true", help="compare with the files in the repository, write nothing")
    p.add_argument("--work", default=None, help="a folder for the full model's intermediate results")
    p.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "1")))
    p.add_argument("--bpe", default=None, help="bpe_simple_vocab_16e6.txt.gz, to check the token ids")
    args = p.parse_args()
    wanted = args.group or ["all"]
    for g in wanted:
        if g not in (*GROUPS, "all", "full_training"):
            p.error(f"no group {g}; the groups are {' '.join(GROUPS)} all")

    import torch

    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    ok = True
    if "full_training" in wanted:
        GROUPS["full_training"] = "training"
    for name, module in GROUPS.items():
        if name in wanted or "all" in wanted:
            made = importlib.import_module(f"goldens.{module}")
            for golden in (made.full if name == "full_training" else made.make)(args):
                if args.check:
                    ok = golden.check() and ok
                else:
                    golden.write()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
