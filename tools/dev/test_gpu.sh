#!/bin/sh
# test_gpu.sh BUILD: checks that need a machine with an NVIDIA GPU. Run by `make test-gpu`; writes gpu-report.txt.
#   1. in f32, the CPU's bits of every op case and of every tap of a picture; in f16 and bf16, every op, block and
#      micro-SD golden (compute capability 9.0: products and attention by wgmma and by mma.sync); the full-size model
#      against PyTorch
#   2. compute-sanitizer: memory, races, uninitialised reads, barriers, in a picture; memory and races in every op case
#   3. the same bits: repeated, in a batch, with and without recorded steps, on two GPUs if there are two of a kind
#   4. speed of the full-size model with generated weights, 512x512: `sdc bench`; if PYTHON has torch, diffusers and a
#      GPU, alternating with PyTorch (bench_peers.py); compute capability 9.0 both ways
# QUICK=1 skips the full-size model.
b=$1 report=gpu-report.txt failed=0
dir=$b/gpu
mkdir -p "$dir"
sdc=$b/sdc
micro=$dir/micro.safetensors full=$dir/full_f16.safetensors
: > "$report"

say() { printf '%s\n' "$*" | tee -a "$report"; }
step() { # NAME COMMAND...: reports the last lines of its output
    name=$1
    shift
    start=$(date +%s)
    if "$@" > "$dir/log" 2>&1; then verdict=passed; else verdict=FAILED failed=$((failed + 1)); fi
    say "== $name: $verdict ($(($(date +%s) - start)) s)"
    tail -n "${LINES_KEPT:-4}" "$dir/log" | tee -a "$report"
}

say "commit $(git rev-parse HEAD 2>/dev/null), $(date -u +%Y-%m-%dT%H:%MZ), $(nvcc --version | tail -n 1)"
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>&1 | tee -a "$report"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1)
"$b/test" --make-model micro single f32 "$micro" || exit 1
picture() { "$sdc" txt2img -q -m "$micro" -p "a cat" -W 64 -H 64 --steps 4 --seed 42 "$@"; }
picture --device cuda -o "$dir/first.png" 2> "$dir/log" || { # or most tests would be skipped and count as passed
    say "$(tail -n 1 "$dir/log")"
    exit 1
}

for suite in cuda_bits cuda cuda_hopper cuda_pictures cuda_programs; do
    LINES_KEPT=30 step "suite $suite" env SDC_BIN="$sdc" "$b/test" "$suite"
done

if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck initcheck synccheck; do
        for precision in f32 f16 bf16; do
            step "compute-sanitizer $tool, $precision" compute-sanitizer --tool "$tool" --error-exitcode 9 "$sdc" \
                txt2img -q -m "$micro" -p "a cat" -W 64 -H 64 --steps 3 --device cuda --precision "$precision" -o "$dir/s.png"
        done
    done
    for tool in memcheck racecheck; do
        for suite in cuda_bits cuda cuda_hopper; do
            step "compute-sanitizer $tool, $suite" compute-sanitizer --tool "$tool" --error-exitcode 9 "$b/test" "$suite"
        done
    done
else say "== compute-sanitizer: skipped, it is not installed"; fi

same() { # PRECISION
    picture --device cuda --precision "$1" -o "$dir/a.png" && picture --device cuda --precision "$1" -o "$dir/b.png" &&
        cmp "$dir/a.png" "$dir/b.png" && picture --device cuda --precision "$1" --batch-size 3 -o "$dir/c.png" &&
        picture --device cuda --precision "$1" --taps "$dir/t.safetensors" -o "$dir/d.png" &&
        cmp "$dir/a.png" "$dir/d.png" && python3 - "$dir/a.png" "$dir/c-42.png" << 'END'
import sys, zlib
def pixels(path):
    data, at, out = open(path, "rb").read(), 8, b""
    while at < len(data):
        n = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT": out += data[at + 8:at + 8 + n]
        at += n + 12
    return zlib.decompress(out)
sys.exit(pixels(sys.argv[1]) != pixels(sys.argv[2]))
END
}
for precision in f32 f16 bf16; do step "the same bits, $precision" same "$precision"; done

shared() { # a batch on two GPUs; compares with the files of the last `same`
    picture --device cuda:0,1 --precision bf16 --batch-size 3 -o "$dir/e.png" || return 1
    for seed in 42 43 44; do cmp "$dir/c-$seed.png" "$dir/e-$seed.png" || return 1; done
}
kinds=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 2 | uniq -c | awk '{ print $1; exit }')
if [ "$kinds" = 2 ]; then step "the same bits on two GPUs" shared
else say "== the same bits on two GPUs: skipped, there are not two of a kind"; fi

bench() { "$sdc" bench -m "$full" -W 512 -H 512 --device cuda --precision "$1"; }
peers() { "$python" tools/bench/bench_peers.py --device cuda --model "$full" --sdc "$sdc" --repeat 5 --cache "$dir"; }

if [ -z "${QUICK:-}" ]; then
    step "full-size SD 1.5 against PyTorch, f32" env SDC_TEST_DEVICE=cuda "$b/test" full_size
    [ -f "$full" ] || "$b/test" --make-model full single f16 "$full"
    LINES_KEPT=200 step "speed, f16" bench f16
    case $capability in *9.0*) SDC_CUDA=mma LINES_KEPT=200 step "speed, f16, by mma.sync instead of wgmma" bench f16 ;; esac
    for precision in bf16 f32; do LINES_KEPT=7 step "speed, $precision" bench "$precision"; done
    python=${PYTHON:-python3}
    if "$python" -c 'import torch, diffusers, transformers, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
        LINES_KEPT=20 step "speed, alternating with PyTorch" peers
    else say "== speed, alternating with PyTorch: skipped, $python has no torch for this GPU, or no diffusers"; fi
fi
say "$failed steps failed"
[ "$failed" = 0 ]
