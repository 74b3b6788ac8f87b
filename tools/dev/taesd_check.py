#!/usr/bin/env python3
"""TAESD at its real size: sdc's decoder and encoder against diffusers' AutoencoderTiny with generated weights.

    python tools/dev/taesd_check.py SDC MODEL DIR [--size 512]

MODEL is any SD model, since only its latents count: the micro one that `test --make-model micro single f32 FILE` makes
will do. Saves an AutoencoderTiny in DIR (save_pretrained), draws by it, and decodes and encodes the same numbers in
float64. Prints relative RMS errors and fails beyond 1e-4. Environment: tools/requirements.txt.
"""
import argparse
import subprocess
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from safetensors.torch import load_file


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sdc")
    p.add_argument("model")
    p.add_argument("dir", type=Path)
    p.add_argument("--size", type=int, default=512)
    args = p.parse_args()
    torch.manual_seed(1)
    torch.set_grad_enabled(False)
    taesd = AutoencoderTiny()
    taesd.save_pretrained(args.dir)
    taesd = taesd.double().eval()
    base = [args.sdc, "img2img", "-m", args.model, "--taesd", str(args.dir), "-p", "a cat", "--steps", "2", "--seed", "1"]
    base += ["-W", str(args.size), "-H", str(args.size), "--sampler", "Euler", "--strength", "1", "-q"]
    picture = args.dir / "from.png"
    noise = torch.rand(3, args.size // 16, args.size // 16)
    pixels = torch.nn.functional.interpolate(noise[None], size=args.size, mode="bilinear")[0]
    pixels = (pixels * 255).byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(picture)

    def tap(glob):
        out = args.dir / "taps.safetensors"
        subprocess.run([*base, "-i", str(picture), "-o", str(args.dir / "out.png"), "--taps", str(out), "--tap", glob], check=True)
        return load_file(out)

    def error(name, ours, theirs):
        rms = ((ours.double() - theirs).square().mean() / theirs.square().mean()).sqrt().item()
        print(f"{name}: relative RMS {rms:.2e}")
        return rms <= 1e-4

    latents = tap("latents.step*")
    last = latents[max(k for k in latents if k.startswith("latents.step"))].double()
    ok = error("decoder", tap("image")["image"], taesd.decode(last).sample)
    encoded = tap("vae.encoder.layers.14")["vae.encoder.layers.14"]
    ok &= error("encoder", encoded, taesd.encode(pixels[None].double() / 127.5 - 1).latents)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
