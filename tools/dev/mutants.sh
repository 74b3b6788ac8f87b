#!/bin/sh
# mutants.sh: proves that the tests can fail. Plants one known error at a time in a copy of the sources, builds the
# tests there, and requires a suite to fail (a copy that does not build is an error, not a kill).
#
#     tools/dev/mutants.sh [NAME...]     all, or those whose name contains a NAME
#     tools/dev/mutants.sh --check       only checks that every expression still changes its file
#     JOBS=4 WORK=DIR KEEP=1             jobs of make; where the copies go; keep the objects there for the next run
#
# The table, mutants.txt: name ~ file ~ suites ~ BLAS ~ sed expression. An expression that changes nothing is an error.
set -u
cd "$(dirname "$0")/../.." || exit 1
table() { cat tools/dev/mutants.txt; }

if [ "${1:-}" = --check ]; then
    table | {
        broken=0
        while IFS='~' read -r name file list blas expression; do
            file=$(echo $file)
            [ -f "$file" ] && ! sed "${expression# }" "$file" | cmp -s - "$file" && continue
            echo "mutants: ${name% }: its expression changes nothing in $file"
            broken=1
        done
        exit $broken
    }
    exit $?
fi

work=${WORK:-build/mutants}
jobs=${JOBS:-2}
mkdir -p "$work" || exit 1
work=$(cd "$work" && pwd)
tree=$work/tree
rm -rf "$tree"
mkdir -p "$tree" || exit 1
for f in Makefile tensor weights nn sd tests tools cuda; do
    cp -Rp "$f" "$tree/" || exit 1
done
cd "$tree" || exit 1

build() { make BUILD="$work/$1" BLAS="$1" -j "$jobs" "$work/$1/test" "$work/$1/sdc" > "$work/build.log" 2>&1; }

# Runs the suites $2 of the tests built for BLAS $1, one at a time; true if they pass. Stops at the first failure: grep
# ends, and the tests end with the next line that they print. $why says what failed.
run() {
    for suite in $2; do
        why=$({
            SDC_BIN="$work/$1/sdc" SDC_TEST_VERBOSE=1 timeout 600 "$work/$1/test" "$suite" 2>&1
            echo "exit $?"
        } | grep -m 1 -E '^  FAIL|^exit ')
        [ "$why" = "exit 0" ] || return 1
    done
}

total=0 killed=0 broken=0
wanted() {
    [ $# -gt 1 ] || return 0
    name=${1%% ~ *}
    shift
    for w; do case $name in *"$w"*) return 0 ;; esac done
    return 1
}

column() { awk -F ' ~ ' -v n="$1" '{ print $n }' "$2" | tr ' ' '\n' | sort -u | tr '\n' ' '; }

table > "$work/all"
while IFS= read -r line; do if wanted "$line" "$@"; then printf '%s\n' "$line"; fi; done < "$work/all" > "$work/table"
touch $(column 2 "$work/all") # an interrupted run may have left objects of a mutant
for blas in $(column 4 "$work/table"); do
    build $blas || { echo "mutants: the unchanged sources do not build with BLAS=$blas:" && tail -5 "$work/build.log" && exit 1; }
done

# A suite that fails without a mutant would kill every mutant.
for blas in $(column 4 "$work/table"); do
    grep " ~ $blas ~ " "$work/table" > "$work/some"
    run $blas "$(column 3 "$work/some")" || { echo "mutants: the unchanged tests fail with BLAS=$blas: $why" && exit 1; }
done

while IFS='~' read -r name file list blas expression; do
    name=${name% } file=$(echo $file) list=$(echo $list) blas=$(echo $blas) expression=${expression# }
    total=$((total + 1))
    cp "$file" "$work/original"
    sed "$expression" "$work/original" > "$file"
    if cmp -s "$file" "$work/original"; then
        verdict="ERROR: the expression changes nothing in $file"
        broken=$((broken + 1))
    elif ! build "$blas"; then
        verdict="ERROR: does not build: $(grep -m 1 error: "$work/build.log")"
        broken=$((broken + 1))
    elif run "$blas" "$list"; then
        verdict=SURVIVED
    else
        killed=$((killed + 1))
        verdict="killed: ${why#  FAIL }"
    fi
    printf '%-52s %s\n' "$name" "$verdict"
    cp "$work/original" "$file"
done < "$work/table"
[ -n "${KEEP:-}" ] || rm -rf "$tree" "$work/openblas" "$work/none" "$work/original" "$work/all" "$work/some" "$work"/*.log
echo "$total mutants, $killed killed"
[ "$total" -gt 0 ] && [ "$killed" -eq "$total" ] && [ "$broken" -eq 0 ]
