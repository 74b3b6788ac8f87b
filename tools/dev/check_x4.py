"""The x4 upscaler at full size with generated weights (F16): sdc's latents beside diffusers', in float32.

    python tools/dev/check_x4.py DIR [--side 64] [--steps 3]

writes DIR/x4 by diffusers' own save_pretrained (1.8 GB), a small picture, and runs both (8 GB for diffusers).
"""
import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler, StableDiffusionUpscalePipeline
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_upscale as module
from PIL import Image
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from goldens import families, models, pipeline  # noqa: E402

BETAS = dict(beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear")
PROMPT, NEGATIVE, SEED, LEVEL = "a lovely cat", "blurry, low quality", 42, 20
# diffusers' folders leave out the encoder's last layer, which nothing reads
X4 = {**families.X4, "encoders": [{**e, "layers": e["layers"] - 1, "layer": -1} for e in families.X4["encoders"]]}


def parts(c):
    """The pipeline's modules, whose weights F16 holds exactly."""
    return dict(vae=models.vae(c, half=True), text_encoder=models.text(c, half=True), unet=models.unet(c, half=True))


def sdc(*args):
    return subprocess.run([str(ROOT / "sdc"), *map(str, args)], check=True, capture_output=True, text=True).stdout


def theirs(folder, small, steps):
    """Latents by diffusers, of the noise that sdc draws."""
    c = X4
    own = parts(c)
    scheduler = EulerDiscreteScheduler(**BETAS, prediction_type="v_prediction")
    pipe = StableDiffusionUpscalePipeline(**own, tokenizer=None, low_res_scheduler=DDPMScheduler(**BETAS), scheduler=scheduler, watermarker=None)
    if not (folder / "model_index.json").exists():
        for m in own.values():
            m.half()
        pipe.save_pretrained(folder)
        for m in own.values():
            m.float()
    high, wide = small.shape[:2]
    generator = torch.Generator("cpu").manual_seed(SEED)
    latents, noise = (torch.randn((n, high, wide), generator=generator)[None] for n in (4, 3))
    module.randn_tensor = lambda shape, **more: noise
    states = pipeline.texts([own["text_encoder"]], c, dict(prompt=PROMPT, negative=NEGATIVE))["text_model.last_hidden_state"]
    image = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255 * 2 - 1
    with torch.no_grad():
        return pipe(image=image, num_inference_steps=steps, guidance_scale=9, noise_level=LEVEL, latents=latents, prompt_embeds=states[1:],
                    negative_prompt_embeds=states[:1], output_type="latent").images


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir", type=Path)
    p.add_argument("--side", type=int, default=64)
    p.add_argument("--steps", type=int, default=4, help="4: at times 999, 666, 333 and 0, whose sigmas nobody interpolates")
    a = p.parse_args()
    a.dir.mkdir(exist_ok=True)
    small = np.random.default_rng(1).integers(0, 256, (a.side, a.side, 3), np.uint8)
    Image.fromarray(small).save(a.dir / "small.png")
    exact = theirs(a.dir / "x4", small, a.steps)
    ask = ["-i", a.dir / "small.png", "-p", PROMPT, "-n", NEGATIVE, "--seed", SEED, "--rng", "cpu", "--steps", a.steps, "--sampler", "Euler"]
    print(sdc("img2img", "-m", a.dir / "x4", *ask, "--noise-level", LEVEL, "--taps", a.dir / "taps", "--tap", "latents.*", "-o", a.dir / "out.png"))
    taps = load_file(a.dir / "taps")
    ours = taps[sorted(k for k in taps if k.startswith("latents.step"))[-1]]
    print(f"latents {tuple(ours.shape)}: relative RMS {((ours - exact).pow(2).mean() / exact.pow(2).mean()).sqrt():.2e}")


if __name__ == "__main__":
    main()
