#!/usr/bin/env python3
"""Makes tests/golden/soft.txt by the webui's own soft inpainting: blended latents, and masks of what changed.

    python tools/goldens/soft.py WEBUI [--check]

WEBUI as in masks.py; of it extensions-builtin/soft-inpainting/scripts/soft_inpainting.py is imported. Needs torch and joblib, too.
Latents x and z [4,6,7] and the mask are made from formulas, here and in tests/pipeline/test_soft.c.

Lines: "blend BIAS PRESERVATION BOOST LEVEL" and the latents; "mask PRESERVATION INFLUENCE THRESHOLD CONTRAST" and the mask of
latents' size, as bytes.
"""
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
import importlib
import importlib.util

import numpy as np
import torch
from masks import Nothing

H, W = 6, 7


class Webui(Nothing):
    """The webui's own modules alone."""

    def find_spec(self, name, path, target=None):
        return super().find_spec(name, path, target) if name.split(".")[0] in ("modules", "gradio") else None


def numbers(sequence):
    i = np.arange(4 * H * W, dtype=np.uint64)
    v = ((i + 1) * 2654435761 + 40503 * sequence) & 0xFFFFFFFF
    return torch.from_numpy(((v >> 8).astype(np.float32) * 2.0**-23 - 1) * 2).reshape(1, 4, H, W)


def settings(bias=1.0, preservation=0.5, boost=4.0, influence=0.0, threshold=0.5, contrast=2.0):
    return SimpleNamespace(mask_blend_power=bias, mask_blend_scale=preservation, inpaint_detail_preservation=boost,
                           composite_mask_influence=influence, composite_difference_threshold=threshold,
                           composite_difference_contrast=contrast)


def mask_before_resizing(soft, s, nmask, z, x):
    """apply_adaptive_masks' mask at the latents' size: what it hands to resize_image."""
    taken = []

    def take(mode, image, *size):
        taken.append(np.array(image))
        raise StopIteration

    sys.modules["modules.images"].resize_image = take
    try:
        soft.apply_adaptive_masks(s, nmask, z, x, [None], 8 * W, 8 * H, None)
    except StopIteration:
        pass
    return taken[0]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.meta_path.append(Webui())
    file = Path(sys.argv[1]) / "extensions-builtin/soft-inpainting/scripts/soft_inpainting.py"
    spec = importlib.util.spec_from_file_location("soft_inpainting", file)
    for name in ("images", "scripts", "processing", "ui_components", "torch_utils"):
        importlib.import_module("modules." + name)
        setattr(sys.modules["modules"], name, sys.modules["modules." + name])
    sys.modules["modules.scripts"].Script = object
    sys.modules["modules.torch_utils"].float64 = lambda _: torch.float64
    soft = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(soft)
    x, z = numbers(1), numbers(54321)
    z = torch.where(torch.arange(4 * H * W).reshape(1, 4, H, W) % 3 == 0, x, z)  # some of it hardly changed
    nmask = (torch.arange(H * W).reshape(H, W) * 7 % 11 / 10).repeat(4, 1, 1)
    text = ""
    for bias, preservation, boost, level in [(1, 0.5, 4, 14.6), (1, 0.5, 4, 0.3), (2, 1, 1, 3), (0, 0, 8, 1), (0.5, 8, 32, 0.03), (1, 0.5, 4, 981)]:
        s = settings(bias, preservation, boost)
        t = soft.get_modified_nmask(s, nmask, torch.tensor(float(level)))
        out = soft.latent_blend(s, z, x, t)
        text += f"blend {bias} {preservation} {boost} {level} " + " ".join(f"{v:.7g}" for v in out.flatten().tolist()) + "\n"
    for preservation, influence, threshold, contrast in [(0.5, 0, 0.5, 2), (0.5, 1, 0.5, 2), (2, 0.5, 3, 1), (1, 0.25, 8, 8)]:
        s = settings(1.0, preservation, 4.0, influence, threshold, contrast)
        m = mask_before_resizing(soft, s, nmask, z, x)
        text += f"mask {preservation} {influence} {threshold} {contrast} " + " ".join(map(str, m.flatten())) + "\n"
    path = Path(__file__).resolve().parents[2] / "tests/golden/soft.txt"
    if "--check" in sys.argv:
        same = path.read_text() == text
        print("soft.txt", "agrees" if same else "differs")
        return not same
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
