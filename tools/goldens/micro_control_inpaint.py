"""Inpainting with ControlNets on micro-SD.

"inpaint.": diffusers' StableDiffusionControlNetInpaintPipeline; the ControlNet is shown make_inpaint_condition's picture,
in which what is repainted is -1. The picture is of "micro.pixels", as micro.py's; the mask keeps to whole latents.

"part.": only the masked part, by the webui's cut of it (modules/masking.py, modules/processing.py), over diffusers' modules;
the hint "hint0" has the same part, as the ControlNet extension cuts it (try_crop_image_with_a1111_mask). The picture is
of "part.pixels"; the canvas is transcribed without blur, so that Pillow's resize is all that is needed.
"""
import numpy as np
import torch
from diffusers import StableDiffusionControlNetInpaintPipeline
from diffusers.pipelines.controlnet import pipeline_controlnet_inpaint as module
from PIL import Image
from torch.utils._python_dispatch import _disable_current_modes

from . import families, micro_control, micro_x4, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "pipeline", "micro_x4", "micro_control", "micro_control_inpaint")]
SIDE, SEED, STEPS, CFG, STRENGTH, WEIGHT = 64, 42, 4, 7, 0.8, 0.9
PROMPT, NEGATIVE = "a lovely cat", "blurry, low quality"
BETAS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
WIDE, HIGH, PADDING = 72, 56, 3


def make_inpaint_condition(image, mask):
    """The pipeline's example has it: image [h,w,3] and mask [h,w] of bytes."""
    image = image.astype(np.float64) / 255
    image[mask.astype(np.float64) / 255 > 0.5] = -1.0
    return torch.from_numpy(image.transpose(2, 0, 1)[None])


class Euler(micro_x4.Euler):
    """Its step for a network that predicts the noise."""

    def step(self, eps, time, x, return_dict=False, **more):
        if self.step_index is None:
            self._init_step_index(time)
        sigma, following = self.sigmas[self.step_index : self.step_index + 2].to(x.dtype)
        self._step_index += 1
        return (x + eps * (following - sigma),)


class Wide(torch.Tensor):
    """A picture that stays as exact as it is, where the pipeline rounds it to float32."""

    def to(self, *args, **more):
        return self


class Pipeline(StableDiffusionControlNetInpaintPipeline):
    def prepare_control_image(self, *args, **more):
        with _disable_current_modes():  # it rounds to float32, as sdc does
            return super().prepare_control_image(*args, **more)


def parts(dtype):
    return {k: getattr(models, k)(families.MICRO, dtype=dtype) for k in ("text", "unet", "vae")}


def inpainted(dtype):
    """The taps of diffusers' pipeline."""
    c, taps = families.MICRO, {}
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[24:56, 16:40] = 255
    pixels = values.integers("micro.pixels", (1, 3, SIDE, SIDE), 256)
    hint = make_inpaint_condition(pixels[0].transpose(1, 2, 0), mask).to(dtype)
    noise = torch.randn((4, SIDE // 8, SIDE // 8), generator=torch.Generator("cpu").manual_seed(SEED))[None].to(dtype)
    module.randn_tensor = lambda shape, **more: noise
    module.retrieve_latents = lambda out, generator=None, sample_mode="": out.latent_dist.mode()
    scheduler = Euler(**BETAS)  # at times 666, 333, 0
    with reference(dtype):
        p = parts(dtype)
        states = pipeline.texts([p["text"]], c, dict(prompt=PROMPT, negative=NEGATIVE))["text_model.last_hidden_state"]

        def see(m, args, more, out):
            taps[f"unet.step{len(taps):03d}.conv_out"] = out[0].clone()

        p["unet"].register_forward_hook(see, with_kwargs=True)
        net = micro_control.control(c, 0, dtype)
        pipe = Pipeline(
            vae=p["vae"], text_encoder=p["text"], tokenizer=None, unet=p["unet"], controlnet=net, scheduler=scheduler,
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )
        pipe.set_progress_bar_config(disable=True)
        own = pipe.image_processor.preprocess
        pipe.image_processor.preprocess = lambda *args, **more: own(*args, **more).as_subclass(Wide)
        image = torch.from_numpy(pixels).to(dtype) / 255
        out = pipe(
            image=image, mask_image=torch.from_numpy(mask / 255)[None, None].to(dtype), control_image=hint, height=SIDE, width=SIDE,
            strength=STRENGTH, num_inference_steps=STEPS, guidance_scale=CFG, controlnet_conditioning_scale=WEIGHT,
            prompt_embeds=states[1:], negative_prompt_embeds=states[:1], output_type="latent",
        ).images
        return {**taps, "latents": out, "image": pipeline.decode(p["vae"], out)["image"]}


def cut(image, box):
    """Of an image of any size: made as large as the picture (crop and resize), the box of it, as large as what is drawn."""
    scale_x, scale_y = WIDE, image.height * WIDE // image.width
    if WIDE / HIGH <= image.width / image.height:
        scale_x, scale_y = image.width * HIGH // image.height, HIGH
    large = image.resize((scale_x, scale_y), Image.LANCZOS)
    out = Image.new("RGB", (WIDE, HIGH))
    out.paste(large, (WIDE // 2 - scale_x // 2, HIGH // 2 - scale_y // 2))
    return out.crop(box).resize((SIDE, SIDE), Image.LANCZOS)


def part(dtype):
    """The taps of the part that a mask repaints: columns 20..39, rows 15..34, and three around; a square, as what is drawn."""
    c = families.MICRO
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[15:35, 20:40] = 255
    box = (20 - PADDING, 15 - PADDING, 40 + PADDING, 35 + PADDING)
    pixels = values.integers("part.pixels", (3, HIGH, WIDE), 256).transpose(1, 2, 0).astype(np.uint8)
    own = values.mixed("hint0", 0, 31 * 27 * 3) >> 24
    job = dict(prompt=PROMPT, negative=NEGATIVE, seed=SEED, width=SIDE, height=SIDE, steps=5, cfg=CFG, strength=STRENGTH, sampler="Euler")
    with reference(dtype):
        p = parts(dtype)
        small = Image.fromarray(pixels).crop(box).resize((SIDE, SIDE), Image.LANCZOS)
        drawn = Image.fromarray(mask).crop(box).resize((SIDE, SIDE), Image.LANCZOS).convert("RGB").resize((SIDE // 8, SIDE // 8))
        repaint = torch.from_numpy(np.around(np.array(drawn)[:, :, 0] / 255))[None, None].to(dtype)
        hint = np.array(cut(Image.fromarray(own.reshape(27, 31, 3).astype(np.uint8)), box)).transpose(2, 0, 1)[None]
        net = micro_control.Controlled(p["unet"], [(micro_control.control(c, 0, dtype), torch.from_numpy(hint).to(dtype) / 255, WEIGHT, False)])
        image = torch.from_numpy(np.array(small)).to(dtype).permute(2, 0, 1)[None] / 255 * 2 - 1
        z = p["vae"].encode(image).latent_dist.mode() * c["scale"]
        latents, _ = pipeline.denoise(net, pipeline.encode(p["text"], PROMPT, NEGATIVE), job, dtype, False, z, repaint=repaint)
        return {"latents.init": z, "latents": latents, "image": pipeline.decode(p["vae"], latents)["image"]}


def make(args):
    """This group's golden."""
    golden = store.Golden("micro_control_inpaint", SOURCES, samples=1024)
    for name, run in (("inpaint", inpainted), ("part", part)):
        exact, single = run(torch.float64), run(torch.float32)
        for tap, x in exact.items():
            golden.add(f"{name}.{tap}", x, single[tap])
    return [golden]
