"""Noise, schedules and samplers, without a network.

noise.safetensors: torch's CPU generator, float32. "randn.seedS.nN" is randn(N) of a fresh generator;
"randn.seedS.callsA_B_C" are randn(A), randn(B), randn(C) of one generator, concatenated. Up to 80 values are stored
whole, of more the first 64 and the last 16; NAME.sha256 in the metadata is of all values' bytes (little-endian
float32). Bits must agree: e32 is 0. (They are torch's on x86 with AVX2 or better; see versions.)

schedule.safetensors: alphas_cumprod and sigmas (all 1000, smallest sigma first); "sigmas.KIND.nN", the webui's sigmas
for N steps with the final 0, KIND uniform (Euler, Euler a), karras or exponential; "t.uniform.nN", the network's
fractional t for each; "ddim.timesteps.nN", smallest first. The reference is float64 from the float32 alphas_cumprod.
Samplers: x of shape [1,4,4,4], x = noise * sigma[0] (DDIM: x = noise), noise and then the sampler's draws, of 64 values
each, from the CPU generator of seed 42:
  "toy.euler.nN", "toy.euler_a.nN" [N,1,4,4,4], x after every step; "toy.heun.n10", "toy.dpm_2.n10", "toy.dpm_2_a.n10",
      "toy.lms.n10", "toy.dpmpp_2s_a.n10", "toy.dpmpp_2m.n10": the last x.  denoised = x / (1 + sigma^2) + 0.1 sin(x), uniform
  "eps.ddim.nN" [evaluations,1,4,4,4], eta 0.                           eps(x, t) = 0.9 x + 0.3 sin(2 x + t / 1000)
  "eps.euler.n10", "eps.euler_a.n10": the last x. The same eps under k-diffusion's wrapper.
"known.euler", "known.euler_a", "known.ddim": as eps.*, 10 steps, x of shape [1,4,2,2]; known answers in reference texts.
"""
import hashlib

import numpy as np
import torch

from . import kdiffusion, store
from .precise import reference

SEEDS = (0, 1, 42, 43, 2**32 - 1, 2**32, 2**63 - 1)
COUNTS = (1, 5, 15, 16, 17, 100, 4 * 64 * 64)
CALLS = {0: (3, 3, 16, 2), 42: (468, 468), 43: (16384, 16384)}
STEPS = (1, 2, 5, 20, 50, 150)
KNOWN = {  # first five values and sum
    "known.euler": ([1.801976, 1.689117, 0.120506, -1.953047, -0.030401], 1.67538),
    "known.euler_a": ([-0.212654, 0.136039, -0.198182, -0.092024, 0.092860], 1.05625),
    "known.ddim": ([1.805479, 1.548544, 0.148323, -1.887124, 0.008413], 1.30899),
}


def noise():
    golden = store.Golden("noise", ["tools/goldens/noise.py"])

    def add(name, x):
        n = x.numel()
        keep = np.arange(n) if n <= 80 else np.r_[0:64, n - 16 : n]
        golden.add(name, x, x, keep=keep)
        golden.meta[f"{name}.sha256"] = hashlib.sha256(x.numpy().astype("<f4").tobytes()).hexdigest()

    for seed in SEEDS:
        for n in COUNTS:
            add(f"randn.seed{seed}.n{n}", torch.randn(n, generator=torch.Generator().manual_seed(seed)))
    for seed, calls in CALLS.items():
        g = torch.Generator().manual_seed(seed)
        name = f"randn.seed{seed}.calls" + "_".join(map(str, calls))
        add(name, torch.cat([torch.randn(n, generator=g) for n in calls]))
    return golden


def exact_schedule(kind, n):
    """The sigmas in float64, from the float32 alphas_cumprod."""
    a = kdiffusion.alphas_cumprod().double().numpy()
    table = np.sqrt((1 - a) / a)
    if kind == "uniform":
        t = np.linspace(999, 0, n) if n > 1 else np.array([999.0])
        sigmas = np.exp(np.interp(t, np.arange(1000), np.log(table)))
    elif kind == "karras":
        low, high = table[0] ** (1 / 7), table[-1] ** (1 / 7)
        sigmas = (high + np.linspace(0, 1, n) * (low - high)) ** 7
    else:
        sigmas = np.exp(np.linspace(np.log(table[-1]), np.log(table[0]), n))
    return np.append(sigmas, 0.0)


