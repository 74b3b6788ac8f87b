"""The few-step side of bench_peers.py: one prompt, one call of the U-Net without guidance, a tiny decoder; and NNCF's int8.

A picture of n steps takes text + n x step + decode seconds, which is what the last columns add up.
"""

import os
import statistics

import numpy as np
import torch
from diffusers.models.autoencoders.vae import DecoderTiny
from goldens import kdiffusion, names, values
from safetensors.torch import load_file, save_file

TIME = 999  # of a distilled model's first step


def new_taesd():
    """TAESD's decoder; TAESDXL's is the same network."""
    with torch.device("meta"):
        return DecoderTiny(4, 3, (3, 3, 3, 1), (64,) * 4, upsampling_scaling_factor=2, act_fn="relu", upsample_fn="nearest")


def make_taesd(path):
    """Writes the decoder with generated weights, under the published file's names."""
    save_file({names.taesd_decoder(k): torch.from_numpy(values.weight("taesd." + k, tuple(p.shape)))
               for k, p in new_taesd().state_dict().items()}, path)


def load_taesd(path, dtype):
    """The decoder of that file."""
    m, file = new_taesd(), load_file(path)
    m.load_state_dict({k: file[names.taesd_decoder(k)].to(dtype) for k in m.state_dict()}, assign=True)
    return m.requires_grad_(False).eval()


def own_flags():
    """Of the request to sd.c whose first U-Net call is compared."""
    return ["--cfg", "1", "--steps", "1", "--sampler", "Euler", "--scheduler", "Trailing"]


def own_input(noise):
    """What that call is given, and its time: noise of the highest sigma, scaled to variance 1."""
    a = float(kdiffusion.alphas_cumprod()[TIME])
    return noise * np.float32(np.sqrt(1 - a)), TIME


def int8(path, given, more):
    """The OpenVINO model at `path` with weights and activations in int8, as nncf.quantize chooses them from inputs."""
    os.environ.setdefault("NNCF_CI", "1")  # which keeps it from telling anybody
    import nncf
    import openvino

    model = openvino.Core().read_model(path)
    data = nncf.Dataset([given, *more])
    options = nncf.AdvancedQuantizationParameters(smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=-1))
    made = nncf.quantize(model, data, subset_size=1 + len(more), model_type=nncf.ModelType.TRANSFORMER,
                         advanced_parameters=options)
    new = path.replace(".xml", "-int8.xml")
    openvino.save_model(made, new, compress_to_fp16=False)
    return new


def table(args, kept, head, programs):
    """Seconds of each part and of pictures of one and four steps, with what sd.c is faster by."""
    works = ("text", "step", "decode")
    print(head)
    print(f"{args.shape}, {args.size}x{args.size}, no guidance, TAESD; GFLOP: " +
          ", ".join(f"{w} {kept['flop'][w] * 1e-9:.4g}" for w in works))
    print(f"\n{'':16s}" + "".join(f"{w + ' s':>11s}" for w in works) + f"{'1 step s':>11s}{'4 steps s':>11s}" +
          f"{'rounds':>8s}{'error':>10s}")
    whole = {}
    for p in programs:
        if p not in kept["times"]:
            continue
        m = {w: statistics.median(t) for w, t in kept["times"][p].items()}
        rounds, e = max(len(t) for t in kept["times"][p].values()), kept["errors"].get(p)
        cells = "".join(f"{m[w]:11.4g}" if w in m else f"{'':11s}" for w in works)
        if len(m) == len(works):
            whole[p] = m["text"] + m["step"] + m["decode"]
            cells += f"{whole[p]:11.4g}{whole[p] + 3 * m['step']:11.4g}"
        else:
            cells += f"{'':22s}"
        print(f"{p:16s}{cells}{rounds:8d}{'' if e is None else f'{e:10.1e}'}")
    print()
    for ours, theirs in (("sdc", "openvino-f32"), ("sdc-mixed", "openvino-bf16"), ("sdc-mixed", "openvino-int8")):
        if ours in whole and theirs in whole:
            text = statistics.median(kept["times"][ours]["text"]) / statistics.median(kept["times"][theirs]["text"])
            print(f"{ours} makes a picture of one step {whole[theirs] / whole[ours]:.2f} times as fast as {theirs}; its text "
                  f"encoder takes {text:.2f} times as long")
    print("error: relative RMS of the U-Net's output against float64, on what a picture's first step gives it")


def taesd_path(args):
    """The decoder's file, made where there is none."""
    if args.taesd:
        return args.taesd
    path = os.path.join(args.cache, "taesd_decoder.safetensors")
    if not os.path.exists(path):
        make_taesd(path)
    return path
