"""Samplers and schedule types without a network: samplers.safetensors.

"schedule.NAME.nN": lists of sigmas, with the final 0 if there is one. The reference is float64 if there is a formula;
otherwise reference and result are the float32 of the implementation named here.
"k.NAME": the last x of k-diffusion's own function, in float64 and float32, over the toy network
eps(x, t) = 0.9 x + 0.3 sin(2 x + t / 1000) under k-diffusion's wrapper; x of shape [1,4,4,4], noise * sigma[0] from
torch's CPU generator of seed 42, which also gives the sampler's draws; SDE samplers: BrownianTreeNoiseSampler over
torchsde, entropy 42. Schedule and discarding of the next-to-last sigma as in the webui (SAMPLERS below).
"diffusers.ddpm": diffusers' DDPMScheduler (leading, offset 1, its own float32 betas replaced by CompVis's).
"webui.NAME": transcribed from the webui's files (Restart, LCM, PLMS, DDIM CFG++ with guidance 7 over the second
prediction 0.9 x + 0.3 cos(2 x + t / 1000)); all but CFG++ are first checked against known answers of the original.
"brownian.A_B": torchsde's increments of shape [4,8,8] for entropy 42, bit for bit.
"""
import numpy as np
import torch
from scipy import stats

from . import kdiffusion, store
from .precise import reference

SOURCES = ["tools/goldens/samplers.py", "tools/goldens/kdiffusion.py"]
SHAPE = (1, 4, 4, 4)
S = kdiffusion.sampling
# name: (function, schedule, steps, discard the next-to-last sigma, keyword arguments)
SAMPLERS = {
    "heun": (S.sample_heun, "uniform", 12, False, {}),
    "dpm_2": (S.sample_dpm_2, "karras", 12, True, {}),
    "dpm_2_a": (S.sample_dpm_2_ancestral, "karras", 12, True, {}),
    "lms": (S.sample_lms, "uniform", 12, False, {}),
    "dpm_fast": (S.sample_dpm_fast, None, 13, False, {"eta": 1.0}),
    "dpm_adaptive": (S.sample_dpm_adaptive, None, 13, False, {"eta": 1.0}),
    "dpmpp_2s_a": (S.sample_dpmpp_2s_ancestral, "karras", 12, False, {}),
    "dpmpp_sde": (S.sample_dpmpp_sde, "karras", 12, False, {}),
    "dpmpp_2m": (S.sample_dpmpp_2m, "karras", 12, False, {}),
    "dpmpp_2m_sde": (S.sample_dpmpp_2m_sde, "exponential", 12, False, {}),
    "dpmpp_2m_sde_heun": (S.sample_dpmpp_2m_sde, "exponential", 12, False, {"solver_type": "heun"}),
    "dpmpp_3m_sde": (S.sample_dpmpp_3m_sde, "exponential", 12, True, {}),
}
RESTART_20 = [1.672395, 0.122003, -0.138501, -0.164142, -0.222439]
LCM_4 = [-0.165964, -0.132526, -0.066130, 0.628539, -0.113769]
PLMS_10 = [1.790079, 1.463130, 0.193337, -1.909729, 0.058472]


def toy(x, t):
    return 0.9 * x + 0.3 * torch.sin(2 * x + t.reshape(-1, 1, 1, 1) / 1000)


def other(x, t):
    return 0.9 * x + 0.3 * torch.cos(2 * x + t.reshape(-1, 1, 1, 1) / 1000)


def sigmas(kind, n, discard=False):
    """float32, as the webui makes them."""
    model = kdiffusion.Denoiser(None)
    ends = dict(sigma_min=model.sigmas[0].item(), sigma_max=model.sigmas[-1].item())
    n += discard
    if kind == "uniform":
        out = model.get_sigmas(n)
    else:
        out = getattr(S, f"get_sigmas_{kind}")(n, **ends)
    return torch.cat([out[:-2], out[-1:]]) if discard else out


def draws(shape, dtype):
    g = torch.Generator().manual_seed(42)
    return lambda *_: torch.randn(shape, generator=g).to(dtype)


def single(x):
    """x in float32, by numpy: the float64 guard rejects the conversion in torch."""
    return torch.from_numpy(np.asarray(x.numpy(), np.float32))


class Brownian:
    """k-diffusion's noise sampler with one tree, in float32 whatever the dtype of x."""

    def __init__(self, shape, s):
        s = single(s)
        low, high = s[s > 0].min(), s.max()
        self.sampler = S.BrownianTreeNoiseSampler(torch.zeros(shape), low, high, seed=[42])

    def __call__(self, a, b):
        return self.sampler(single(a), single(b)).to(a.dtype)


