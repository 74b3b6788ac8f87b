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

# U-Net and text encoder: small batches first, because it is steps that find out what words mean; then, with the rate
# going down to nothing, larger ones.
learn="--train unet+text --word-dropout 0.01 --caption-dropout 0.1 --cache 80000 --seed 1 --save-every 2000"
stage vae --train vae --steps 3000 --lr 2.5e-3 --batch-size 32
stage unet -m "$dir/vae.safetensors" $learn --schedule constant --lr 1e-3 --steps 20000 --batch-size 8 --ema 0.9995
stage finish -m "$dir/unet.safetensors" $learn --lr 1e-3 --steps 5000 --batch-size 16 --ema 0.999
"$sdc" convert "$dir/finish.safetensors" "$dir/builtin.safetensors" --dtype f16
"$sdc" sheet -m "$dir/builtin.safetensors" -o "$dir/sheet.png"
"$sdc" judge -m "$dir/builtin.safetensors" -n 200 --cfg 4 --other-cfg 1 | tee "$dir/judge.txt"
