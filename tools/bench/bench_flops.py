#!/usr/bin/env python3
"""What torch counts (torch.utils.flop_counter) of each family's networks at full size: the figures of test_bench.c.

    python tools/bench/bench_flops.py [WIDTH HEIGHT]

One text of 77 tokens through every encoder, one call of the U-Net on one picture, one decoded picture. Nothing is
computed: tensors are on the device "meta". Layers of an encoder whose output nobody uses are left out, as sdc leaves
them out. Environment: tools/requirements.txt."""
import sys
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from goldens import families, models

FAMILIES = {"SD 1.x": families.SD15, "SD 2.x": families.SD21, "SDXL": families.SDXL, "SDXL refiner": families.REFINER}


def count(run):
    """Twice the multiply-adds of run()."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def text(c):
    ids, sum_of = torch.zeros(1, 77, dtype=torch.long, device="meta"), 0
    for e in c["encoders"]:
        used = e["layers"] if e["pooled"] or e["layer"] == -1 else e["layers"] - 1
        m = models.new_encoder({**e, "layers": used})
        sum_of += count(lambda: m(ids, output_hidden_states=True))
    return sum_of


def step(c, width, height):
    x, states = torch.zeros(1, 4, height // 8, width // 8, device="meta"), torch.zeros(1, 77, c["context"], device="meta")
    more = {}
    if c["adm"]:
        pooled = c["encoders"][-1]["pooled"]
        sizes = torch.zeros(1, c["size_values"], device="meta")
        more = {"added_cond_kwargs": {"text_embeds": torch.zeros(1, pooled, device="meta"), "time_ids": sizes}}
    m, time = models.new_unet(c), torch.zeros(1, device="meta")
    return count(lambda: m(x, time, encoder_hidden_states=states, **more))


def decode(c, width, height):
    m, z = models.new_vae(c), torch.zeros(1, 4, height // 8, width // 8, device="meta")
    return count(lambda: m.decode(z))


if __name__ == "__main__":
    w, h = (int(n) for n in sys.argv[1:3]) if len(sys.argv) > 2 else (512, 512)
    with torch.device("meta"), torch.no_grad():
        for name, c in FAMILIES.items():
            print(f'{{"{name}", {text(c)}, {step(c, w, h)}, {decode(c, w, h)}}},', flush=True)
