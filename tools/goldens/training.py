"""Training at micro size by torch: gradients of whole networks, and ten steps of AdamW.

micro_gradients: of every parameter under its name in a single-file checkpoint, and of the inputs.
  U-Net  sum of output * "train.unet.dy"; x "train.x" [2,4,16,16], t 17 and 801, context "train.context" [2,77,32]
  text   sum of states * "train.text.dy"; ids "train.ids" [2,77], all below 49408
  VAE    sum of decoder output * "train.image.dy" + sum of moments * "train.moments.dy"; image "train.image" [2,3,32,32]
         with scale 0.57735026, the latents drawn with "train.noise" [2,4,4,4]
micro_sdxl_gradients: of micro-SDXL's U-Net, as above: "train.xl.dy", x "train.xl.x" [2,4,16,16], context "train.xl.context"
  [2,77,80], text_embeds "train.xl.pooled" [2,40], time_ids SIZES.
micro_sdxl_told: what micro-SDXL's U-Net is told of two pictures, numbers 0 and 1 (TOLD): "context.N" [77,80], "pooled.N" [40],
  "sizes.N" [1536], their sinusoids, as diffusers' train_text_to_image_sdxl.py lists them.
micro_adamw: "losses", those of ten steps on the U-Net: mean squared error of the noise predicted, x0 "train.N.x0" and
  noise "train.N.noise" [2,4,16,16], t "train.N.t" below 1000, context "train.N.context"; lr 1e-4, betas 0.9 0.999,
  eps 1e-8, weight decay 0.01; x_t = sqrt(a) x0 + sqrt(1 - a) noise with SD's scaled-linear betas. (At a rate of 1e-3
  the losses of any two programs would show the signs of the smallest gradients, which are rounding.)
full_training: the gradients of SD 1.5's U-Net at 64x64, of the sum of output * "train.full.dy"; x "train.full.x", t 500,
  context "train.full.context" [1,77,768]. float32 alone (float64 does not fit), so no e32; compare the lengths. Made
  only on request: `python tools/goldens full_training`, 12 GB.
Inputs are generated (values.py), of scale 1 unless given, flat in torch's order.
"""
import numpy as np
import torch

from . import families, models, pipeline, store, values
from .precise import reference

SOURCES = ["tools/goldens/" + n + ".py" for n in ("names", "families", "models", "precise", "pipeline", "training")]
STEPS = 10


def given(name, *shape, dtype, scale=1.0):
    return torch.from_numpy(values.input(f"train.{name}", shape, scale, 0.0)).to(dtype)


def named(module):
    """{name in the checkpoint: parameter}, in order."""
    return dict(zip(module.names, (p for _, p in module.named_parameters())))


def unet(dtype):
    m = models.unet(families.MICRO, dtype=dtype)
    x, context = (given(n, *s, dtype=dtype).requires_grad_(True) for n, s in (("x", (2, 4, 16, 16)), ("context", (2, 77, 32))))
    y = m(x, torch.tensor([17.0, 801.0], dtype=dtype), encoder_hidden_states=context).sample
    (y * given("unet.dy", *y.shape, dtype=dtype)).sum().backward()
    return {"unet.dx": x.grad, "unet.dcontext": context.grad, **{k: p.grad for k, p in named(m).items()}}


SIZES = ((64, 48, 0, 5, 64, 64), (80, 96, 7, 0, 64, 64))


def unet_sdxl(dtype):
    m = models.unet(families.MICRO_SDXL, dtype=dtype)
    shapes = {"x": (2, 4, 16, 16), "context": (2, 77, 80), "pooled": (2, 40)}
    x, context, pooled = (given(f"xl.{n}", *s, dtype=dtype).requires_grad_(True) for n, s in shapes.items())
    more = {"text_embeds": pooled, "time_ids": torch.tensor(SIZES, dtype=dtype)}
    y = m(x, torch.tensor([17.0, 801.0], dtype=dtype), encoder_hidden_states=context, added_cond_kwargs=more).sample
    (y * given("xl.dy", *y.shape, dtype=dtype)).sum().backward()
    inputs = {"unet.dx": x.grad, "unet.dcontext": context.grad, "unet.dpooled": pooled.grad}
    return {**inputs, **{k: p.grad for k, p in named(m).items()}}


# Caption; original height and width, crop's top and left of the scaled picture, and what is learned.
TOLD = (("a lovely cat", (64, 96, 0, 16, 64, 64)), ("blurry, low quality", (160, 80, 32, 0, 64, 64)))


