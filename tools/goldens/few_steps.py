"""What few-step models are sampled with, against diffusers' schedulers: few_steps.safetensors, and whole pictures.

"NAME": the last x of a diffusers scheduler with Stable Diffusion's configuration over the toy network of samplers.py,
eps(x, t) = 0.9 x + 0.3 sin(2 x + t / 1000), or v or x_0 as the name says; x [1,4,4,4] and all draws from torch's CPU
generator of seed 42. The reference is the scheduler's formula in float64, written out below; the float32 run is
diffusers' own, with the float32 alphas used elsewhere here in place of its own.
"times.NAME.nN": the times that it visits.

micro_lcm_64, micro_tcd_64, micro_turbo_64, micro_ssd_64, micro_tiny_64: pictures of the micro models of families.py without a negative prompt; LCM's U-Net
is told its guidance, 8.5. Latents are in the sampler's space, sigma or time.
"""
import numpy as np
import torch

from . import families, kdiffusion, models, pipeline, store
from .precise import reference
from .samplers import SHAPE, toy

SOURCES = ["tools/goldens/" + n + ".py" for n in ("few_steps", "samplers", "kdiffusion", "names", "families", "models", "pipeline")]
# name: (diffusers' class, its configuration, steps, keywords of each step)
RUNS = {
    "lcm.n1": ("LCM", {}, 1, {}),
    "lcm.n4": ("LCM", {}, 4, {}),
    "lcm.n7": ("LCM", {}, 7, {}),
    "lcm.v.n4": ("LCM", dict(prediction_type="v_prediction"), 4, {}),
    "hyper.n1": ("LCM", {}, [800], {}),  # what Hyper-SD says of its U-Net of one step
    "tcd.n1": ("TCD", {}, 1, {}),
    "tcd.n4": ("TCD", {}, 4, {}),
    "tcd.n7.eta0": ("TCD", {}, 7, dict(eta=0.0)),
    "tcd.n4.eta1": ("TCD", {}, 4, dict(eta=1.0)),
    "tcd.v.n4": ("TCD", dict(prediction_type="v_prediction"), 4, {}),
    "tcd.x0.n3": ("TCD", dict(prediction_type="sample"), 3, {}),
    "euler.trailing.n1": ("EulerDiscrete", dict(timestep_spacing="trailing"), 1, {}),
    "euler.trailing.n4": ("EulerDiscrete", dict(timestep_spacing="trailing"), 4, {}),
    "euler.trailing.n7": ("EulerDiscrete", dict(timestep_spacing="trailing"), 7, {}),
    "euler.trailing.x0.n1": ("EulerDiscrete", dict(timestep_spacing="trailing", prediction_type="sample"), 1, {}),
    "euler.trailing.x0.n4": ("EulerDiscrete", dict(timestep_spacing="trailing", prediction_type="sample"), 4, {}),
    "euler.leading.n8": ("EulerDiscrete", dict(timestep_spacing="leading", steps_offset=1), 8, {}),
    "euler.linspace.n8": ("EulerDiscrete", dict(timestep_spacing="linspace"), 8, {}),
    "euler_a.trailing.n1": ("EulerAncestralDiscrete", dict(timestep_spacing="trailing"), 1, {}),
    "euler_a.trailing.n4": ("EulerAncestralDiscrete", dict(timestep_spacing="trailing"), 4, {}),
    "euler_a.leading.n8": ("EulerAncestralDiscrete", dict(timestep_spacing="leading", steps_offset=1), 8, {}),
    "euler_a.linspace.n8": ("EulerAncestralDiscrete", dict(timestep_spacing="linspace"), 8, {}),
}
TIMES = {"trailing": (1, 2, 3, 4, 8, 16, 30), "leading": (1, 8, 30), "linspace": (1, 8, 30), "lcm": (1, 2, 3, 4, 6, 7, 8, 11, 49, 50)}


def scheduler(name, config):
    """diffusers' class, with the alphas of kdiffusion.py."""
    import diffusers

    made = getattr(diffusers, name + "Scheduler")(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **config)
    made.alphas_cumprod = kdiffusion.alphas_cumprod()
    return made


def visit(made, steps):
    """Has a scheduler visit so many times, or these."""
    made.set_timesteps(timesteps=steps) if isinstance(steps, list) else made.set_timesteps(steps)


def diffusers_run(name, config, steps, more):
    """diffusers' own result, in float32."""
    made = scheduler(name, config)
    visit(made, steps)
    g = torch.Generator().manual_seed(42)
    x = torch.randn(SHAPE, generator=g) * float(made.init_noise_sigma)
    for t in made.timesteps:
        x = made.step(toy(made.scale_model_input(x, t), t.float()), t, x, generator=g, **more).prev_sample
    return x


