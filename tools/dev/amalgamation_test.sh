#!/bin/sh
# amalgamation_test.sh SDC FOLDER: FOLDER/sd_core.c compiles alone, without a warning, with each compiler that is here, and
# draws what SDC draws.
set -u
sdc=$1
folder=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0
fail() { echo "FAILED: $1"; status=1; }

MODEL=weights/builtin.safetensors
PROMPT="a red circle"
FLAGS="-std=c11 -Wall -Wextra -Wshadow -Wpedantic -Wno-psabi -Werror -ffp-contract=off -fno-math-errno -fno-trapping-math"

desktop() { # STEPS
    "$sdc" txt2img -q -m $MODEL -p "$PROMPT" --steps "$1" --seed 1 --cfg 3 --sampler Euler --precision f32 --exact \
        -o "$work/desktop.png" && build/bare/picture_crc "$work/desktop.png"
}

want=$(desktop 2) || fail "sdc does not draw"
for how in "gcc -O2 -DSDC_EMULATE_FMA" "gcc -O2 -march=native" "clang -O2 -DSDC_EMULATE_FMA" "clang -O1 -march=native"; do
    command -v "${how%% *}" > /dev/null || { echo "$how: is not here, so that is not tried"; continue; }
    # shellcheck disable=SC2086
    case $how in *native) $how -dM -E - < /dev/null | grep -qE '__FMA__|__ARM_FEATURE_FMA' || continue ;; esac # or other bits
    # shellcheck disable=SC2086
    $how $FLAGS -o "$work/draw" "$folder/draw.c" "$folder/sd_core.c" -lm || { fail "$how: does not compile"; continue; }
    said=$("$work/draw" $MODEL "$work/circle.ppm" "$PROMPT") || fail "$how: does not draw"
    got=$(build/bare/picture_crc "$work/circle.ppm")
    echo "$how: $got, ${said#*: }"
    [ "$got" = "$want" ] || fail "$how: CRC-32 is $got, sdc's picture has $want"
done

ARM="-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -fno-short-enums"
if command -v arm-none-eabi-gcc > /dev/null; then
    # shellcheck disable=SC2086
    arm-none-eabi-gcc -Os $ARM $FLAGS -c -o "$work/sd_core.o" "$folder/sd_core.c" &&
        make --no-print-directory -s build/bare/m/model_f16.o build/bare/m/sd/core/bare/main.o build/bare/m/sd/core/bare/semihosting.o \
            build/bare/m/sd/core/bare/start_m.o &&
        arm-none-eabi-gcc $ARM -nostartfiles -Wl,--gc-sections -Wl,--no-enum-size-warning -T sd/core/bare/an500.ld -o "$work/m.elf" \
            build/bare/m/model_f16.o build/bare/m/sd/core/bare/main.o build/bare/m/sd/core/bare/semihosting.o \
            build/bare/m/sd/core/bare/start_m.o "$work/sd_core.o" -lm || fail "arm-none-eabi-gcc: does not compile"
    if command -v qemu-system-arm > /dev/null; then
        want=$(desktop 1) || fail "sdc does not draw"
        arguments="arg=bare,arg=1,arg=1,arg=3,arg=f32,arg=0,arg=a,arg=red,arg=circle"
        timeout "${LIMIT:-900}" qemu-system-arm -M mps2-an500 -nographic -net none \
            -semihosting-config "enable=on,target=native,$arguments" -kernel "$work/m.elf" < /dev/null > "$work/said" 2>&1
        got=$(sed -n 's/^crc32 //p' "$work/said")
        echo "arm-none-eabi-gcc -Os, in QEMU: $got"
        [ "$got" = "$want" ] || fail "arm-none-eabi-gcc: $(head -n 1 "$work/said"); sdc's picture has the CRC-32 $want"
    else echo "qemu-system-arm is not here, so nothing is drawn with arm-none-eabi-gcc's"; fi
else echo "arm-none-eabi-gcc: is not here, so that is not tried"; fi
[ $status -eq 0 ] && echo "amalgamation: passed"
exit $status