def told(dtype):
    c, out = families.MICRO_SDXL, {}
    encoders, unet = [models.encoder(e, dtype=dtype) for e in c["encoders"]], models.unet(c, dtype=dtype)
    for i, (caption, sizes) in enumerate(TOLD):
        taps = pipeline.texts(encoders, {**c, "zero_empty": False}, dict(negative="", prompt=caption))
        states = (taps[f"text_model{n}.last_hidden_state"][1] for n in ("", "_2"))
        out[f"context.{i}"], out[f"pooled.{i}"] = torch.cat(list(states), dim=1), taps["pooled"][1]
        out[f"sizes.{i}"] = unet.add_time_proj(torch.tensor(sizes, dtype=dtype)).flatten()
    return out


def text(dtype):
    m = models.text(families.MICRO, dtype=dtype)
    ids = torch.from_numpy(values.integers("train.ids", (2, 77), 49408))
    y = m(ids).last_hidden_state
    (y * given("text.dy", *y.shape, dtype=dtype)).sum().backward()
    out = {k: p.grad for k, p in named(m).items()}
    table = next(k for k in out if "token_embedding" in k)
    return {k: g[ids.flatten().unique()] if k == table else g for k, g in out.items()}  # the others are zero


def vae(dtype):
    m = models.vae(families.MICRO, dtype=dtype)
    image = given("image", 2, 3, 32, 32, dtype=dtype, scale=0.57735026).requires_grad_(True)
    moments = m.encode(image).latent_dist.parameters
    mean, logvar = moments.chunk(2, dim=1)
    z = mean + torch.exp(0.5 * logvar.clamp(-30, 20)) * given("noise", *mean.shape, dtype=dtype)
    y = m.decode(z).sample
    loss = (y * given("image.dy", *y.shape, dtype=dtype)).sum() + (moments * given("moments.dy", *moments.shape, dtype=dtype)).sum()
    loss.backward()
    return {"vae.dimage": image.grad, **{k: p.grad for k, p in named(m).items()}}


def adamw(dtype):
    """The losses of ten steps."""
    m = models.unet(families.MICRO, dtype=dtype)
    m.train()
    optimiser = torch.optim.AdamW(m.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    alphas = torch.from_numpy(np.cumprod(1 - betas)).to(dtype)
    losses = []
    for i in range(STEPS):
        x0, noise = (given(f"{i}.{n}", 2, 4, 16, 16, dtype=dtype) for n in ("x0", "noise"))
        t = torch.from_numpy(values.integers(f"train.{i}.t", (2,), 1000)).long()
        a = alphas[t][:, None, None, None]
        x = a.sqrt() * x0 + (1 - a).sqrt() * noise
        y = m(x, t.to(dtype), encoder_hidden_states=given(f"{i}.context", 2, 77, 32, dtype=dtype)).sample
        loss = ((y - noise) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def full(args):
    """The full-size golden: one value of each gradient, and its length."""
    golden = store.Golden("full_training", SOURCES, samples=1)
    with torch.enable_grad():
        m = models.unet(families.SD15)
        m.enable_gradient_checkpointing()
        m.train()
        dtype = torch.float32
        y = m(given("full.x", 1, 4, 64, 64, dtype=dtype), torch.tensor([500.0]), encoder_hidden_states=given("full.context", 1, 77, 768, dtype=dtype)).sample
        (y * given("full.dy", *y.shape, dtype=dtype)).sum().backward()
        for name, p in named(m).items():
            golden.add(name, p.grad.double(), p.grad)
    return [golden]


def make(args):
    golden, sdxl = store.Golden("micro_gradients", SOURCES, samples=12), store.Golden("micro_sdxl_gradients", SOURCES, samples=2)
    with torch.enable_grad():
        for part, golden_of in ((unet, golden), (text, golden), (vae, golden), (unet_sdxl, sdxl)):
            runs = []
            for dtype in (torch.float64, torch.float32):
                with reference(dtype):
                    runs.append(part(dtype))
            for name in runs[0]:
                golden_of.add(name, runs[0][name], runs[1][name])
        told_of, runs = store.Golden("micro_sdxl_told", SOURCES, samples=512), []
        for dtype in (torch.float64, torch.float32):
            with reference(dtype):
                runs.append(told(dtype))
        for name in runs[0]:
            told_of.add(name, runs[0][name], runs[1][name])
        steps = store.Golden("micro_adamw", SOURCES)
        runs = []
        for dtype in (torch.float64, torch.float32):
            with reference(dtype):
                runs.append(adamw(dtype))
        steps.add("losses", *runs)
    return [golden, sdxl, told_of, steps]
