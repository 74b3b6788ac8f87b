"""check_extract.py: compares the file of `sdc extract A B --rank R --dtype f32` with torch's SVD of the same differences.

    python tools/dev/check_extract.py A B LORA

A, B: SD 1 models of one safetensors file each. For each U-Net layer of the LoRA: how much larger the error of up @ down is
than the least possible, that of torch's float64 SVD, both relative to the difference; and the largest singular value.
Prints the worst; exit status 1 if an error is more than 1e-4 above the least one.
"""
import sys

import torch
from safetensors.torch import load_file


def main():
    a, b, lora = (load_file(p) for p in sys.argv[1:4])
    kohya = {}
    modules = sorted({k.split(".")[0] for k in lora})
    by_change = {}
    for k in a:
        if k.startswith(("model.diffusion_model.", "cond_stage_model.")) and a[k].dim() > 1 and not torch.equal(a[k], b[k]):
            d = (b[k].double() - a[k].double()).reshape(a[k].shape[0], -1)
            by_change[k] = d
    worst = 0.0
    for m in modules:
        up, down = lora[m + ".lora_up.weight"].double(), lora[m + ".lora_down.weight"].double()
        scale = float(lora[m + ".alpha"]) / down.shape[0]
        product = up.reshape(up.shape[0], -1) @ down.reshape(down.shape[0], -1) * scale
        # names differ by program: the difference that this product is nearest to
        name, d = min(((k, d) for k, d in by_change.items() if d.shape == product.shape), key=lambda x: (x[1] - product).norm())
        kohya[m] = name
        values = torch.linalg.svdvals(d)
        least = (values[down.shape[0]:].square().sum().sqrt() / d.norm()).item()
        error = ((d - product).norm() / d.norm()).item()
        worst = max(worst, error - least)
    distinct = len(set(kohya.values())) == len(modules)
    print(f"{len(modules)} layers, each of a difference of its own: {distinct}; the worst error is {worst:.3g} above the least")
    return worst > 1e-4 or not distinct


if __name__ == "__main__":
    sys.exit(main())