def clean_and_noise(out, x, a, prediction):
    """x_0 and eps of a network's output at alpha a."""
    if prediction == "v_prediction":
        return a.sqrt() * x - (1 - a).sqrt() * out, a.sqrt() * out + (1 - a).sqrt() * x
    if prediction == "sample":
        return out, (x - a.sqrt() * out) / (1 - a).sqrt()
    return (x - (1 - a).sqrt() * out) / a.sqrt(), out


def jumping(name, times, prediction, eta=0.3):
    """LCM and TCD in float64: x is sqrt(a) x_0 + sqrt(1 - a) noise."""
    alphas, g = kdiffusion.alphas_cumprod().double(), torch.Generator().manual_seed(42)
    draw = lambda: torch.randn(SHAPE, generator=g).double()
    x = draw()
    for i, t in enumerate(times):
        t, last = int(t), i + 1 == len(times)
        now, after = alphas[t], 0 if last else int(times[i + 1])
        clean, noise = clean_and_noise(toy(x, torch.tensor(float(t)).double()), x, now, prediction)
        if name == "LCM":
            scaled = 10.0 * t
            x = scaled / (scaled**2 + 0.25) ** 0.5 * clean + 0.25 / (scaled**2 + 0.25) * x
            if not last:
                x = alphas[after].sqrt() * x + (1 - alphas[after]).sqrt() * draw()
            continue
        there = alphas[int(np.floor((1 - eta) * after))]
        x = there.sqrt() * clean + (1 - there).sqrt() * noise
        if eta > 0 and not last:
            x = (alphas[after] / there).sqrt() * x + (1 - alphas[after] / there).sqrt() * draw()
    return x


def stepping(name, times, prediction, unit):
    """Euler and Euler a in float64: x is x_0 + sigma noise."""
    a = kdiffusion.alphas_cumprod().double()
    table = ((1 - a) / a).sqrt()
    s = torch.from_numpy(np.append(np.interp(np.asarray(times, np.float64), np.arange(1000), table.numpy()), 0))
    g = torch.Generator().manual_seed(42)
    draw = lambda: torch.randn(SHAPE, generator=g).double()
    x = draw() * ((s[0] ** 2 + 1).sqrt() if unit else s[0])
    for i, t in enumerate(times):
        out = toy(x / (s[i] ** 2 + 1).sqrt(), torch.tensor(float(t)).double())
        clean = out if prediction == "sample" else x - s[i] * out
        up = s[i + 1] * ((s[i] ** 2 - s[i + 1] ** 2) / s[i] ** 2).sqrt() if "Ancestral" in name else 0 * s[i]
        x = x + (x - clean) / s[i] * ((s[i + 1] ** 2 - up**2).sqrt() - s[i])
        x = x + up * draw() if "Ancestral" in name else x
    return x