def toy(x, sigma):
    s = sigma.reshape(-1, 1, 1, 1)
    return x / (1 + s * s) + 0.1 * torch.sin(x)


def toy_eps(x, t):
    return 0.9 * x + 0.3 * torch.sin(2 * x + t.reshape(-1, 1, 1, 1) / 1000)


def sample(sampler, network, n, shape, dtype):
    """x after every step [steps, *shape]. `network` is a toy that predicts denoised values, or eps under the wrapper."""
    g = torch.Generator().manual_seed(42)

    def draw(*_):
        return torch.randn(shape, generator=g).to(dtype)

    seen = []

    def watch(d):
        seen.append(d["x"].clone())

    with reference(dtype):
        model = kdiffusion.Denoiser(toy_eps, dtype)
        if sampler == "ddim":
            def eps(x, t):
                seen.append(x.clone())
                return toy_eps(x, t)

            last = kdiffusion.ddim(eps, draw(), n)
        else:
            sigmas = model.schedule(n)
            more = {"noise_sampler": draw} if sampler.endswith("ancestral") else {}
            run = getattr(kdiffusion.sampling, f"sample_{sampler}")
            last = run(network or model, draw() * sigmas[0], sigmas, disable=True, callback=watch, **more)
    return torch.stack([*seen[1:], last]) if seen else last[None]


def schedule():
    golden = store.Golden("schedule", ["tools/goldens/noise.py", "tools/goldens/kdiffusion.py"])
    single = kdiffusion.Denoiser(None)
    a = kdiffusion.alphas_cumprod()
    exact = a.double().numpy()
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    golden.add("alphas_cumprod", np.cumprod(1 - betas), a)
    golden.add("sigmas", np.sqrt((1 - exact) / exact), single.sigmas)
    bounds = dict(sigma_min=float(single.sigma_min), sigma_max=float(single.sigma_max))
    for n in STEPS:
        golden.add(f"sigmas.uniform.n{n}", exact_schedule("uniform", n), single.schedule(n))
        golden.add(f"sigmas.karras.n{n}", exact_schedule("karras", n), kdiffusion.sampling.get_sigmas_karras(n, **bounds))
        exponential = kdiffusion.sampling.get_sigmas_exponential(n, **bounds)
        golden.add(f"sigmas.exponential.n{n}", exact_schedule("exponential", n), exponential)
        t = np.linspace(999, 0, n) if n > 1 else np.array([999.0])
        golden.add(f"t.uniform.n{n}", t, single.sigma_to_t(single.schedule(n)[:-1]))
        steps = kdiffusion.ddim_timesteps(n).float()
        golden.add(f"ddim.timesteps.n{n}", steps.double(), steps)

    def add(name, sampler, network, n, shape=(1, 4, 4, 4), all_steps=False):
        x64, x32 = (sample(sampler, network, n, shape, dtype) for dtype in (torch.float64, torch.float32))
        golden.add(name, *((x64, x32) if all_steps else (x64[-1], x32[-1])))
        return x32[-1].flatten()

    for n in (1, 5, 20):
        add(f"toy.euler.n{n}", "euler", toy, n, all_steps=True)
        add(f"toy.euler_a.n{n}", "euler_ancestral", toy, n, all_steps=True)
    for short, name in (("dpm_2_a", "dpm_2_ancestral"), ("dpmpp_2s_a", "dpmpp_2s_ancestral")):
        add(f"toy.{short}.n10", name, toy, 10)
    for name in ("heun", "dpm_2", "lms", "dpmpp_2m"):
        add(f"toy.{name}.n10", name, toy, 10)
    for n in (5, 7, 20):
        add(f"eps.ddim.n{n}", "ddim", None, n, all_steps=True)
    for short, name in (("euler", "euler"), ("euler_a", "euler_ancestral"), ("ddim", "ddim")):
        if short != "ddim":
            add(f"eps.{short}.n10", name, None, 10)
        x = add(f"known.{short}", name, None, 10, shape=(1, 4, 2, 2))
        first, total = KNOWN[f"known.{short}"]
        worst = max(float((x[:5] - torch.tensor(first)).abs().max()), abs(float(x.sum()) - total))
        print(f"known.{short}: within {worst:.1e} of the known answer")
        assert worst < 2e-5
    return golden


def make(args):
    """This group's two goldens."""
    return [noise(), schedule()]
