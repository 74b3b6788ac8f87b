"""Pictures of micro-SD whose edges meet: torch's circular padding in every convolution of the U-Net and the VAE, which is
what the webui's tiling sets (modules/sd_hijack.py, apply_circular). One size is odd inside: up-sampling goes to the
skip's size.
"""
import torch

from . import families, models, pipeline, store
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "kdiffusion", "pipeline", "micro_tiling")]
JOB = dict(prompt="a lovely cat", negative="blurry, low quality", seed=42, width=104, height=72, steps=3, cfg=7, sampler="Euler")


def make(args):
    """The golden of this file."""
    golden = store.Golden("micro_tiling_euler", SOURCES, samples=256, meta=pipeline.metadata(JOB, "micro"))
    runs = []
    for dtype in (torch.float64, torch.float32):
        parts = {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}
        for m in (*parts["unet"].modules(), *parts["vae"].modules()):
            if isinstance(m, torch.nn.Conv2d):
                m.padding_mode = "circular"
        runs.append(pipeline.run(parts, JOB, dtype, False))
    for tap, x in runs[0].items():
        if not pipeline.is_block(tap) and not tap.startswith(("text_model", "noise")):
            golden.add(tap, x, runs[1][tap])
    return [golden]
