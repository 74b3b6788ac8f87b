"""Times sd.c and PyTorch on the same work, taking turns in one run, and prints medians and ratios.

    python tools/bench_peers.py --model MODEL.safetensors [--sdc ./sdc] [--size 512] [--rounds 3] [--threads 2]

The work is that of SD 1.5: one CFG step (the U-Net on a batch of two) and one VAE decode. PyTorch runs diffusers'
modules in float32, channels-last, with random weights (its time does not depend on them). MODEL is any SD 1.x
checkpoint. A round is one measurement of each program, one after the other, so that a machine that slows down slows
both; the first call of each PyTorch module is not counted. Figures are seconds; a ratio is ours / PyTorch's.
"""

import argparse
import os
import platform
import re
import statistics
import subprocess
import time


def cpu():
    """The processor's name and the instruction sets that matter."""
    try:
        text = open("/proc/cpuinfo").read()
    except OSError:
        return platform.processor()
    name = re.search(r"model name\s*: (.*)", text)
    family = re.search(r"cpu family\s*: (\d+)", text)
    model = re.search(r"model\s*: (\d+)", text)
    flags = set(re.search(r"flags\s*: (.*)", text).group(1).split())
    known = [f for f in ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if f in flags]
    return f"{name.group(1)} (family {family.group(1)}, model {model.group(1)}; {' '.join(known)})"


def ours(args):
    """Seconds of one step and one decode, from `sdc bench`."""
    command = [args.sdc, "bench", "-m", args.model, "-W", str(args.size), "-H", str(args.size)]
    command += ["--steps", "1", "--runs", "1", "--threads", str(args.threads)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {n: float(s) for n, s in re.findall(r"^\s*(\w+)\s+([0-9.]+) s", text, re.M)}
    return found["step"], found["decode"]


def torch_modules(args):
    """Functions that run one CFG step and one decode in PyTorch."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=64,
        layers_per_block=2,
        block_out_channels=(320, 640, 1280, 1280),
        cross_attention_dim=768,
        attention_head_dim=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    )
    unet = unet.eval().to(memory_format=torch.channels_last)
    vae = vae.eval().to(memory_format=torch.channels_last)
    side = args.size // 8
    x = torch.randn(2, 4, side, side).to(memory_format=torch.channels_last)
    context = torch.randn(2, 77, 768)
    z = torch.randn(1, 4, side, side).to(memory_format=torch.channels_last)

    def step():
        with torch.inference_mode():
            return unet(x, 500, encoder_hidden_states=context).sample

    def decode():
        with torch.inference_mode():
            return vae.decode(z).sample

    return step, decode, torch.__version__


def seconds(f):
    """Seconds of one call."""
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="an SD 1.x checkpoint for sdc")
    parser.add_argument("--sdc", default="./sdc")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()

    step, decode, version = torch_modules(args)
    step()
    decode()
    ours(args)
    times = {"sd.c": [], f"PyTorch {version} f32": []}
    for _ in range(args.rounds):
        times["sd.c"].append(ours(args))
        times[f"PyTorch {version} f32"].append((seconds(step), seconds(decode)))

    print(f"{cpu()}, {args.threads} threads, {args.size}x{args.size}, median of {args.rounds} rounds")
    median = {k: [statistics.median(t[i] for t in v) for i in (0, 1)] for k, v in times.items()}
    peer = list(median)[1]
    print(f"{'':24s} {'CFG step s':>12s} {'decode s':>12s}")
    for name, m in median.items():
        print(f"{name:24s} {m[0]:12.2f} {m[1]:12.2f}")
    print(f"{'ratio':24s} {median['sd.c'][0] / median[peer][0]:12.2f} {median['sd.c'][1] / median[peer][1]:12.2f}")


if __name__ == "__main__":
    main()
