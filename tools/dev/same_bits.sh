#!/bin/sh
# same_bits.sh [COMMIT]: whether this tree computes the same bits as COMMIT. Default: the last commit whose bits were
# released as they are; no later one may differ from it (one that changes bits on purpose becomes the new default).
# Builds both, makes some sixty small runs with each and compares checksums of what they computed: pictures before they
# are rounded to bytes, activations, trained weights. Texts and messages may differ. CC, BLAS and the like are make's.
set -u
cd "$(dirname "$0")/../.." || exit 1
base=$(git rev-parse --verify -q "${1:-99a7cd2}^{commit}") || { echo "same_bits: ${1:-99a7cd2} is no commit here" >&2; exit 1; }
work=$PWD/build/same_bits
src=$work/$base
mkdir -p "$work" || exit 1
if [ ! -x "$src/out/sdc" ]; then
    rm -rf "$src" && mkdir -p "$src" && git archive "$base" | tar -x -C "$src" || exit 1
    make -C "$src" -j2 BUILD=out out/sdc out/test > "$work/base.log" 2>&1 || { tail -n 5 "$work/base.log"; exit 1; }
fi
make -j2 BUILD="$work/out" "$work/out/sdc" "$work/out/test" > "$work/now.log" 2>&1 || { tail -n 5 "$work/now.log"; exit 1; }

# What the runs begin with comes from the base, so that both sides read the same files.
"$src/out/test" --make-model micro single f32 "$work/micro.safetensors" &&
    "$src/out/test" --make-model micro single f16 "$work/half.safetensors" &&
    "$src/out/test" --make-model micro diffusers bf16 "$work/folder" &&
    "$src/out/sdc" txt2img -q -p "a red circle" -W 64 -H 64 --steps 2 --seed 3 -o "$work/start.png" &&
    "$src/out/sdc" convert "$work/micro.safetensors" "$work/converted.safetensors" --dtype f16 > /dev/null || exit 1
"$src/out/sdc" samplers --json | tr ',' '\n' | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' > "$work/samplers"
"$src/out/sdc" schedulers --json | tr ',' '\n' | sed -n 's/.*"label": *"\([^"]*\)".*/\1/p' > "$work/schedulers"

# Prints "NAME CHECKSUM" a run. BUILD [RUN]: where the program is
runs() {
    out=$1 dir=$work/$2
    rm -rf "$dir" && mkdir -p "$dir"
    sdc=$out/sdc
    sum() { echo "$1 $(cksum < "$2" | cut -d' ' -f1,2)"; }
    picture() { # NAME GLOB ARGUMENTS...: from the built-in model, unless the arguments name another
        name=$1 glob=$2
        shift 2
        if "$sdc" txt2img -q --seed 42 --steps 4 -W 64 -H 64 -p "a red circle above a blue square" "$@" --taps "$dir/taps" \
            --tap "$glob" -o "$dir/p.png" 2> "$dir/err"; then
            rm -f "$dir"/p*.png
            sum "$name" "$dir/taps"
        else echo "$name $(tail -n 1 "$dir/err")"; fi
    }
    while IFS= read -r s; do picture "sampler-$s" image --sampler "$s"; done < "$work/samplers"
    while IFS= read -r s; do picture "scheduler-$s" image --sampler Euler --scheduler "$s"; done < "$work/schedulers"
    picture every-tap '*'
    picture wide image -W 128 -H 72
    picture tall image -W 64 -H 96 --batch-size 3
    picture rng-cpu image --rng cpu --clip-skip 1 --cfg 3.5
    picture unguided image --cfg 1
    picture prompts image -p '(a:1.3) [red:blue:0.5] circle AND [a|two] stars :0.6 BREAK (on black:0.8)' -n 'a (square:1.2)'
    picture variation image --variation-seed 5 --variation-strength 0.3 --seed-width 96 --seed-height 64
    picture ancestral image --sampler 'DPM++ SDE' --ensd 31337 --eta 0.7 --s-noise 0.9
    picture churn image --sampler Heun --s-churn 5 --discard-next-to-last
    picture sigmas image --sampler 'DPM++ 2M' --scheduler Karras --sigma-min 0.1 --sigma-max 10 --rho 5
    picture threads image --threads 1
    picture direct image --precision f32-direct
    picture mixed image --precision mixed
    for isa in base v3 v4; do SDC_CPU=$isa picture "isa-$isa" image; done
    picture micro '*' -m "$work/micro.safetensors"
    picture half '*' -m "$work/half.safetensors" --clip-skip 2
    picture folder '*' -m "$work/folder" -W 72 -H 104
    picture converted '*' -m "$work/converted.safetensors"
    picture limit-60 image -m "$work/micro.safetensors" -W 128 -H 128 --batch-size 2 --memory-limit 60M
    picture limit-50 image -m "$work/micro.safetensors" -W 128 -H 128 --batch-size 2 --memory-limit 50M
    picture micro-mixed image -m "$work/half.safetensors" --precision mixed
    for how in webui diffusers exact; do
        "$sdc" img2img -q -i "$work/start.png" -p "a blue star" --seed 7 --steps 5 --strength 0.6 --strength-steps $how \
            --taps "$dir/taps" -o "$dir/p.png" 2> "$dir/err" && sum "img2img-$how" "$dir/taps" || echo "img2img-$how failed"
    done
    "$sdc" img2img -q -i "$work/start.png" -p "a" --seed 7 --steps 3 -W 96 -H 64 --resize-mode fill --encode mean \
        --sampler DDIM --taps "$dir/taps" -o "$dir/p.png" 2> "$dir/err" && sum img2img-fill "$dir/taps" || echo "img2img-fill failed"
    "$sdc" train -q --data shapes --train vae --steps 2 --batch-size 2 --lr 5e-3 --out "$dir/vae.safetensors" \
        2> "$dir/err" && sum train-vae "$dir/vae.safetensors" || echo "train-vae $(tail -n 1 "$dir/err")"
    "$sdc" train -q -m "$work/micro.safetensors" --data shapes --size 64 --train unet+text --steps 2 --batch-size 2 --lr 2e-3 \
        --recompute --out "$dir/unet.safetensors" 2> "$dir/err" && sum train-unet "$dir/unet.safetensors" ||
        echo "train-unet $(tail -n 1 "$dir/err")"
    if [ -x "$out/sdc-shim" ]; then
        sdc=$out/sdc-shim
        for p in f32 f16 bf16; do picture "gpu-$p" '*' --device cuda --precision $p --steps 2; done
        picture gpu-micro image -m "$work/half.safetensors" --device cuda --precision f16 --steps 2 --batch-size 2
    fi
}
key=$base-$(cksum < "$0" | tr ' ' '-')
if [ ! -s "$work/$key.txt" ]; then
    runs "$src/out" base > "$work/base.txt" && mv "$work/base.txt" "$work/$key.txt" &
    [ "$(nproc)" -gt 1 ] || wait
fi
runs "$work/out" now > "$work/now.txt"
wait
diff "$work/$key.txt" "$work/now.txt" > "$work/diff" || { cat "$work/diff"; echo "same_bits: not equal to $(git rev-parse --short "$base")"; exit 1; }
failed=$(grep -vcE ' [0-9]+ [0-9]+$' "$work/now.txt")
[ "$failed" = 0 ] || { grep -vE ' [0-9]+ [0-9]+$' "$work/now.txt"; echo "same_bits: $failed runs fail"; exit 1; }
echo "same_bits: $(wc -l < "$work/now.txt") runs equal to $(git rev-parse --short "$base")"
