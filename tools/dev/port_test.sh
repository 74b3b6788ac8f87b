#!/bin/sh
# port_test.sh PORT...: suites built for other processors, compilers and levels of optimisation, each in a folder of its
# own (build/port-NAME), without BLAS.
#
#     O0 O1 O2 O3 clang clang-O1 musl           this processor: the same bits (suites exact, exact_runs)
#     aarch64 riscv64 riscv64-v armhf i386 s390x  another, emulated by QEMU where this kernel runs no such programs: also
#                                               ops, blocks, gradients, pipeline, files, same_files
#
# Ends with "N passed, N failed". Variables:
#     SUITES   instead of those. For another processor they are cut (SDC_TEST_FEW, tests/harness/few.h) to less than ten
#              minutes of two cores in QEMU, and still reach every kind of check: ops and gradients run their large cases
#              once, against the golden only, and leave out those with 400,000 weights and more; pipeline draws two of
#              14 goldens and one of two img2img, each layout's picture with one step, and no batches, switches and taps;
#              exact_runs has the few rows that reach every kernel
#     ALL=1    every suite whole, every run on all tables with one to seven threads, and SD 1.5 at full size (2.2 GB under
#              TMPDIR): hours under QEMU
#     JOBS     of make, and how many processes share the suites of a port (all cores)
#     SDC_TEST_VERBOSE=1  a line for each check;  SDC_TEST_ROWS=GLOB  only runs whose names match
set -u
cd "$(dirname "$0")/../.." || exit 1
PORTS="O0, O1, O2, O3, clang, clang-O0..3, musl, aarch64, riscv64, riscv64-v, armhf, i386, s390x"
[ $# -gt 0 ] || { echo "port_test: name a port: $PORTS" >&2; exit 2; }

# Of a port: cc, level, link, and for another processor run and few. Packages that are missing go to $missing.
missing=
need() { command -v "$1" > /dev/null 2>&1 || missing="$missing $2"; }
describe() {
    cc=${CC:-cc} level=-O2 link= run= other=
    case $1 in
    O[0-3]) level=-$1 ;;
    clang) cc=clang ;;
    clang-O[0-3]) cc=clang level=-${1#clang-} ;;
    musl) cc=musl-gcc link=-static; need musl-gcc musl-tools ;;
    aarch64) cross aarch64-linux-gnu qemu-aarch64 ;;
    riscv64) cross riscv64-linux-gnu qemu-riscv64 ;;
    riscv64-v) # vectors by clang: Debian's gcc 12 has none
        cross riscv64-linux-gnu qemu-riscv64
        need clang clang
        cc="clang --target=riscv64-linux-gnu -march=rv64gcv -mllvm -riscv-v-vector-bits-min=128"
        run="qemu-riscv64 -cpu rv64,v=true,vlen=128,vext_spec=v1.0 -L /usr/riscv64-linux-gnu" ;;
    armhf) cross arm-linux-gnueabihf qemu-arm ;;
    i386) # with the loader of the compiler's libc: an x86-64 kernel runs it where there is no other
        cross i686-linux-gnu qemu-i386
        link="-Wl,--dynamic-linker=/usr/i686-linux-gnu/lib/ld-linux.so.2 -Wl,-rpath=/usr/i686-linux-gnu/lib" ;;
    s390x) cross s390x-linux-gnu qemu-s390x ;;
    *) echo "port_test: '$1' is not a port; use $PORTS" >&2; exit 2 ;;
    esac
}
cross() { # TRIPLET EMULATOR
    cc=$1-gcc run="$2 -L /usr/$1" other=1
    need "$cc" "gcc-$1"
    runs_here "$1" || need "$2" qemu-user
}
runs_here() { # TRIPLET
    for loader in /usr/"$1"/lib/ld-linux*.so.?; do "$loader" --version > /dev/null 2>&1 && return; done
    return 1
}
for port; do
    describe "$port"
    need "${cc%% *}" "${cc%% *}"
done
[ -z "$missing" ] || { echo "port_test: missing; apt-get install$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ')" >&2; exit 1; }

# One of several processes, each of which takes the next suite that none has: SUITE, or SUITE@PART/PARTS.
work() { # TASKS
    child=
    trap '[ -z "$child" ] || kill "$child" 2> /dev/null; exit 1' INT TERM
    for task in $1; do
        name=$(echo "$task" | tr /@ __) part=${task#*@}
        mkdir "$dir/taken-$name" 2> /dev/null || continue
        [ "$part" != "$task" ] && export SDC_TEST_PART="$part" || unset SDC_TEST_PART
        $run "$dir/port-test" "${task%@*}" > "$dir/part-$name" 2>&1 &
        child=$!
        wait "$child"
    done
}

jobs=${JOBS:-$(nproc)}
passed=0 failed=0 pids=
trap '[ -z "$pids" ] || kill $pids 2> /dev/null; exit 1' INT TERM
for port; do
    describe "$port"
    dir=build/port-$port
    mkdir -p "$dir" || exit 1
    # a level is every file's: the kernels' own -O3 gives way to it
    over=
    [ "$level" = -O2 ] || over="KERNEL_LEVEL=$level"
    # no library of this machine is another's: neither the server's nor the stand-in's C++
    [ -z "$other" ] || over="$over CXX=none SERVER=0 SERVER_CFLAGS="
    echo "$port: $cc $level"
    # shellcheck disable=SC2086
    if ! MAKEFLAGS= make -j"$jobs" CC="$cc" BLAS=none CUDA=0 SAN=0 CFLAGS="$level" LDFLAGS="$link" $over \
        BUILD="$dir" "$dir/port-test" > "$dir/make.log" 2>&1; then
        grep -E '(error|warning):|undefined' "$dir/make.log" | head -n 5
        echo "  FAIL $port does not build ($dir/make.log)"
        failed=$((failed + 1))
        continue
    fi
    # the suites that share their rows (SDC_TEST_PART), and those that one process runs; what takes longest first
    runs=exact_runs alone=exact few=
    [ -z "$other" ] || alone="ops pipeline blocks gradients same_files files exact" few=1
    if [ -n "${ALL:-}" ]; then
        runs=exact_runs_all alone="$alone full_exact_small" few=
        [ -n "$other" ] || alone="$alone full_exact"
    fi
    [ -z "${SUITES:-}" ] || alone=$SUITES runs=
    [ -z "$few" ] || export SDC_TEST_FEW=1
    [ -z "$other" ] || ! "$dir/port-test" nothing 2>&1 | grep -q 'there is no suite' || run= # this kernel runs it
    tasks=
    [ -z "$runs" ] || for part in $(seq "$jobs"); do tasks="$tasks $runs@$part/$jobs"; done
    pids=
    rm -rf "$dir"/part-* "$dir"/taken-*
    for _ in $(seq "$jobs"); do
        work "${alone%% *} $tasks ${alone#* }" &
        pids="$pids $!"
    done
    wait
    rm -rf "$dir"/taken-*
    unset SDC_TEST_FEW
    for part in "$dir"/part-*; do
        sed '$d' "$part"
        counts=$(tail -n 1 "$part" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
        [ -n "$counts" ] || { echo "  FAIL $port did not end ($part)"; counts="0 1"; }
        passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
