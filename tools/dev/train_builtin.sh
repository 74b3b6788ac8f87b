#!/bin/sh
# train_builtin.sh SDC DIR: trains the built-in model from random weights, in DIR. Run again, it resumes an interrupted
# stage and skips finished ones. The results: DIR/builtin.safetensors (f16), DIR/sheet.png, and DIR/judge.txt, the output
# of `sdc judge`.
set -e
sdc=$1 dir=$2
mkdir -p "$dir"

# stage NAME OPTION...: trains DIR/NAME.safetensors
stage() {
    name=$1
    shift
    [ -e "$dir/$name.done" ] && return
    how=--overwrite # a model without a state: interrupted before its first save
    [ -e "$dir/$name.safetensors.state" ] && how=--resume
    "$sdc" train --out "$dir/$name.safetensors" --log "$dir/$name.csv" --data shapes:2 --log-every 500 $how "$@"
    touch "$dir/$name.done"
}

# learn NAME FROM SEED OPTION...: U-Net and text encoder, in small batches: what words mean is learned by steps
learn() {
    name=$1 from=$2 seed=$3
    shift 3
    stage "$name" -m "$dir/$from.safetensors" --train unet+text --seed "$seed" --batch-size 8 --warmup 100 --cache 80000 \
        --word-dropout 0.01 --caption-dropout 0.1 --save-every 1000 "$@"
}

stage vae --train vae --steps 3000 --lr 2.5e-3 --batch-size 32
# what words mean
learn easy vae 1 --easy 1 --lr 1e-3 --schedule constant --steps 4131 --ema 0.9995
learn all easy 1 --lr 1e-3 --steps 17000
learn pairs all 2 --kinds 0.22,0.55,0.12,0.05,0.06 --lr 8e-4 --steps 7500
# where things are: places, then pairs of which the first is always above or to the left, then half of the pairs
places="--easy 1 --lr 1e-3 --schedule constant"
learn places pairs 5 $places --kinds 0.45,0.55,0,0,0 --placed 0.6 --shift 2.5 --steps 5818
learn ordered places 6 $places --kinds 0.2,0.8,0,0,0 --placed 0.5 --ordered 1 --shift 3 --steps 1106
learn half ordered 7 $places --kinds 0.2,0.8,0,0,0 --placed 0.5 --ordered 0.5 --shift 3 --steps 1775
# everything, while the rate falls to zero
learn last half 8 --kinds 0.30,0.40,0.14,0.07,0.09 --lr 1e-3 --shift 1.5 --steps 16000

awk -f "$(dirname "$0")/curve.awk" batch=8 "$dir/easy.csv" "$dir/all.csv" "$dir/pairs.csv" "$dir/places.csv" "$dir/ordered.csv" \
    "$dir/half.csv" "$dir/last.csv" >"$dir/curve.svg"
ln -f "$dir/last.safetensors" "$dir/sd.c-nano.safetensors" # the name that its pictures carry
"$sdc" convert "$dir/sd.c-nano.safetensors" "$dir/builtin.safetensors" --dtype f16
"$sdc" sheet -m "$dir/builtin.safetensors" -o "$dir/sheet.png"
"$sdc" judge -m "$dir/builtin.safetensors" -n 200 --cfg 3 --other-cfg 1 | tee "$dir/judge.txt"
