"""Times sd.c, PyTorch and OpenVINO on the same work, taking turns in one run; prints a table of medians and ratios.

    python tools/bench/bench_peers.py --model MODEL.safetensors [--only sdc,openvino-f32] [--rounds 3] [--cache DIR]
    python tools/bench/bench_peers.py --shape sdxl --model SDXL.safetensors --cache DIR [--rounds 1] [--error]
    python tools/bench/bench_peers.py --model MODEL.safetensors --device cuda [--repeat 5]
    python tools/bench/bench_peers.py --shape nano --batch 4 --cache DIR
    python tools/bench/bench_peers.py --model MODEL.safetensors --error --only sdc,torch-f32
    python tools/bench/bench_peers.py --few-steps --shape sd21 --model SD21.safetensors --cache DIR [--error]
    python tools/bench/bench_peers.py --model MODEL.safetensors --sizes 256,384,512,640,768

The work: one step with guidance (the U-Net on a batch of two), one VAE decode, the text encoders on both prompts (2 x 77
tokens; SDXL's empty negative is zeros, so one). PyTorch runs diffusers' and transformers' modules, channels-last, without
gradients; OpenVINO what openvino.convert_model makes of them; all with the checkpoint's weights. MODEL is any checkpoint
of the shape's family; for SD 1.5 and the small shapes one of generated weights is made in the cache if there is none.
sd.c's step is the mean of a request of STEPS; its first computes all keys and values of the texts, later ones keep them.

A round is one measurement of each program, one after the other, so that a machine that slows down slows all; each
program's first call is not counted. sd.c is `sdc bench`, whose seconds are those of a request's stages. A share is of
the peak of multiply-adds in registers that `sdc bench` measures in the same run, of the precision in which the program
computes (mixed: of bf16), for the multiplications of the plain algorithm: Winograd may exceed 100 %. With --results,
measurements are kept in a file and the table is of all that it holds, so that a long comparison can be made in pieces.

SD 2.1 and SDXL: each program has a process of its own and one network in memory at a time. OpenVINO's files then keep
weights in float16, as checkpoints have them; both precisions are made of those. SDXL takes 11 GB to convert and 16 GB to
run.

With --few-steps, what SD-Turbo (--shape sd21) or SDXL-Turbo (sdxl) does: one prompt, one call of the U-Net without guidance,
TAESD's decoder (--taesd FILE; without it one of generated weights is made in the cache). OpenVINO also in int8, weights and
activations, as NNCF quantises them, the rest in bf16 (`pip install nncf`).

With --device cuda, on an NVIDIA GPU: PyTorch's modules in 16 bits, as they are and by torch.compile, a picture's text,
step and decode between two waits for the GPU; sd.c's step is of a request of 20, as a GPU repeats it.

With --sizes, sd.c alone: how a step's and a decode's seconds grow with the picture, and self-attention's part in them,
which grows with the square of its pixels; the rest should cost the same for each pixel.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import warnings

import numpy as np

WORK = ("step", "decode", "text")
STEPS = {"cpu": 3, "cuda": 20}
PROGRAMS = {  # ratios are to the first one
    "cpu": ("sdc", "sdc-direct", "sdc-mixed", "torch-f32", "torch-bf16", "openvino-f32", "openvino-bf16", "openvino-int8"),
    "cuda": ("sdc-f16", "torch-f16", "torch-f16-compiled", "sdc-bf16", "torch-bf16", "torch-bf16-compiled"),
}


def cpu():
    """The processor's name and the instruction sets that matter."""
    try:
        info = open("/proc/cpuinfo").read()
    except OSError:
        return platform.processor(), []
    found = [re.search(rf"^{key}\s*: (.*)", info, re.M) for key in ("model name", "cpu family", "model", "flags")]
    name, family, model, flags = (m.group(1) if m else "" for m in found)
    known = "avx2 fma avx512f avx512_bf16 avx512_vnni amx_bf16".split()
    return f"{name} (family {family}, model {model})", [f for f in known if f in flags.split()]


def bench(args, precision, runs):
    """What `sdc bench` says."""
    command = [args.sdc, "bench", "--json", "-m", args.model, "-W", str(args.size), "-H", str(args.size)]
    command += ["--steps", str(1 if args.few_steps else STEPS[args.device]), "--runs", str(runs), "--batch-size", str(args.batch)]
    command += ["--threads", str(args.threads), "--precision", precision, "--device", args.device]
    command += ["--cfg", "1", "--taesd", args.taesd] if args.few_steps else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench_peers: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Ours:
    """sd.c: a process for each round, all its work at once."""

    def __init__(self, args, precision):
        self.args, self.precision, self.found = args, precision, {}

    def round(self, works):
        self.found = bench(self.args, self.precision, self.args.repeat)
        return {w: self.found["stages"][w]["seconds"] for w in works}


