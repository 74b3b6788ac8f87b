#!/bin/sh
# check_includes.sh [BUILD]: rules of the source tree that a compiler does not check. Run from the repository's root.
#   1. every file of sd/, tools/ and tests/ is in a room, and rooms depend one way (the table below)
#   2. no cycles between files, by include or, given the folder of a build, by call
#   3. no two headers share an include guard
#   4. nn/ and sd/ do not depend on a backend: no #if on one
#   5. only tensor/os/os_*.c includes a system's headers or defines its feature macros (tests/ and cuda/shim/ excepted)
#   6. only tensor/os/os_*.c opens files: others say weights/files/file_open.h and weights/files/atomic_file.h, which neither wait nor cut
#   7. no file is longer than 450 lines (tables in .inc files and sd/sd.h, the whole interface, excepted), and
#      sd/guide/plain.c, which is to be read in one go, has at most 800 of code
#   8. given a build: but for commands nothing needs libm's exp, log, pow, sin or their kin, whose bits differ between machines
#      (tensor/fmath.h, sd/noise/math64.h)
set -u
export LC_ALL=C
status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "$1"; : > "$work/failed"; } # in a file: a pipe ends in a shell of its own

# A room, and the rooms that it may include besides itself; "weights" is all of weights/ to those outside it. Folders in a
# room that are not listed belong to it. "sd" is sd/sd.h, the public interface.
cat > "$work/rooms" << 'END'
tensor
cuda tensor
weights/files tensor
weights/formats tensor weights/files
weights/networks tensor weights/files weights/formats
weights tensor weights/files weights/formats
nn tensor weights
sd tensor
sd/text tensor weights
sd/noise tensor weights sd
sd/prompt tensor weights sd sd/text
sd/image tensor weights sd sd/text sd/noise
sd/sampling tensor weights sd/noise sd/text
sd/info tensor weights sd sd/text sd/image sd/sampling
sd/models tensor weights nn sd/text
sd/load tensor weights nn sd sd/text sd/prompt sd/image sd/sampling sd/models
sd/convert tensor weights nn sd sd/text sd/models sd/load
sd/pipeline tensor weights nn sd sd/text sd/noise sd/prompt sd/image sd/sampling sd/info sd/models sd/load
sd/workflow tensor weights nn sd sd/text sd/noise sd/prompt sd/image sd/sampling sd/info sd/models sd/load sd/pipeline
sd/train tensor weights nn sd sd/text sd/noise sd/image sd/sampling sd/models sd/load
sd/guide sd/text
tools/cli tensor weights sd sd/text sd/image sd/sampling sd/info sd/load
tools/wasm tools/cli
tools/show tensor weights sd/image
tools/shapes tensor weights sd sd/noise sd/image sd/load
tools/pictures sd/image
tools/ledger tensor weights nn sd sd/models sd/load
tools/bench tensor weights nn sd sd/models sd/load tools/cli
tools/server tensor weights sd sd/text sd/prompt sd/image sd/sampling sd/info
tools/commands tensor weights nn sd sd/text sd/noise sd/prompt sd/image sd/sampling sd/info sd/load sd/convert sd/pipeline sd/workflow sd/train tools/cli tools/bench tools/shapes tools/show tools/ledger tools/server
sd/core tensor weights nn sd sd/text sd/prompt sd/image sd/sampling sd/info sd/models sd/load sd/pipeline sd/pipeline/control sd/pipeline/attention
tests *
END

sources() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cc' \) | sort; }
sources tensor weights nn sd cuda tools tests > "$work/sources"

