#!/bin/sh
# pages.sh FOLDER [check|write] [PAGE...]: whether what the guide's pages say is still true (page.awk, prose.awk), and
# plain.c and the fast files name each other (fast.awk); or writes the pages anew. FOLDER: where sdc and plain were built. From the root of the tree. Pages: all of sd/guide.
set -eu
export LC_ALL=C # the order of `ls` and `sort`
built=$(cd "$1" && pwd)
how=${2:-check}
shift
[ $# = 0 ] || shift
status=0
if [ $# = 0 ]; then
    set -- sd/guide/*.md
    awk -f tools/guide/fast.awk sd/guide/plain.c $(find sd nn tensor weights -name '*.[ch]' ! -path 'sd/guide/*') >&2 || status=1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$built/sdc" help > "$work/commands"
sed -n 's/^  \([a-z0-9-]*\)  *.*/\1/p' "$work/commands" | while read -r c; do
    "$built/sdc" help "$c"
done > "$work/help"
sed -n 's/^\([a-z-][a-z-]*\):.*/\1/p' Makefile > "$work/targets"
for page in "$@"; do
    # commands of a page run in one folder, which looks like a built tree
    rm -rf "$work/run"
    mkdir "$work/run"
    for f in sdc plain; do [ ! -e "$built/$f" ] || ln -s "$built/$f" "$work/run/$f"; done
    for f in weights sd tools; do ln -s "$PWD/$f" "$work/run/$f"; done
    if ! awk -v work="$work/run" -f tools/guide/page.awk "$page" > "$work/page"; then
        status=1 # it has said why
    elif [ "$how" = write ]; then
        cmp -s "$work/page" "$page" || { cp "$work/page" "$page"; echo "$page: written anew"; }
    elif ! diff -u "$page" "$work/page" > "$work/diff"; then
        echo "$page: is no longer true; make guide-quotes writes it anew:" >&2
        sed -n '3,$p' "$work/diff" >&2
        status=1
    fi
    awk -v help="$work/help" -v targets="$work/targets" -f tools/guide/prose.awk "$page" >&2 || status=1
done
exit $status
