#!/bin/sh
# pack.sh MODEL OUT PAGE.wasm...: writes the page of one file: tools/wasm/page with its style, its scripts and the modules,
# as base64 of gzip. A module is what comes before the built-in model, the model, and what comes after: the model is there
# once, the rest as NAME-head and NAME-tail for each.
set -eu
model=$1 out=$2
shift 2
page=$(dirname "$0")/page
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C
size=$(wc -c < "$model")
data() { # ID: standard input as an element
    printf '<script type="text/plain" id="%s">' "$1"
    gzip -9n | base64 -w 0
    printf '</script>\n'
}
{
    data model < "$model"
    # its header, from which it is found: JSON behind eight bytes
    key=$(tail -c +9 "$model" | head -c 200)
    for wasm; do
        name=$(basename "$wasm" .wasm)
        at=$(grep -abFo -e "$key" "$wasm" | head -n 1 | cut -d: -f1)
        at=$((at - 8))
        tail -c +$((at + 1)) "$wasm" | head -c "$size" | cmp -s - "$model" || { echo "pack.sh: $wasm does not have the model in one piece" >&2; exit 1; }
        head -c "$at" "$wasm" | data "$name-head"
        tail -c +$((at + size + 1)) "$wasm" | data "$name-tail"
    done
} > "$work/data"
# A worker's script is a string in the page's.
! grep -n '`' "$page/wasi.js" "$page/worker.js" >&2 || { echo "pack.sh: a worker's script has a backquote" >&2; exit 1; }
{
    printf 'const WORKER = String.raw`'
    cat "$page/wasi.js" "$page/worker.js"
    printf '`, MODEL = "%s"; /* its hash, as pictures have it */\n' "$({ sha256sum || shasum -a 256; } < "$model" 2> /dev/null | cut -c 1-10)"
    cat "$page/page.js"
} > "$work/js"
awk -v css="$page/page.css" -v js="$work/js" -v data="$work/data" '
    function put(file,   line) { while ((getline line < file) > 0) print line; close(file) }
    match($0, /@(css|js|data)@/) {
        what = substr($0, RSTART + 1, RLENGTH - 2)
        printf "%s", substr($0, 1, RSTART - 1)
        put(what == "css" ? css : what == "js" ? js : data)
        print substr($0, RSTART + RLENGTH)
        next
    }
    { print }' "$page/page.html" > "$work/page"
mv "$work/page" "$out"
