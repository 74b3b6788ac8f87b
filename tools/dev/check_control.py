"""check_control.py: SD 1.5 at full size with a ControlNet, by diffusers and by sdc, on generated weights.

    python tools/dev/check_control.py SDC DIR MODEL

MODEL: tests --make-model full single f16. Writes a ControlNet of the published shape (diffusers' save_pretrained, F16) and a
hint to DIR, draws 256x256 in three steps with both programs, in f32, and prints `sdc diff` of their latents; its exit status.
5 GB of memory, some minutes. Environment: tools/requirements.txt.
"""

import gc
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from goldens import families, full, micro_control, models, values

JOB = {**full.JOB, "negative": "blurry, low quality", "steps": 3}
WEIGHT, SIDE = 0.8, 256


def main():
    sdc, folder, model = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_grad_enabled(False)
    full.JOB.update(JOB)
    net = micro_control.control(families.SD15, 0, torch.float32).half()
    net.save_pretrained(folder / "control")
    net = net.float()
    rgb = (values.mixed("hint0", 0, SIDE * SIDE * 3) >> 24).astype(np.uint8).reshape(SIDE, SIDE, 3)
    Image.fromarray(rgb).save(folder / "hint.png")
    taps = {}
    for name in ("text", "unet"):
        m = getattr(models, name)(families.SD15, half=True, dtype=torch.float32)
        if name == "unet":
            m = micro_control.Controlled(m, [(net, micro_control.hint(0, SIDE, SIDE, torch.float32), WEIGHT, False)])
        taps.update(full.STAGES[name](m, torch.float32, taps, False))
        del m
        gc.collect()
    theirs, ours = folder / "theirs.safetensors", folder / "ours.safetensors"
    save_file({k: v.contiguous() for k, v in taps.items() if k.startswith("latents.")}, theirs)
    options = ["-m", model, "-p", JOB["prompt"], "-n", JOB["negative"], "--seed", "42", "-W", "256", "-H", "256", "--steps", "3"]
    options += ["--cfg", "7", "--sampler", "Euler", "--rng", "cpu", "--control", f"{folder}/control:{folder}/hint.png:{WEIGHT}"]
    options += ["--precision", "f32-direct", "--taps", ours, "--tap", "latents.*", "-o", folder / "ours.png", "-q"]
    subprocess.run([sdc, "txt2img", *options], check=True)
    return subprocess.run([sdc, "diff", ours, theirs]).returncode


if __name__ == "__main__":
    sys.exit(main())