# "FILE LINE INCLUDED": a path from the root, or a file in the same folder
xargs grep -Hn '^[ 	]*#[ 	]*include[ 	]*"' /dev/null < "$work/sources" | awk '
    {
        split($0, at, ":")
        match($0, /"[^"]*"/)
        path = substr($0, RSTART + 1, RLENGTH - 2)
        folder = at[1]
        sub(/\/[^\/]*$/, "", folder)
        while (sub(/^\.\.\//, "", path)) if (!sub(/\/[^\/]*$/, "", folder)) folder = ""
        if (path !~ /\// || at[1] == "sd/sd.h") path = folder == "" ? path : at[1] == "sd/sd.h" && folder !~ /^sd/ ? path : folder "/" path
        print at[1], at[2], path
    }' > "$work/includes"

awk '
    function room(file,   part, n) {
        n = split(file, part, "/")
        if (file == "sd/sd.h") return "sd"
        if (n > 2 && part[1] "/" part[2] in known) return part[1] "/" part[2]
        if (part[1] == "sd" || part[1] == "tools") return "outside"
        return part[1] == "tests" && n < 3 ? "outside" : part[1]
    }
    FILENAME == ARGV[1] { known[$1] = 1; for (i = 2; i <= NF; i++) may[$1, $i] = 1; next }
    FILENAME == ARGV[2] {
        if (!(room($1) in known)) { print $1 ": is in no room (check_includes.sh lists them)"; bad = 1 }
        exists[$1] = 1
        next
    }
    {
        a = room($1); b = room($3)
        if (!($3 in exists)) { print $1 ":" $2 ": includes " $3 ", which does not exist"; bad = 1 }
        else if (a != b && !((a, b) in may) && !((a, "*") in may) && !(a !~ /^weights/ && b ~ /^weights\// && (a, "weights") in may)) { print $1 ":" $2 ": " a "/ may not include " b "/"; bad = 1 }
    }
    END { exit bad }' "$work/rooms" "$work/sources" "$work/includes" || status=1

acyclic() { # WHAT: pairs "A B" on standard input
    tsort > /dev/null 2> "$work/loop" && return
    fail "a cycle between files by what they $1: $(sed -n 's/^tsort: \([^ ]*\)$/\1/p' "$work/loop" | sort -u | tr '\n' ' ')"
}
awk '{ print $1, $3 }' "$work/includes" | acyclic include
if [ $# -gt 0 ]; then
    (cd "$1" && find tensor weights nn sd cuda tools -name '*.o' 2> /dev/null | grep -vE '\.(v3|v4|bf16)\.o$' | sort | xargs nm -A) |
        awk '
        { split($1, at, ":"); file = at[1]; sub(/(\.base)?(\.cu|\.cc)?\.o$/, "", file) }
        $(NF - 1) ~ /^[TDRBVW]$/ { from[$NF] = file }
        $(NF - 1) == "U" { needs[file " " $NF] = 1 }
        END { for (k in needs) { split(k, n, " "); if (n[2] in from && from[n[2]] != n[1]) print n[1], from[n[2]] } }' |
        sort -u | acyclic call
    inexact=$(cd "$1" && find tensor weights nn sd tools/ledger tools/shapes -name '*.o' | sort | xargs nm -A |
        grep -E ' U (exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|a?(sin|cos|tan)h?|atan2|erfc?|[lt]gamma)f?(@.*)?$')
    [ -z "$inexact" ] || fail "libm has other bits on other machines; use sd/noise/math64.h:
$inexact"
fi

twins=$(grep -E '\.(h|cuh)$' "$work/sources" | xargs awk 'FNR == 1 { seen = 0 } !seen && /^#ifndef / { print $2; seen = 1 }' | sort | uniq -d)
[ -z "$twins" ] || fail "headers that share an include guard: $twins"

if grep -E '^(nn|sd)/' "$work/sources" | xargs grep -nE '^[ 	]*#[ 	]*(el)?if.*(CUDA|NVCC|BLAS|METAL|VULKAN|_X86|AVX|SSE|NEON|_OPENMP|__x86_64__|__aarch64__)' /dev/null; then
    fail "nn/ and sd/ must not know a backend"
fi

if grep -vE '^(tests/|cuda/shim/|tensor/os/os_)' "$work/sources" | xargs grep -nE \
    '^[ 	]*#[ 	]*(define[ 	]+_(POSIX_C|XOPEN|GNU|DEFAULT|BSD|DARWIN_C)_SOURCE|include[ 	]*<((sys|netinet|arpa)/.*|unistd|fcntl|pthread|dirent|sched|signal|poll|termios|strings|glob|fnmatch|ftw|spawn|dlfcn|semaphore|langinfo|threads|windows)\.h>)' /dev/null; then
    fail "only tensor/os/os_*.c may use a system's headers; tensor/os.h has what others need"
fi

if grep -vE '^(tests/|cuda/|sd/core/|tensor/os/os_|sd/guide/)' "$work/sources" | xargs grep -nE '(^|[^a-z_])(fd|fre)?open\(|(^|[^a-z_])fopen\(' /dev/null; then
    fail "files are opened by weights/files/file_open.h, file_read.h and atomic_file.h only"
fi

find tensor weights nn sd cuda tools tests -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cc' -o -name '*.py' -o -name '*.sh' \) |
    sort | xargs wc -l | awk '$2 != "total" && $2 !~ /sd\/sd.h$|sd\/guide\/plain.c$/ && $1 > 450 { print $2 ": " $1 " lines, more than 450"; bad = 1 } END { exit bad }' || status=1

code=$(grep -cvE '^ *(/?\*.*)?$' sd/guide/plain.c)
[ "$code" -le 800 ] || fail "sd/guide/plain.c: $code lines of code, more than 800"

[ ! -e "$work/failed" ] || status=1
exit $status
