#!/bin/sh
# exercise.sh FOLDER N [ANSWER]: breaks one line of a copy of plain.c, by the row "exercise N: ..." of
# tools/dev/mutants.txt, shows what picture comes of it, and asks which tap shows the error first; or says whether an
# answer is right: a tap's name or a part of it, "resblock" or the like for a kind of layer, "none" for none.
# FOLDER: where sdc, plain and montage were built. STEPS (20), WORK (build/guide) and CC as usual. From the root of the tree.
set -eu
built=$1 n=${2:-} answer=${3:-}
count=$(grep -c '^exercise [0-9]*:' tools/dev/mutants.txt)
row=$(grep "^exercise $n: " tools/dev/mutants.txt) || {
    echo "there is no exercise '$n'; make exercise N=1 is the first of $count" >&2
    exit 2
}
work=${WORK:-build/guide}/exercise-$n
expression=${row##* ~ }
key=$( { echo "$row ${STEPS:-20} $(cksum < "$built/plain")"; cat sd/guide/plain.c; } | cksum)
draw() { # PROGRAM NAME
    "$1" weights/builtin.safetensors "a red circle above a blue square" "$2.png" --seed 7 --steps "${STEPS:-20}" \
        --taps "$2.safetensors" 2> /dev/null
}
if [ "$(cat "$work/key" 2> /dev/null)" != "$key" ]; then # else it is drawn already
    rm -rf "$work"
    mkdir -p "$work"
    sed "$expression" sd/guide/plain.c > "$work/plain.c"
    ! cmp -s "$work/plain.c" sd/guide/plain.c || {
        echo "exercise $n changes nothing; mend its row in tools/dev/mutants.txt" >&2
        exit 1
    }
    ${CC:-cc} -std=c11 -O2 -I. -o "$work/plain" "$work/plain.c" -lm
    draw "$built/plain" "$work/right"
    draw "$work/plain" "$work/broken"
    echo "$key" > "$work/key"
fi
"$built/sdc" diff --bound 1e-4 "$work/broken.safetensors" "$work/right.safetensors" > "$work/diff" || true
first=$(sed -n 's/^first divergence: \([^ ]*\).*/\1/p' "$work/diff")
first=${first:-none}

if [ -z "$answer" ]; then
    "$built/montage" "$work.png" 4 2 "$work/right.png" "$work/broken.png"
    cat << END
$work.png has two pictures: on the left as plain.c draws it; on the right after one of
its lines was broken. Which tap is the first that shows the error? Their names, in the order of the computation:
    ./sdc show $work/right.safetensors
and, if you want to look at those of the broken program:
    ./sdc show $work/broken.safetensors --tap 'unet.step000.*' -o sheet.png
Your answer:
    make exercise N=$n ANSWER=NAME        a part of the name will do; none, if no tap shows it
END
    exit 0
fi

# layers by the names that people give them
case $(echo "$answer" | tr A-Z a-z) in
resblock | resblocks | resnet) wanted=resnets ;;
transformer | attention | cross-attention) wanted=attentions ;;
clip | text | text-encoder | "text states") wanted=text_model ;;
upsample | upsampler | enlarge) wanted=upsamplers ;;
time) wanted=time_embedding ;;
sampler | latents) wanted=latents ;;
vae) wanted=vae ;;
png | nothing | none) wanted=none ;;
*) wanted=$answer ;;
esac
named=$(awk -v w="$wanted" 'index($1, w) { print $1; exit }' "$work/diff")
case $first in
*"$wanted"*)
    if [ "$first" = none ]; then echo "right: all $(grep -c '\[' "$work/diff") taps are equal"
    else echo "right: $first is the first tap that differs"; fi
    echo "the line:"
    diff sd/guide/plain.c "$work/plain.c" | sed -n 's/^\([<>]\) */  \1 /p'
    ;;
*)
    if [ "$wanted" = none ]; then echo "no: a tap shows it"
    elif [ -z "$named" ]; then
        echo "no tap has a name with '$answer' in it; ./sdc show $work/right.safetensors lists them" >&2
        exit 2
    elif ! grep -q "^$named .*above the bound" "$work/diff"; then echo "no: $named is still right; look further on"
    else echo "no: $named differs, but something before it does, too"; fi
    exit 1
    ;;
esac