class Here:
    """Another program, inside this process; its networks stay for the next round."""

    def __init__(self, args, name):
        import peers

        self.program = peers.make(args, args.device, *split(name))

    def round(self, works):
        return self.program.round(works)


class Apart:
    """Another program in a process of its own for each round, which has one network at a time in memory."""

    def __init__(self, args, name):
        self.args, self.name = args, name

    def round(self, works):
        return json.loads(self.run("--child", ",".join(works)).splitlines()[-1])  # what NNCF says comes before

    def run(self, *more):
        command = [sys.executable, __file__, *sys.argv[1:], "--only", self.name, "--model", self.args.model]
        command += ["--taesd", self.args.taesd] if self.args.few_steps else []
        done = subprocess.run([*command, "--cache", self.args.cache, *more], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"bench_peers: {self.name}'s process ended with {done.returncode}")
        return done.stdout

    def unet(self, at):
        """The U-Net's output on what `own_step` gives."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "at.npz")
            np.savez(path, *at)
            self.run("--child", path)
            return np.load(path + ".npy")


def own_step(args, precision):
    """The first U-Net call of a request to sd.c: what went in (noise, time, text states, pooled vectors) and what came
    out."""
    import bench_few
    from goldens import kdiffusion
    from safetensors.numpy import load_file

    with tempfile.TemporaryDirectory() as folder:
        taps, picture = os.path.join(folder, "taps.safetensors"), os.path.join(folder, "picture.png")
        command = [args.sdc, "txt2img", "-q", "-m", args.model, "-p", "a lovely cat", "--steps", "2", "--seed", "1"]
        command += bench_few.own_flags() if args.few_steps else ["--sampler", "DDIM"]
        command += ["--rng", "cpu", "-W", str(args.size), "-H", str(args.size), "-o", picture]
        command += ["--threads", str(args.threads), "--precision", precision, "--device", args.device, "--taps", taps]
        subprocess.run(command, check=True)
        found = load_file(taps)
    states = [found[k] for k in (f"text_model{n}.last_hidden_state" for n in ("", "_2")) if k in found]
    at = found["noise"], int(kdiffusion.ddim_timesteps(2)[-1])
    at = bench_few.own_input(found["noise"]) if args.few_steps else at
    at += (np.concatenate(states, -1),)
    return at + ((found["pooled"],) if "pooled" in found else ()), found["unet.step000.conv_out"]


def errors(args, programs):
    """Relative RMS of each U-Net's output against PyTorch's in float64, on inputs that a step of sd.c had. Each
    precision of sd.c has its own text states; the reference is computed for each."""
    exact, given, out = {}, None, {}

    def reference(at):
        key = at[2].tobytes()
        if key not in exact:
            exact[key] = Apart(args, "exact").unet(at)
        return exact[key]

    for name in sorted(programs, key=lambda n: split(n)[0] != "sdc"):
        if name in PRECISION:
            at, got = own_step(args, PRECISION[name])
            given = given or at
        else:
            at = given = given or own_step(args, PRECISION[PROGRAMS[args.device][0]])[0]
            got = Apart(args, name).unet(at)
        want = reference(at)
        out[name] = float(np.sqrt(((got - want) ** 2).sum() / (want**2).sum()))
        print(f"{name}: relative RMS error {out[name]:.2e}", file=sys.stderr, flush=True)
    return out


PRECISION = {"sdc": "f32", "sdc-direct": "f32-direct", "sdc-mixed": "mixed", "sdc-f16": "f16", "sdc-bf16": "bf16"}


def split(name):
    """A program's kind and precision."""
    kind, _, precision = name.partition("-")
    return kind, precision


def program(args, name):
    import bench_models

    if name in PRECISION:
        return Ours(args, PRECISION[name])
    return (Apart if args.device == "cpu" and args.shape in bench_models.LARGE else Here)(args, name)


def child(args):
    """What a process of Apart does: measures the works, or computes a U-Net's output on a file's inputs."""
    import peers

    own = peers.make(args, args.device, *split(args.only))
    if not args.child.endswith(".npz"):
        return print(json.dumps(own.round(args.child.split(","), keep=False)))
    f = np.load(args.child)
    at = [f[k] for k in f.files]
    at[1] = int(at[1])
    np.save(args.child + ".npy", own.unet(at))


