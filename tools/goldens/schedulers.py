"""tests/load/known_alphas.inc: what diffusers' schedulers make of their configurations.

    python tools/goldens/schedulers.py > tests/load/known_alphas.inc

A row is {configuration, alphas_cumprod at times 0, 1, 499, 998, 999}.
"""
import json

import diffusers

BASE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CASES = [
    ("PNDMScheduler", BASE),
    ("PNDMScheduler", {}),
    ("HeunDiscreteScheduler", {}),
    ("LCMScheduler", {}),
    ("DDIMScheduler", dict(BASE, beta_schedule="linear")),
    ("EulerDiscreteScheduler", {"beta_start": 0.001, "beta_end": 0.01}),
    ("DPMSolverMultistepScheduler", {"beta_schedule": "squaredcos_cap_v2"}),
    ("DDIMScheduler", {"trained_betas": [round(0.0001 + i * 1e-5, 6) for i in range(1000)]}),
    ("EulerDiscreteScheduler", dict(BASE, rescale_betas_zero_snr=True, prediction_type="v_prediction")),
]

for name, config in CASES:
    scheduler = getattr(diffusers, name)(**config)
    alphas = scheduler.alphas_cumprod.double()
    text = json.dumps({"_class_name": name, **config})
    if "trained_betas" in config:  # too long a string for C; the test writes the list
        text = json.dumps({"_class_name": name}).replace("}", ', "trained_betas": [BETAS]}')
    values = ", ".join(f"{alphas[t].item():.9g}" for t in (0, 1, 499, 998, 999))
    print("{%s, {%s}}," % (json.dumps(text), values))
