"""Pictures of the micro x4 upscaler by diffusers' StableDiffusionUpscalePipeline.

The picture is of "micro.x4", 24 x 20 pixels. Noise is what torch's generator of the seed draws: the latents', then that over
the small picture, where the pipeline draws in the other order.
"""
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler, StableDiffusionUpscalePipeline
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_upscale as module
from torch.utils._python_dispatch import _disable_current_modes

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "pipeline", "micro_x4")]
WIDE, HIGH, SEED, STEPS, CFG, PROMPT, NEGATIVE = 24, 20, 42, 4, 9, "a lovely cat", "blurry, low quality"
BETAS = dict(beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear")
LEVELS = (20, 0, 350)


class Euler(EulerDiscreteScheduler):
    """The same in the type of the sample, where diffusers' own rounds to float32."""

    def set_timesteps(self, *args, **more):
        with _disable_current_modes():  # whose sigmas are float32
            super().set_timesteps(*args, **more)

    def step(self, v, time, x, return_dict=False):
        if self.step_index is None:
            self._init_step_index(time)
        sigma, following = self.sigmas[self.step_index : self.step_index + 2].to(x.dtype)
        clean = v * (-sigma / (sigma**2 + 1) ** 0.5) + x / (sigma**2 + 1)
        self._step_index += 1
        return (x + (x - clean) / sigma * (following - sigma),)


def run(level, dtype):
    """The taps of a picture of this noise level."""
    c = families.MICRO_X4
    generator = torch.Generator("cpu").manual_seed(SEED)
    latents, noise = (torch.randn((n, HIGH, WIDE), generator=generator)[None].to(dtype) for n in (4, 3))
    module.randn_tensor = lambda shape, **more: noise
    taps, scheduler = {}, Euler(**BETAS, prediction_type="v_prediction")  # at times 999, 666, 333, 0
    with reference(dtype):
        text = models.text(c, dtype=dtype)
        states = pipeline.texts([text], c, dict(prompt=PROMPT, negative=NEGATIVE))["text_model.last_hidden_state"]
        unet = models.unet(c, dtype=dtype)

        def see(m, args, more, out):
            step = sum(k.startswith("unet.") for k in taps)
            taps.setdefault("image.noisy", args[0][:1, 4:].clone())
            taps[f"unet.step{step:03d}.conv_out"] = out[0].clone()

        unet.register_forward_hook(see, with_kwargs=True)
        parts = dict(vae=models.vae(c, dtype=dtype), text_encoder=text, tokenizer=None, unet=unet)
        pipe = StableDiffusionUpscalePipeline(**parts, low_res_scheduler=DDPMScheduler(**BETAS), scheduler=scheduler, watermarker=None)
        pipe.set_progress_bar_config(disable=True)
        small = torch.from_numpy(values.integers("micro.x4", (1, 3, HIGH, WIDE), 256)).to(dtype) / 255 * 2 - 1
        ask = dict(image=small, num_inference_steps=STEPS, guidance_scale=CFG, noise_level=level, latents=latents.clone())
        out = pipe(**ask, prompt_embeds=states[1:], negative_prompt_embeds=states[:1], output_type="latent").images
        return {**taps, "image": parts["vae"].decode(out / c["scale"]).sample}


def make(args):
    """This group's golden."""
    golden = store.Golden("micro_x4", SOURCES, samples=1024)
    for level in LEVELS:
        exact, single = run(level, torch.float64), run(level, torch.float32)
        for name, x in exact.items():
            golden.add(f"level{level}.{name}", x, single[name])
    return [golden]
