"""The speed of `sdc upscale` beside PyTorch's, in float32, on a 23-block RRDBNet (x4) of generated weights.

    python tools/dev/upscale_race.py DIR [--side 256] [--times 3] [--threads N] [--whole]

Both take turns; each is given one picture to warm up, and the median of its seconds counts. PyTorch: spandrel's module in
channels-last memory and as it is, whichever is faster, in inference mode; its time is the network's alone. sdc's is that of the
whole program: opening the file, PNG in and out. --whole adds sdc's peak of memory, and the bits by --tile 24 and 512.
"""
import argparse
import hashlib
import resource
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

ROOT = Path(__file__).resolve().parents[2]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir", type=Path)
    p.add_argument("--side", type=int, default=256)
    p.add_argument("--times", type=int, default=3)
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--whole", action="store_true")
    a = p.parse_args()
    a.dir.mkdir(exist_ok=True)
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    net = RRDBNet(in_nc=3, out_nc=3, num_filters=64, num_blocks=23, scale=4).eval()
    with torch.no_grad():
        for w in net.parameters():
            w.mul_(0.3 if w.ndim == 4 else 1)
    model, picture, out = a.dir / "rrdb23.safetensors", a.dir / "small.png", a.dir / "large.png"
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, model)
    rgb = np.random.default_rng(1).integers(0, 256, (a.side, a.side, 3), np.uint8)
    Image.fromarray(rgb).save(picture)
    x = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255

    def ours(*more):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        subprocess.run([ROOT / "sdc", "upscale", "-q", "-m", model, picture, "-o", out, "--threads", str(a.threads), *more], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter() - begun, after.ru_utime - before.ru_utime

    def theirs(last):
        net.to(memory_format=torch.channels_last if last else torch.contiguous_format)
        y = x.to(memory_format=torch.channels_last if last else torch.contiguous_format)
        before = time.process_time()
        begun = time.perf_counter()
        with torch.inference_mode():
            z = net(y)
        return time.perf_counter() - begun, time.process_time() - before, z

    if a.whole:
        hashes = set()
        for tile in ("192", "24", "512"):
            seconds, cpu = ours("--tile", tile)
            hashes.add(hashlib.sha256(np.asarray(Image.open(out)).tobytes()).hexdigest())
            print(f"sdc, --tile {tile}: {seconds:.1f} s, {cpu:.1f} s of CPU")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(f"peak {peak / 1024:.0f} MiB; {'the same bits' if len(hashes) == 1 else 'OTHER BITS'}")
        return
    ours()
    last = min((False, True), key=lambda k: theirs(k)[0])
    runs = [(ours(), theirs(last)) for _ in range(a.times)]
    own, other = ([r[i] for r in runs] for i in (0, 1))
    z = (other[-1][2][0].clamp(0, 1) * 255).round().permute(1, 2, 0)
    off = (torch.from_numpy(np.asarray(Image.open(out)).astype(np.float32)) - z).abs().max()
    s, t = (statistics.median(r[0] for r in of) for of in (own, other))
    print(f"{a.side} x {a.side} to {4 * a.side}: sdc {s:.2f} s ({own[-1][1]:.1f} of CPU), PyTorch {torch.__version__} {t:.2f} s "
          f"({other[-1][1]:.1f} of CPU, channels last: {last}): {t / s:.2f}x; bytes differ by {off:.0f} at most")


if __name__ == "__main__":
    main()