def k_diffusion(name, dtype):
    function, kind, steps, discard, more = SAMPLERS[name]
    with reference(dtype):
        model = kdiffusion.Denoiser(toy, dtype)
        draw = draws(SHAPE, dtype)
        more = {"disable": True, **more}
        if kind is None:
            low, high = model.sigmas[0].item(), model.sigmas[-1].item()
            ends = {"sigma_min": low, "sigma_max": high}
            if name == "dpm_fast":
                ends["n"] = steps
            return function(model, draw() * sigmas("uniform", steps)[0].to(dtype), noise_sampler=draw, **ends, **more)
        s = sigmas(kind, steps, discard).to(dtype)
        x = draw() * s[0]
        if "sde" in name:
            more["noise_sampler"] = Brownian(SHAPE, s)
        elif name.endswith("_a"):
            more["noise_sampler"] = draw
        return function(model, x, s, **more)


def times_of(steps):
    return kdiffusion.ddim_timesteps(steps)


def plms(steps, shape, dtype):
    """DDIM with an eps extrapolated by Adams and Bashforth's weights; the first is the mean of both ends'."""
    t, a = times_of(steps), kdiffusion.alphas_cumprod().to(dtype)
    x, history = draws(shape, dtype)(), []

    def move(x, e, i):
        now, then = a[t[i]], a[t[i - 1]]
        return then.sqrt() * (x - (1 - now).sqrt() * e) / now.sqrt() + (1 - then).sqrt() * e

    for i in range(len(t) - 1, 0, -1):
        e = toy(x, t[i].to(dtype))
        if not history:
            better = (e + toy(move(x, e, i), t[i - 1].to(dtype))) / 2
        else:
            weights = [[3, -1], [23, -16, 5], [55, -59, 37, -9]][len(history) - 1]
            better = sum(w * d for w, d in zip(weights, [e, *history])) / [2, 12, 24][len(history) - 1]
        history = [e, *history][:3]
        x = move(x, better, i)
    return x


def cfgpp(steps, shape, dtype, scale=7.0):
    """DDIM whose direction comes from the second prediction, with a 12.5th of the guidance scale."""
    t, a = times_of(steps), kdiffusion.alphas_cumprod().to(dtype)
    x = draws(shape, dtype)()
    for i in range(len(t) - 1, 0, -1):
        now, then, time = a[t[i]], a[t[i - 1]], t[i].to(dtype)
        c, u = toy(x, time), other(x, time)
        e = u + (c - u) * (scale / 12.5)
        x = then.sqrt() * ((x - (1 - now).sqrt() * e) / now.sqrt()) + (1 - then).sqrt() * u
    return x


