#!/bin/sh
# port_test.sh PORT...: the suites of the same bits (exact, exact_runs) built for other processors, compilers and levels
# of optimisation, each in a folder of its own (build/port-NAME), without BLAS. Other processors are emulated by QEMU.
# Ends with "N passed, N failed". JOBS: of make, at once; ALL=1: also every run on the table that emulates fma, and with
# seven threads.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || { echo "port_test: name a port: O1, O3, clang, clang-O1, aarch64, riscv64" >&2; exit 2; }
missing=
need() { command -v "$1" > /dev/null 2>&1 || missing="$missing $2"; }
for port; do
    case $port in
    O0 | O1 | O2 | O3) need cc gcc ;;
    clang | clang-O[0-3]) need clang clang ;;
    aarch64 | riscv64) need "$port-linux-gnu-gcc" "gcc-$port-linux-gnu"; need "qemu-$port" qemu-user ;;
    *) echo "port_test: '$port' is not a port; use O0, O1, O2, O3, clang, clang-O1, aarch64, riscv64" >&2; exit 2 ;;
    esac
done
[ -z "$missing" ] || { echo "port_test: missing; apt-get install$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ')" >&2; exit 1; }
passed=0 failed=0
for port; do
    cc=${CC:-cc} level=-O2 link= run=
    case $port in
    O?) level=-$port ;;
    clang-O?) cc=clang level=-${port#clang-} ;;
    clang) cc=clang ;;
    *) cc=$port-linux-gnu-gcc link=-static run=qemu-$port ;;
    esac
    dir=build/port-$port
    mkdir -p "$dir" || exit 1
    # a level is every file's: the kernels' own -O3 gives way to it
    over=
    [ "$level" = -O2 ] || over="KERNEL_LEVEL=$level"
    echo "$port: $cc $level"
    # shellcheck disable=SC2086
    if ! MAKEFLAGS= make -j"${JOBS:-$(nproc)}" CC="$cc" BLAS=none CUDA=0 SAN=0 CFLAGS="$level" LDFLAGS="$link" $over \
        BUILD="$dir" "$dir/port-test" > "$dir/make.log" 2>&1; then
        grep -E 'error|warning' "$dir/make.log" | head -n 5
        echo "  FAIL $port does not build ($dir/make.log)"
        failed=$((failed + 1))
        continue
    fi
    $run "$dir/port-test" ${ALL:+all} > "$dir/out.txt" 2>&1
    cat "$dir/out.txt"
    counts=$(tail -n 1 "$dir/out.txt" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    [ -n "$counts" ] || { echo "  FAIL $port did not end"; counts="0 1"; }
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
