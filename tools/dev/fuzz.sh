#!/bin/sh
# fuzz.sh PROGRAM [TARGET...]: runs libFuzzer's targets of PROGRAM (tests/fuzz/libfuzzer.c), all of them or those, for
# FUZZ_SECONDS (600) each, FUZZ_JOBS (2) at a time, FUZZ_TIMEOUT (5) seconds for an input (more on a busy machine), and
# prints a table; `make fuzz` does this. Run from the repository's root.
# What is new goes to build/fuzz/corpus/TARGET, what fails to build/fuzz/found/TARGET-*, what libFuzzer says to
# build/fuzz/log/TARGET. Exit status 1 if anything failed.
set -u
program=$1
shift
[ $# -gt 0 ] || set -- $(FUZZ_LIST=1 "$program")
dir=$(dirname "$program")
mkdir -p "$dir/corpus" "$dir/found" "$dir/log" "$dir/run"
export TMPDIR=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)/sdc-fuzz-XXXXXX") || exit 1
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
export FUZZ_SECONDS=${FUZZ_SECONDS:-600}
# Freed memory is kept from reuse for a while: less of it than usual, or it would count as the target's.
export ASAN_OPTIONS=quarantine_size_mb=8:allocator_may_return_null=1:detect_leaks=1

# Memory: 256 MB with what AddressSanitizer adds; one allocation may take 68 MB, as a picture of 16 million pixels does.
one='
    program=$1 dir=$2 t=$3
    mkdir -p "$dir/corpus/$t" "$TMPDIR/$t"
    ln -sf "$(cd "$dir" && pwd)/$(basename "$program")" "$dir/run/$t"
    dict=
    [ -f "tests/fuzz/$t.dict" ] && dict=-dict=tests/fuzz/$t.dict
    TMPDIR=$TMPDIR/$t "$dir/run/$t" -max_total_time="$FUZZ_SECONDS" -max_len=4096 -timeout="${FUZZ_TIMEOUT:-5}" -rss_limit_mb=256 \
        -malloc_limit_mb=68 -close_fd_mask=1 -print_final_stats=1 -artifact_prefix="$dir/found/$t-" $dict \
        "$dir/corpus/$t" "tests/fuzz/$t" > "$dir/log/$t" 2>&1 < /dev/null
    echo $? > "$dir/log/$t.status"'
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-2}" -I {} sh -c "$one" fuzz "$program" "$dir" {}

failed=0
printf '%-14s %12s %8s %8s %8s  %s\n' target executions per-sec coverage new result
for t; do
    said() { sed -n "s/^stat::$1: *//p" "$dir/log/$t"; }
    result=ok
    [ "$(cat "$dir/log/$t.status")" = 0 ] || { failed=1; result="failed: $dir/log/$t"; }
    printf '%-14s %12s %8s %8s %8s  %s\n' "$t" "$(said number_of_executed_units)" "$(said average_exec_per_sec)" \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$dir/log/$t" | tail -1)" "$(said new_units_added)" "$result"
done
exit $failed
