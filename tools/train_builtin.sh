#!/bin/sh
# train_builtin.sh SDC DIR: the built-in model from nothing, in DIR. A stage that was stopped goes on, one that is done
# is passed over. The end is DIR/builtin.safetensors (f16), DIR/sheet.png, and DIR/judge.txt: what `sdc judge` says.
set -e
sdc=$1 dir=$2
mkdir -p "$dir"

# stage NAME OPTION...: trains DIR/NAME.safetensors
stage() {
    name=$1
    shift
    [ -e "$dir/$name.done" ] && return
    "$sdc" train --out "$dir/$name.safetensors" --log "$dir/$name.csv" --data shapes:2 --log-every 500 --resume "$@"
    touch "$dir/$name.done"
}

# U-Net and text encoder, in small batches, because it is steps that find out what words mean: easy pictures, all, and
# then mostly pairs.
learn="--train unet+text --word-dropout 0.01 --caption-dropout 0.1 --cache 80000 --save-every 1000"
learn="$learn --batch-size 8 --warmup 100"
stage vae --train vae --steps 3000 --lr 2.5e-3 --batch-size 32
stage easy -m "$dir/vae.safetensors" $learn --seed 1 --lr 1e-3 --easy 1 --schedule constant --steps 4131 --ema 0.9995
stage all -m "$dir/easy.safetensors" $learn --seed 1 --lr 1e-3 --steps 17000
stage pairs -m "$dir/all.safetensors" $learn --seed 2 --lr 8e-4 --steps 7500 --kinds 0.22,0.55,0.12,0.05,0.06
awk -f "$(dirname "$0")/curve.awk" batch=8 "$dir/easy.csv" "$dir/all.csv" "$dir/pairs.csv" >"$dir/curve.svg"
"$sdc" convert "$dir/pairs.safetensors" "$dir/builtin.safetensors" --dtype f16
"$sdc" sheet -m "$dir/builtin.safetensors" -o "$dir/sheet.png"
"$sdc" judge -m "$dir/builtin.safetensors" -n 200 --cfg 4 --other-cfg 1 | tee "$dir/judge.txt"