def peak_name(name):
    """Of what a program's multiplications are a share."""
    return next((k for k in ("bf16", "f16") if f"-{k}" in name), "bf16" if name.endswith(("mixed", "int8")) else "f32")


def table(args, kept):
    """The table of everything in `kept`."""
    name, flags = cpu()
    peaks, programs = kept["peaks"], PROGRAMS[args.device]
    if args.few_steps:
        import bench_few

        return bench_few.table(args, kept, f"{name}; {' '.join(flags)}; {args.threads} threads", programs)
    print(f"{name}; {' '.join(flags)}; {args.threads} threads" if args.device == "cpu" else kept["device"])
    print(f"{args.shape}, {args.size}x{args.size}, batch of {args.batch} (with guidance: U-Net on {2 * args.batch})")
    print("peaks, GFLOP/s: " + ", ".join(f"{k} {v * 1e-9:.0f}" for k, v in peaks.items() if k != "copy") +
          f"; copying {peaks['copy'] * 1e-9:.0f} GB/s; GFLOP: " +
          ", ".join(f"{w} {f * 1e-9:.4g}" for w, f in kept["flop"].items()))
    heads = "".join(f"{w + ' s':>12s}{'share':>7s}{'ratio':>7s}" for w in WORK)
    print(f"\n{'':20s}{heads}{'rounds':>8s}{'error':>10s}")
    medians = {p: {w: statistics.median(t) for w, t in kept["times"].get(p, {}).items() if t} for p in programs}
    for p in programs:
        if p not in kept["times"] and p not in kept["errors"]:
            continue
        cells = ""
        peak = peaks.get(peak_name(p), peaks["f32"])
        for w in WORK:
            s, base = medians[p].get(w), medians[programs[0]].get(w)
            cells += f"{s:12.4g}{100 * kept['flop'][w] / s / peak:6.0f}%" if s else f"{'':19s}"
            cells += f"{s / base:7.2f}" if s and base else f"{'':7s}"
        rounds = max((len(t) for t in kept["times"].get(p, {}).values()), default=0)
        e = kept["errors"].get(p)
        print(f"{p:20s}{cells}{rounds:8d}{'' if e is None else f'{e:10.1e}'}")
    print(f"\nshare: of the peak; ratio: to {programs[0]}'s seconds, more is slower; error: relative RMS of the U-Net's "
          "output against float64")


def growth(args, sizes):
    """sd.c at several sizes; the first one's seconds for each pixel are 1."""
    print(f"{cpu()[0]}; {' '.join(cpu()[1])}; {args.threads} threads; {args.shape}, batch of {args.batch}; seconds")
    print(f"{'':10s}{'step':^57s}{'decode':^28s}")
    print(f"{'':10s}{'s':>9s}{'GFLOP':>9s}{'attention: FLOP %':>19s}{'s %':>6s}{'rest a pixel':>14s}", end="")
    print(f"{'s':>10s}{'GFLOP':>8s}{'a pixel':>10s}")
    first = None
    for args.size in sizes:
        found = bench(args, PRECISION[args.only or PROGRAMS[args.device][0]], max(args.repeat, args.rounds))
        attention = [c for c in found["calls"] if c["stage"] == "step" and is_self_attention(c["name"])]
        step, decode = found["stages"]["step"], found["stages"]["decode"]
        own = sum(c["seconds"] for c in attention)
        share = 100 * sum(c["flop"] for c in attention) / step["flop"]
        pixel = [(step["seconds"] - own) / args.size**2, decode["seconds"] / args.size**2]
        first = first or pixel
        print(f"{args.size:4d}x{args.size:<5d}{step['seconds']:9.3f}{step['flop'] * 1e-9:9.0f}{share:19.1f}", end="")
        print(f"{100 * own / step['seconds']:6.1f}{pixel[0] / first[0]:14.2f}{decode['seconds']:10.3f}", end="")
        print(f"{decode['flop'] * 1e-9:8.0f}{pixel[1] / first[1]:10.2f}", flush=True)


