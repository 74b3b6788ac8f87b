#!/bin/sh
# pictures.sh SDC MONTAGE: README's pictures, by the built-in model, beside this script (make pictures). Seeds are fixed;
# look at them after a change.
set -eu
sdc=$1 montage=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
draw() { "$sdc" txt2img -q "$@" > /dev/null; }
redraw() { "$sdc" img2img -q "$@" > /dev/null; }

# a mask of one column and eight rows, a BMP from the lowest row up: the lower half is white
{
    printf 'BM\126\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\001\0\0\0\010\0\0\0\001\0\030\0\0\0\0\0\040\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    for row in 1 2 3 4; do printf '\377\377\377\0'; done
    for row in 1 2 3 4; do printf '\0\0\0\0'; done
} > "$work/half.bmp"

# inpainting: another colour, another shape
before="a red circle above a blue square on a white background"
draw -p "$before" --seed 3 -o "$work/before.png"
redraw -i "$work/before.png" --mask "$work/half.bmp" --fill noise --mask-blur 1 --strength 1 --seed 3 \
    -p "a red circle above a green square on a white background" -o "$work/green.png"
redraw -i "$work/before.png" --mask "$work/half.bmp" --fill noise --mask-blur 1 --strength 1 --seed 3 \
    -p "a red circle above a yellow star on a white background" -o "$work/star.png"
"$montage" tools/pictures/inpaint.png 3 3+ "$work/before.png" "$work/green.png" "$work/star.png"

# outpainting: to both sides from the colours of the edge, to the right from the spectrum
scene="mountains behind green hills on a sunny day"
draw -p "$scene" --seed 3 -o "$work/scene.png"
redraw -i "$work/scene.png" -p "$scene" --extend left=32,right=32 --extend-blur 2 --strength 1 --seed 7 -o "$work/both.png"
redraw -i "$work/scene.png" -p "$scene" --extend right=64 --extend-fill spectrum --extend-blur 2 --strength 0.9 --seed 7 \
    -o "$work/right.png"
"$montage" tools/pictures/extend.png 2 3+ "$work/scene.png" "$work/both.png" "$work/right.png"

# tiling: four copies of one picture
draw -p "green hills on a sunny day" --tiling both --seed 5 -o "$work/tile.png"
"$montage" tools/pictures/tiling.png 2 2 "$work/tile.png" "$work/tile.png" "$work/tile.png" "$work/tile.png"

# larger: as it is, by a filter, and drawn twice
draw -p "a yellow star on a blue background" --seed 2 -o "$work/small.png"
"$sdc" upscale -q "$work/small.png" --scale 2 --filter lanczos -o "$work/lanczos.png" > /dev/null
draw -p "a yellow star on a blue background" --seed 2 --hires-scale 2 --hires-upscaler Lanczos --strength 0.2 \
    -o "$work/hires.png"
"$montage" tools/pictures/larger.png 2 3+ "$work/small.png" "$work/lanczos.png" "$work/hires.png"
