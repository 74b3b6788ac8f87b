#!/bin/sh
# port_test.sh PORT...: the suites of the same bits (exact, exact_runs) built for other processors, compilers and levels
# of optimisation, each in a folder of its own (build/port-NAME), without BLAS. Other processors are emulated by QEMU.
# Ends with "N passed, N failed". JOBS: of make, and how many processes share the runs of a port (all cores). ALL=1: also
# every run on all tables of a port, with one to seven threads, and SD 1.5 at full size (2.2 GB under TMPDIR), which takes
# hours under QEMU. SDC_TEST_VERBOSE=1: a line for each run. SDC_TEST_ROWS=GLOB: only
# runs whose names match.
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
jobs=${JOBS:-$(nproc)}
passed=0 failed=0 pids=
trap '[ -z "$pids" ] || kill $pids 2> /dev/null; exit 1' INT TERM
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
    if ! MAKEFLAGS= make -j"$jobs" CC="$cc" BLAS=none CUDA=0 SAN=0 CFLAGS="$level" LDFLAGS="$link" $over \
        BUILD="$dir" "$dir/port-test" > "$dir/make.log" 2>&1; then
        grep -E 'error|warning' "$dir/make.log" | head -n 5
        echo "  FAIL $port does not build ($dir/make.log)"
        failed=$((failed + 1))
        continue
    fi
    runs=exact_runs alone=exact pids=
    [ -z "${ALL:-}" ] || runs=exact_runs_all alone="exact full_exact_small"
    [ -z "${ALL:-}" ] || [ -n "$run" ] || alone="$alone full_exact"
    rm -f "$dir"/part-*
    for part in $(seq "$jobs"); do
        SDC_TEST_PART=$part/$jobs $run "$dir/port-test" "$runs" > "$dir/part-$part" 2>&1 &
        pids="$pids $!"
    done
    # shellcheck disable=SC2086
    $run "$dir/port-test" $alone > "$dir/part-0" 2>&1 &
    pids="$pids $!"
    wait
    for part in "$dir"/part-*; do
        sed '$d' "$part"
        counts=$(tail -n 1 "$part" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
        [ -n "$counts" ] || { echo "  FAIL $port did not end ($part)"; counts="0 1"; }
        passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
