#!/bin/sh
# pictures.sh FOLDER [NAME...]: draws the guide's pictures into sd/guide/pictures: all, or those whose names begin so.
# FOLDER: where sdc, plain and montage were built. Each script of tools/guide/draw makes the numbers of its page in
# build/guide, with fixed seeds, and draws them by gnuplot or as a sheet; the same bytes whenever it runs on one machine.
set -eu
built=$(cd "$1" && pwd)
shift
export LC_ALL=C
sdc=$built/sdc plain=$built/plain montage=$built/montage
out=$PWD/sd/guide/pictures data=$PWD/build/guide
mkdir -p "$out" "$data"
prompt="a red circle above a blue square"

# A run that several pages look at, once: build/guide/run.safetensors.
run() {
    [ -e "$data/run.safetensors" ] ||
        "$sdc" txt2img -q -p "$prompt" --seed 7 --steps 20 --sampler Euler -o "$data/run.png" --taps "$data/run.safetensors"
}

# Draws NAME.svg of a height by the gnuplot program on standard input, which sees its data in build/guide.
plot() { # NAME HEIGHT
    { echo "out = '$data/$1.svg'; high = $2"; cat "$root/tools/guide/style.gp" -; } > "$data/$1.gp"
    (cd "$data" && gnuplot "$1.gp" 2> gnuplot.log) || { cat "$data/gnuplot.log" >&2; exit 1; }
    awk -f "$root/tools/guide/svg.awk" "$data/$1.svg" > "$out/$1.svg"
}

root=$PWD
rm -f "$data/run.safetensors"
for script in tools/guide/draw/*.sh; do
    name=$(basename "$script" .sh)
    if [ $# -gt 0 ]; then
        wanted=
        for n in "$@"; do case $name in "$n"*) wanted=1 ;; esac; done
        [ "$wanted" ] || continue
    fi
    echo "$name"
    . "$root/$script"
done
