#!/bin/sh
# check_includes.sh: the rules of the house that a compiler does not see. Run from the repository's root.
#   1. includes run one way: tensor <- weights <- nn <- sd <- tools, tests; cuda includes tensor only
#   2. nn/ and sd/ know no backend: no #if on one
#   3. no file is longer than 450 lines (tables in .inc files excepted)
status=0

sources() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' -o -name '*.cu' -o -name '*.cuh' \) | sort; }

check() { # FOLDER ALLOWED...: what files of FOLDER may include
    folder=$1
    shift
    [ -d "$folder" ] || return 0
    sources "$folder" | xargs grep -Hn '^[ 	]*#[ 	]*include[ 	]*"' /dev/null | awk -v allowed=" $* " '
        {
            split($0, at, ":")
            match($0, /"[^"]*"/)
            path = at[1]
            sub(/[^\/]*$/, "", path)
            n = split(path substr($0, RSTART + 1, RLENGTH - 2), part, "/")
            depth = 0
            for (i = 1; i <= n; i++) {
                if (part[i] == ".." && depth > 0) depth--
                else if (part[i] != "." && part[i] != "") name[++depth] = part[i]
            }
            if (!index(allowed, " " name[1] " ")) {
                print at[1] ":" at[2] ": includes " name[1] "/, allowed are:" allowed
                bad = 1
            }
        }
        END { exit bad }' || status=1
}

check tensor tensor
check cuda tensor cuda
check weights tensor weights
check nn tensor weights nn
check sd tensor weights nn sd
check tools tensor weights nn sd tools
check tests tensor weights nn sd tools tests cuda

if sources nn sd | xargs grep -nE '^[ 	]*#[ 	]*(el)?if.*(CUDA|NVCC|BLAS|METAL|VULKAN|_X86|AVX|SSE|NEON|_OPENMP|__x86_64__|__aarch64__)' /dev/null; then
    echo "nn/ and sd/ must not know a backend"
    status=1
fi

for folder in tensor weights nn sd cuda tools tests; do
    [ -d "$folder" ] && find "$folder" -type f \( -name '*.c' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' -o -name '*.py' -o -name '*.sh' \)
done | sort | xargs wc -l |
    awk '$2 != "total" && $1 > 450 { print $2 ": " $1 " lines, more than 450"; bad = 1 } END { exit bad }' || status=1

exit $status