def is_self_attention(name):
    m = re.match(r"attention (\d+) on (\d+)", name)
    return m and m[1] == m[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a checkpoint of the shape's family, a single file")
    parser.add_argument("--shape", default="sd15", choices=("sd15", "sd21", "sdxl", "micro", "nano"),
                        help="whose networks (sd15)")
    parser.add_argument("--sdc", default="./sdc")
    parser.add_argument("--only", default="", help=f"some of {','.join(PROGRAMS['cpu'])} (all that this machine has); "
                        f"on a GPU of {','.join(PROGRAMS['cuda'])} (those of f16)")
    parser.add_argument("--device", default="cpu", choices=tuple(PROGRAMS))
    parser.add_argument("--compile-mode", default="max-autotune", help="torch.compile's mode (max-autotune)")
    parser.add_argument("--work", default=",".join(WORK), help="some of step,decode,text")
    parser.add_argument("--size", type=int, default=0, help="pixels, along a side (512; of small shapes their own)")
    parser.add_argument("--few-steps", action="store_true", help="one prompt, no guidance, a tiny decoder")
    parser.add_argument("--taesd", help="with --few-steps: the decoder, as its published file has it")
    parser.add_argument("--sizes", help="a table of sd.c's seconds at these sizes instead")
    parser.add_argument("--batch", type=int, default=1, help="pictures (1)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=1, help="calls in each round, of which the median counts (1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--cache", help="a folder for converted models and generated checkpoints")
    parser.add_argument("--results", help="a file that keeps the measurements of several runs")
    parser.add_argument("--error", action="store_true", help="also the U-Net's error against float64 (slow)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()

    warnings.filterwarnings("ignore")
    import bench_models

    args.size = args.size or bench_models.SIZE[args.shape]
    if not args.model and args.shape not in bench_models.MADE:
        parser.error(f"--shape {args.shape} needs --model")
    with tempfile.TemporaryDirectory() as folder:
        args.cache = args.cache or folder
        os.makedirs(args.cache, exist_ok=True)
        if not args.model:
            args.model = os.path.join(args.cache, f"{args.shape}.safetensors")
            if not os.path.exists(args.model):
                bench_models.make(args.shape, args.model)
        stat = os.stat(args.model)
        args.stamp = f"{stat.st_size:x}-{int(stat.st_mtime):x}"
        if args.few_steps:
            import bench_few

            args.taesd = bench_few.taesd_path(args)
        if args.child:
            child(args)
        elif args.sizes:
            growth(args, [int(s) for s in args.sizes.split(",")])
        else:
            compare(args)


def usual(args):
    """Those that are compared when none are named."""
    if args.device == "cuda":
        return [p for p in PROGRAMS["cuda"] if peak_name(p) == "f16"]
    has_bf16 = {"avx512_bf16", "amx_bf16"} & set(cpu()[1])
    skipped = ("sdc-direct", "torch-f32", "torch-bf16") if args.few_steps else ("sdc-direct", "openvino-int8")
    return [p for p in PROGRAMS["cpu"] if p not in skipped and (has_bf16 or not p.endswith(("bf16", "mixed", "int8")))]


def compare(args):
    names = args.only.split(",") if args.only else usual(args)
    works, known = args.work.split(","), PROGRAMS[args.device]
    if set(names) - set(known) or set(works) - set(WORK):
        sys.exit(f"bench_peers: --only takes {', '.join(known)}; --work {', '.join(WORK)}")

    kept = {"times": {}, "errors": {}}
    if args.results and os.path.exists(args.results):
        kept = json.load(open(args.results))
    if "peaks" not in kept and not set(names) & set(PRECISION):
        sys.exit("bench_peers: --only needs a program of sd.c too, whose run measures the peaks")
    programs = {n: program(args, n) for n in names}
    for p in programs.values():  # before the rounds, so that they are of measuring alone
        if isinstance(p, Here) and args.rounds:
            p.round(works)
    for _ in range(args.rounds):
        for n, p in programs.items():
            for w, t in p.round(works).items():
                kept["times"].setdefault(n, {}).setdefault(w, []).append(t)
            if isinstance(p, Ours):
                kept["flop"] = {w: s["flop"] for w, s in p.found["stages"].items()}
                kept["device"] = p.found["device"]
                kept["peaks"] = {"copy": p.found["copy"]["together"]}
                for k in p.found["peaks"]:
                    kept["peaks"][k["name"]] = max(k["together"], kept["peaks"].get(k["name"], 0))
    if args.error and args.batch == 1:
        kept["errors"].update(errors(args, names))
    if args.results:
        json.dump(kept, open(args.results, "w"), indent=1)
    if kept["times"]:
        table(args, kept)


if __name__ == "__main__":
    main()
