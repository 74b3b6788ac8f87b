#!/bin/sh
# run.sh BUILD SDC [must]: what `make wasm` made in BUILD: the suites of tests.wasm by Node, pictures by Node and in headless
# Chromium (where that and selenium are installed; `must`: or it fails), byte for byte those of SDC, this machine's own.
# WASM_SUITES: these suites ("exact": for a quick look); WASM_THREAD_SUITES: these of the module with threads, which has three. Ends
# with "N passed, N failed".
build=$1 sdc=$2
prompt="a red circle above a blue square"
passed=0 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2> /dev/null || { echo "tests/wasm: not run: no Node.js 20 or later"; [ "${3:-}" != must ]; exit; }
export TMPDIR="$work"
program() { # FILE ARGUMENTS...: by Node
    file=$1
    shift
    node tools/wasm/sdc.mjs "$build/$file" --dir "$work" "$@"
}
count() { # a log that ends with "N passed, N failed"
    sed '$d' "$1"
    counts=$(tail -n 1 "$1" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    [ -n "$counts" ] || { tail -n 5 "$1"; echo "  FAIL did not end: $1"; counts="0 1"; }
    passed=$((passed + ${counts% *})) failed=$((failed + ${counts#* }))
}
same() { # NAME FILE
    if cmp -s "$work/desktop.png" "$2"; then
        passed=$((passed + 1))
    else
        echo "  FAIL $1 draws another picture than $sdc"
        failed=$((failed + 1))
    fi
}

"$sdc" txt2img -q --exact -p "$prompt" --seed 7 -o "$work/desktop.png" || exit 1
draw() { # MODULE OPTIONS...
    module=$1
    shift
    rm -f "$work/picture.png"
    program "$module.wasm" txt2img -q --exact -p "$prompt" --seed 7 -o "$work/picture.png" "$@"
    same "$module.wasm $*" "$work/picture.png"
}
draw sdc
draw sdc-plain
for n in 1 2 3 7; do draw sdc-threads --threads $n; done
# A module of its own for each suite: none can disturb another.
for suite in ${WASM_SUITES:-exact blocks ops exact_runs pipeline}; do
    program tests.wasm "$suite" > "$work/log" 2>&1
    count "$work/log"
done
program tests-plain.wasm exact > "$work/log" 2>&1
count "$work/log"
export SDC_PROCESSORS=3
for suite in ${WASM_THREAD_SUITES:-threads blocks ops exact_runs pipeline}; do
    program tests-threads.wasm "$suite" > "$work/log" 2>&1
    count "$work/log"
done
# A thread that the engine ends: its argument is no address. The program ends with a line, and does not wait for it.
printf '%s\n' 'import { Worker } from "node:worker_threads";' 'import { syncBuiltinESMExports } from "node:module";' \
    'import threads from "node:worker_threads";' \
    'threads.Worker = class extends Worker { constructor(url, o) { if (o.workerData.thread) o.workerData.thread.argument = 0x7ffffff0; super(url, o); } };' \
    'syncBuiltinESMExports();' > "$work/broken.mjs"
refused() { # NAME MODULE PATTERN OPTIONS-OF-NODE...: ends with exit code 1 and such a line
    name=$1 module=$2 line=$3
    shift 3
    timeout 60 node "$@" tools/wasm/sdc.mjs "$build/$module" --dir "$work" txt2img -q -p "$prompt" -o "$work/none.png" > "$work/log" 2>&1
    if [ $? = 1 ] && grep -q "$line" "$work/log" && [ ! -e "$work/none.png" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "  FAIL $name: $(head -n 3 "$work/log")"
    fi
}
refused "a broken thread" sdc-threads.wasm '^sdc: a thread ended: .*out of bounds' --import "$work/broken.mjs"
space=$(ulimit -v)
if ulimit -S -v 6000000 2> /dev/null; then
    for module in sdc sdc-threads; do refused "little address space" $module.wasm '^sdc: .*raise ulimit -v'; done
    ulimit -S -v "$space"
fi

python=
for p in build/clients/bin/python python3; do
    if [ -z "$python" ] && "$p" -c 'from selenium.webdriver import ChromeService; import PIL' 2> /dev/null; then python=$p; fi
done
no=
command -v chromium > /dev/null && command -v chromedriver > /dev/null || no="no Chromium (Debian: apt-get install chromium chromium-driver)"
[ -n "$python" ] || no="no selenium (make build/clients/done installs it)"
if [ -z "$no" ]; then
    SDC_PAGE=$build/sdc.html SDC_BIN=$sdc "$python" tests/wasm > "$work/log" 2>&1
    count "$work/log"
else
    echo "tests/wasm: the page was not opened: $no"
    [ "${3:-}" != must ] || failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
