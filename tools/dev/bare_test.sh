#!/bin/sh
# bare_test.sh SDC: the programs of `make bare` in qemu-system-arm. Their pictures are those of SDC, bit by bit; memory and
# size are within bounds; sd_core asks libc for nothing that sd/core/symbols.txt does not list. STEPS=20 as for a real picture.
set -u
sdc=$1
steps=${STEPS:-2}
prompt="a red circle above a blue square"
command -v qemu-system-arm > /dev/null || { echo "qemu-system-arm is missing: sudo apt-get install qemu-system-arm"; exit 1; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
fail() { echo "FAILED: $1"; status=1; }

# Bounds, in bytes: what a picture takes of RAM beside the stack, and is given as its limit; the stack; code and tables.
MOST_RAM=${MOST_RAM:-1110000}
MOST_STACK=65536
MOST_CODE=620000

echo "picture                   seconds      RAM    opened     stack"
draw() { # MACHINE OPTIONS MODEL PRECISION CFG
    arguments="arg=bare,arg=$steps,arg=7,arg=$5,arg=$4,arg=$((MOST_RAM / 1024))"
    for word in $prompt; do arguments="$arguments,arg=$word"; done
    begun=$(date +%s)
    # shellcheck disable=SC2086
    timeout "${LIMIT:-900}" qemu-system-arm $2 -nographic -net none -semihosting-config "enable=on,target=native,$arguments" \
        -kernel "build/bare/$1/$3.elf" > "$work/said" 2>&1 < /dev/null || { fail "$1 $3 $4: $(cat "$work/said")"; return; }
    seconds=$(($(date +%s) - begun))
    "$sdc" txt2img -q -m "build/bare/$3.safetensors" -p "$prompt" --steps "$steps" --seed 7 --cfg "$5" --sampler Euler \
        --precision "$4" --exact -o "$work/desktop.png" || { fail "sdc: $3 $4"; return; }
    want=$(build/bare/picture_crc "$work/desktop.png")
    got=$(sed -n 's/^crc32 //p' "$work/said")
    peak=$(sed -n 's/^peak //p' "$work/said")
    stack=$(sed -n 's/^stack //p' "$work/said")
    printf '%-24s %8s %8s %9s %9s\n' "$1 $3 $4 cfg $5" "$seconds" "$peak" "$(sed -n 's/^opened //p' "$work/said")" "$stack"
    [ "$got" = "$want" ] || fail "$1 $3 $4: crc32 is $got, sdc's picture has $want"
    [ "$peak" -le "$MOST_RAM" ] || fail "$1 $3 $4: takes $peak bytes of RAM, more than $MOST_RAM"
    [ "$stack" -lt "$MOST_STACK" ] || fail "$1 $3 $4: its stack of $MOST_STACK bytes is used up"
    [ "$peak" -le "$(sed -n 's/^planned //p' "$work/said")" ] || fail "$1 $3 $4: takes more than was planned"
}
draw m "-M mps2-an500" f16 f32 3
draw m "-M mps2-an500" q8_0 f32-direct 1
draw a "-M virt -cpu cortex-a15 -m 256" f16 f32 1

code=$(arm-none-eabi-size -A build/bare/m/f16.elf | awk '$1 == ".text" || $1 == ".data" { n += $2 } END { print n }')
echo "code and tables: $code bytes, of which the vocabulary is 195576"
[ "$code" -le "$MOST_CODE" ] || fail "code and tables take $code bytes, more than $MOST_CODE"

arm-none-eabi-nm -A build/bare/m/sd_core.a | awk '
    $(NF - 1) ~ /^[TDRBVW]$/ { has[$NF] = 1 }
    $(NF - 1) == "U" && $NF !~ /^__aeabi_/ { needs[$NF] = $1 }
    END { for (s in needs) if (!(s in has)) print s }' | sort > "$work/needs"
sort sd/core/symbols.txt | comm -3 - "$work/needs" > "$work/differ"
[ ! -s "$work/differ" ] || fail "symbols of libc: sd/core/symbols.txt on the left, what is asked on the right:
$(cat "$work/differ")"
[ $status -eq 0 ] && echo "bare-test: passed"
exit $status