def restart(steps, shape, dtype):
    """Heun with one or two restarts; float32 sigmas."""
    with reference(dtype):
        model, draw = kdiffusion.Denoiser(toy, dtype), draws(shape, dtype)
        s = sigmas("karras", steps)
        x = draw() * s[0].to(dtype)
        again, count = (steps // 4, 2) if steps >= 36 else (9, 1)
        s = S.get_sigmas_karras(steps - again * count, s[-2].item(), s[0].item())
        low, high = int((s - 0.1).abs().argmin()), int((s - 2).abs().argmin())
        extra = S.get_sigmas_karras(again + 1, s[low].item(), s[high].item())[:-1]
        pairs = []
        for i in range(len(s) - 1):
            pairs.append((s[i], s[i + 1]))
            if i + 1 == low:
                pairs += list(zip(extra[:-1], extra[1:])) * count
        last = None
        one = torch.ones(1, dtype=dtype)
        for now, then in pairs:
            if last is not None and last < now:
                x = x + draw() * (now**2 - last**2).to(dtype) ** 0.5
            a, b = now.to(dtype), then.to(dtype)
            d = (x - model(x, a * one)) / a
            if then == 0:
                x = x + d * (b - a)
            else:
                x2 = x + d * (b - a)
                x = x + (d + (x2 - model(x2, b * one)) / b) / 2 * (b - a)
            last = then
        return x


def lcm(steps, shape, dtype):
    """The 50 sigmas of the times 19, 39, .. and their consistency function."""
    a = kdiffusion.alphas_cumprod()[19::20]
    table = ((1 - a) / a) ** 0.5
    logs = table.log()
    index = ((torch.linspace(999, 19, steps) - 19) / 20).clamp(0, 49)
    w = index.frac()
    s = torch.cat([((1 - w) * logs[index.floor().long()] + w * logs[index.ceil().long()]).exp(), torch.zeros(1)])
    draw = draws(shape, dtype)
    x = draw() * s[0].to(dtype)
    for i in range(steps):
        t = (s[i].log() - logs).abs().argmin() * 20 + 19
        sigma, scaled = s[i].to(dtype), t.to(dtype) * 10
        clean = x - sigma * toy(x / (sigma**2 + 1) ** 0.5, t.to(dtype))
        x = scaled / (scaled**2 + 0.25) ** 0.5 * clean + 0.25 / (scaled**2 + 0.25) * x
        if s[i + 1] > 0:
            x = x + s[i + 1].to(dtype) * draw()
    return x


def ddpm(steps, shape, dtype):
    """diffusers' scheduler with the float32 alphas used elsewhere here."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                              timestep_spacing="leading", steps_offset=1)
    scheduler.alphas_cumprod = kdiffusion.alphas_cumprod().to(dtype)
    scheduler.one = torch.ones((), dtype=dtype)
    scheduler.set_timesteps(steps)
    g = torch.Generator().manual_seed(42)
    x = torch.randn(shape, generator=g).to(dtype)
    for t in scheduler.timesteps:
        kept = g.get_state()
        a = scheduler.step(toy(x, t.to(dtype)), t, x, generator=g).prev_sample
        if dtype == torch.float64:  # its noise has x's dtype; ours is drawn in float32
            g.set_state(kept)
            noise = torch.randn(shape, generator=g)
            variance = scheduler._get_variance(t) ** 0.5
            g2 = torch.Generator()
            g2.set_state(kept)
            wrong = torch.randn(shape, generator=g2, dtype=dtype)
            a = a + variance * (noise.to(dtype) - wrong)
        x = a
    return x


def exact_list(kind, n):
    """The webui's list by its formula in float64."""
    a = kdiffusion.alphas_cumprod().double().numpy()
    table = np.sqrt((1 - a) / a)
    low, high = table[0], table[-1]
    if kind == "beta":
        return np.append([low + stats.beta.ppf(p, 0.6, 0.6) * (high - low) for p in 1 - np.linspace(0, 1, n)], 0)
    if kind == "kl_optimal":
        i = np.arange(n + 1) / n
        return np.tan(i * np.arctan(low) + (1 - i) * np.arctan(high))
    if kind == "simple":
        return np.append([table[-(1 + int(x * (1000 / n)))] for x in range(n)], 0)
    if kind == "ddim":
        return np.append(table[1 :: max(1000 // n, 1)][::-1], 0)
    if kind == "polyexponential":
        ramp = np.linspace(1, 0, n)
        return np.append(np.exp(ramp * (np.log(high) - np.log(low)) + np.log(low)), 0)
    t = np.linspace(999, 0, n + 1)[:-1]  # sgm_uniform
    return np.append(np.exp(np.interp(t, np.arange(1000), np.log(table))), 0)


def single_list(kind, n):
    """The same list in float32, as the webui makes it, in torch where it uses torch."""
    model = kdiffusion.Denoiser(None)
    low, high = model.sigmas[0], model.sigmas[-1]
    if kind == "kl_optimal":
        i = torch.arange(n + 1) / n
        return torch.tan(i * torch.arctan(low) + (1.0 - i) * torch.arctan(high))
    if kind == "polyexponential":
        return S.get_sigmas_polyexponential(n, low.item(), high.item())
    if kind == "sgm_uniform":
        return S.append_zero(model.t_to_sigma(torch.linspace(999, 0, n + 1)[:-1]))
    return torch.from_numpy(exact_list(kind, n).astype(np.float32))


def held(name, x, known):
    worst = float((x.flatten()[: len(known)] - torch.tensor(known)).abs().max())
    print(f"{name}: within {worst:.1e} of the known answer")
    assert worst < 2e-5


def make(args):
    """This group's golden."""
    golden = store.Golden("samplers", SOURCES)
    for kind in ("beta", "kl_optimal", "simple", "ddim", "polyexponential", "sgm_uniform"):
        for n in (1, 5, 20, 30):
            golden.add(f"schedule.{kind}.n{n}", exact_list(kind, n), single_list(kind, n))
    for name in SAMPLERS:
        golden.add(f"k.{name}", *(k_diffusion(name, d).flatten() for d in (torch.float64, torch.float32)))
    small = (1, 4, 2, 2)
    held("restart", restart(20, small, torch.float32), RESTART_20)
    held("lcm", lcm(4, small, torch.float32), LCM_4)
    held("plms", plms(10, small, torch.float32), PLMS_10)
    for name, function, n in (("webui.restart", restart, 24), ("webui.lcm", lcm, 6), ("webui.plms", plms, 12),
                              ("webui.ddim_cfgpp", cfgpp, 12), ("diffusers.ddpm", ddpm, 12)):
        golden.add(name, *(function(n, SHAPE, d).flatten() for d in (torch.float64, torch.float32)))
    import torchsde

    ends = [torch.tensor(x) for x in (0.0291675329, 14.6146421)]
    tree = torchsde.BrownianTree(ends[0], torch.zeros(4, 8, 8), ends[1], entropy=42)
    for a, b in ((10.7468, 14.6146421), (0.3555455, 0.4735848), (0.02916754, 14.6146421), (1.0, 1.000002)):
        x = tree(torch.tensor(a), torch.tensor(b)) / (torch.tensor(a) - torch.tensor(b)).abs().sqrt()
        golden.add(f"brownian.{a}_{b}", x, x)
    return [golden]
