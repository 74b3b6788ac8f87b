#!/bin/sh
# deps.sh [openblas|none|wasm [SERVER [gnuplot]]]: looks for a C compiler. Installs one if that needs no password (apt-get, as root or with sudo
# -n), else says what to install. The same for stb_image.h, which reads JPEG pictures, and for openblas its library, whose
# products some machines prefer, for libturbojpeg and libwebp, which are loaded to write JPEG and to read and write
# WebP, and for libmicrohttpd, jansson, SQLite, libcurl and hiredis, which `sdc serve` needs (SERVER=0: it is not
# wanted); but the build continues without them. wasm: what `make wasm` needs, and nothing else.
# gnuplot: draws the guide's pictures (make guide-pictures).
blas=${1:-openblas}
cc=${CC:-cc}
cc=${cc%% *}

missing=
command -v "$cc" >/dev/null 2>&1 || case $cc in cc | gcc) missing="gcc libc6-dev" ;; *) missing=$cc ;; esac
library=none
if [ "$blas" = openblas ]; then
    library=
    for f in /usr/lib/*/libopenblas.so.0 /usr/lib*/libopenblas.so.0 /usr/lib*/libopenblasp.so.0 \
        /opt/homebrew/opt/openblas/lib/libopenblas.dylib /usr/local/opt/openblas/lib/libopenblas.dylib \
        $(ldconfig -p 2>/dev/null | sed -n 's/.*libopenblas.* => //p'); do
        if [ -e "$f" ]; then library=$f; fi
    done
fi
stb=
for d in /usr/include /usr/local/include /opt/homebrew/include; do
    if [ -f "$d/stb/stb_image.h" ] || [ -f "$d/stb_image.h" ]; then stb=$d; fi
done
pictures=
for l in libturbojpeg:libturbojpeg0 libwebp:libwebp7; do
    found=
    for f in /usr/lib/*/${l%:*}.so.* /usr/lib*/${l%:*}.so.* /opt/homebrew/lib/${l%:*}.dylib \
        $(ldconfig -p 2>/dev/null | sed -n "s/.*${l%:*}\\.so.* => //p"); do
        if [ -e "$f" ]; then found=$f; fi
    done
    [ "$found" ] || pictures="$pictures ${l#*:}"
done
server=
[ "${2:-1}" = 0 ] || for h in microhttpd jansson sqlite3 curl/curl hiredis/hiredis; do
    found=
    for d in /usr/include /usr/include/*-linux-gnu /usr/local/include /opt/homebrew/include; do
        if [ -f "$d/$h.h" ]; then found=$d; fi
    done
    [ "$found" ] || server=missing
done
gnuplot=
[ "${3:-}" != gnuplot ] || command -v gnuplot >/dev/null 2>&1 || gnuplot=missing
[ "$blas" = wasm ] || [ "$missing" ] || [ "$gnuplot" ] || [ -z "$stb" ] || [ -z "$library" ] || [ "$pictures" ] || [ "$server" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
    root="sudo -n"
    sudo -n true 2>/dev/null || root=none
fi
can_install=
if [ "$root" != none ] && command -v apt-get >/dev/null 2>&1; then can_install=1; fi

try_install() { # PACKAGES...
    [ "$can_install" ] || return 1
    echo "installing: $*"
    log=$(mktemp)
    { $root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } >"$log" 2>&1
    status=$?
    [ $status = 0 ] || tail -n 5 "$log" >&2
    rm -f "$log"
    return $status
}

if [ "$blas" = wasm ]; then
    works() { printf '#include <stdio.h>\nint main(void) { return puts(""); }\n' | "$cc" --target=wasm32-wasi -x c -o /dev/null - 2>/dev/null; }
    works || try_install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc || true
    command -v clang-19 >/dev/null 2>&1 && cc=clang-19
    works || { echo "$cc makes no programs for wasm32-wasi; Debian: apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc" >&2; exit 1; }
    exit 0
fi
if [ "$missing" ]; then try_install $missing && missing=; fi
if [ -z "$stb" ] && [ -z "$missing" ]; then
    try_install libstb-dev || echo "without libstb-dev (stb_image.h) this build cannot read JPEG pictures; everything else works" >&2
fi
if [ -z "$library" ] && [ -z "$missing" ]; then
    try_install libopenblas0 || echo "without OpenBLAS SDC_CPU=openblas does not work, and machines other than x86-64 are slower" >&2
fi
if [ "$pictures" ] && [ -z "$missing" ]; then
    try_install $pictures ||
        echo "without$pictures sdc does not write JPEG or read and write WebP pictures; everything else works" >&2
fi
if [ "$server" ] && [ -z "$missing" ]; then
    try_install libmicrohttpd-dev libjansson-dev libsqlite3-dev libcurl4-openssl-dev libhiredis-dev ||
        echo "without libmicrohttpd, jansson, SQLite, libcurl and hiredis (their -dev packages) there is no sdc serve; everything else works" >&2
fi
if [ "$gnuplot" ] && [ -z "$missing" ]; then
    try_install gnuplot-nox || {
        echo "the guide's pictures need gnuplot: sudo apt-get install gnuplot-nox" >&2
        exit 1
    }
fi
[ "$missing" ] || exit 0

echo "sd.c needs:$(printf ' %s' $missing)" >&2
echo "  Debian, Ubuntu: sudo apt-get install$(printf ' %s' $missing)" >&2
echo "  Fedora: sudo dnf install gcc    macOS: xcode-select --install" >&2
exit 1