def embedded(scale, width):
    """LCM's embedding of a guidance scale, [1,width] in float64; diffusers' own is float32 and near it."""
    from diffusers import LatentConsistencyModelPipeline

    f = torch.exp(-np.log(10000.0) * torch.arange(width // 2).double() / (width // 2 - 1))
    angle = 1000 * (scale - 1) * f
    out = torch.cat([angle.sin(), angle.cos()])[None]
    own = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, torch.tensor([scale - 1.0]), width)
    assert float((own - out).abs().max()) < 2e-3
    return out


PICTURES = {  # name: (family, sampler, diffusers' class, its configuration, steps, guidance that the U-Net is told)
    "micro_lcm_64": (families.MICRO_LCM, "LCM", "LCM", {}, 4, 8.5),
    "micro_tcd_64": (families.MICRO_SDXL, "TCD", "TCD", {}, 4, None),
    "micro_turbo_64": (families.MICRO_SD2, "Euler a", "EulerAncestralDiscrete", dict(timestep_spacing="trailing"), 2, None),
    "micro_ssd_64": (families.MICRO_SSD, "Euler a", "EulerAncestralDiscrete", dict(timestep_spacing="trailing"), 2, None),
    "micro_tiny_64": (families.MICRO_TINY, "Euler a", "EulerAncestralDiscrete", dict(timestep_spacing="trailing"), 2, None),
}
BLOCKS = "micro_lcm_64", "micro_ssd_64", "micro_tiny_64"  # of which every block of the first call is stored


def picture(c, sampler, name, config, steps, guidance, job, dtype):
    """All taps of a picture of one prompt."""
    made = scheduler(name, config)
    made.set_timesteps(steps)
    alphas, taps = kdiffusion.alphas_cumprod().to(dtype), {}
    with reference(dtype):
        context, more = [], {}
        for i, e in enumerate(c["encoders"]):
            x, pooled = pipeline.states(models.encoder(e, dtype=dtype), e, job["prompt"])
            taps[f"text_model{f'_{i + 1}' if i else ''}.last_hidden_state"] = x
            context.append(x)
            if pooled is not None:
                taps["pooled"] = pooled
        if c["adm"]:
            sizes = torch.tensor([pipeline.sizes(c, job, False)], dtype=dtype)
            more["added_cond_kwargs"] = {"text_embeds": taps["pooled"], "time_ids": sizes}
        if guidance:
            more["timestep_cond"] = embedded(guidance, c["guidance"]).to(dtype)
        unet, g = models.unet(c, dtype=dtype), torch.Generator().manual_seed(job["seed"])
        draw = lambda: torch.randn((4, job["height"] // 8, job["width"] // 8), generator=g)[None].to(dtype)
        recorder = pipeline.Recorder()
        recorder.unet(unet)
        taps["noise"] = x = draw()
        taps.update(noise=x)
        times = [int(t) for t in made.timesteps]
        sigma = lambda t: ((1 - alphas[t]) / alphas[t]).sqrt()
        for i, t in enumerate(times):
            last = i + 1 == len(times)
            after, a = 0 if last else times[i + 1], alphas[t]
            recorder.prefix, recorder.full = f"unet.step{i:03d}.", i == 0
            if sampler == "Euler a" and i == 0:
                x = x * sigma(t)
            given = x / (sigma(t) ** 2 + 1).sqrt() if sampler == "Euler a" else x
            time = torch.tensor([float(t)], dtype=dtype)
            out = unet(given, time, encoder_hidden_states=torch.cat(context, 2), **more).sample
            taps.update(recorder.taps)
            if sampler == "Euler a":
                s, then = sigma(t), 0 * a if last else sigma(after)
                up = then * ((s**2 - then**2) / s**2).sqrt()
                x = x + out * ((then**2 - up**2).sqrt() - s)
                x = x if last else x + up * draw()
                taps[f"latents.step{i:03d}"] = x
                continue
            clean, _ = clean_and_noise(out, given, a, "epsilon")
            if sampler == "LCM":
                scaled = 10.0 * t
                clean = scaled / (scaled**2 + 0.25) ** 0.5 * clean + 0.25 / (scaled**2 + 0.25) * x
                noise = 0 if last else draw()
                taps[f"latents.step{i:03d}"] = clean if last else clean + sigma(after) * noise
                x = clean if last else alphas[after].sqrt() * clean + (1 - alphas[after]).sqrt() * noise
                continue
            there = alphas[int(np.floor((1 - 0.3) * after))]
            x = there.sqrt() * clean + (1 - there).sqrt() * out
            if not last:
                x = (alphas[after] / there).sqrt() * x + (1 - alphas[after] / there).sqrt() * draw()
            taps[f"latents.step{i:03d}"] = x
        recorder.close()
        return {**taps, **pipeline.decode(models.vae(c, dtype=dtype), x)}


def pictures():
    """Goldens of PICTURES."""
    goldens = []
    for name, (c, sampler, kind, config, steps, guidance) in PICTURES.items():
        job = dict(prompt="a lovely cat", negative="", seed=42, width=64, height=64, steps=steps, cfg=guidance or 1, sampler=sampler)
        golden = store.Golden(name, SOURCES, samples=512, meta=pipeline.metadata(job, name[:-3]))
        exact, single = (picture(c, sampler, kind, config, steps, guidance, job, d) for d in (torch.float64, torch.float32))
        for tap, x in exact.items():
            block = pipeline.is_block(tap)
            if not block or name in BLOCKS:
                golden.add(tap, x, single[tap], samples=128 if block else None)
        goldens.append(golden)
    return goldens


def make(args):
    """This group's golden."""
    golden = store.Golden("few_steps", SOURCES)
    for key, (name, config, steps, more) in RUNS.items():
        made = scheduler(name, config)
        visit(made, steps)
        prediction, times = config.get("prediction_type", "epsilon"), made.timesteps.tolist()
        if name in ("LCM", "TCD"):
            exact = jumping(name, times, prediction, **more)
        else:
            exact = stepping(name, times, prediction, config["timestep_spacing"] == "leading")
        single = diffusers_run(name, config, steps, more)
        worst = float((exact - single).abs().max() / exact.abs().max())
        print(f"{key}: diffusers' float32 is within {worst:.1e}")
        assert worst < 2e-5, key
        golden.add(key, exact.flatten(), single.flatten())
    for kind, counts in TIMES.items():
        for n in counts:
            made = scheduler("LCM", {}) if kind == "lcm" else scheduler("EulerDiscrete", dict(timestep_spacing=kind, steps_offset=1))
            made.set_timesteps(n)
            golden.add(f"times.{kind}.n{n}", made.timesteps.double(), made.timesteps.float())
    return [golden, *pictures()]
