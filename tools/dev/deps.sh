#!/bin/sh
# deps.sh [openblas|none]: looks for a C compiler and, for openblas, its header. Installs what is missing if that needs
# no password (apt-get, as root or with sudo -n), else says what to install. The same for stb_image.h, which reads
# pictures; but the build continues without it.
blas=${1:-openblas}
cc=${CC:-cc}
cc=${cc%% *}

missing=
command -v "$cc" >/dev/null 2>&1 || case $cc in cc | gcc) missing="gcc libc6-dev" ;; *) missing=$cc ;; esac
if [ "$blas" = openblas ]; then
    found=
    for d in /usr/include/openblas /usr/include/*-linux-gnu/openblas-pthread /usr/include/*-linux-gnu/openblas-openmp \
        /usr/include /usr/local/include /opt/homebrew/opt/openblas/include /usr/local/opt/openblas/include; do
        [ -f "$d/cblas.h" ] && found=$d
    done
    [ "$found" ] || missing="$missing libopenblas-dev"
fi
stb=
for d in /usr/include /usr/local/include /opt/homebrew/include; do
    if [ -f "$d/stb/stb_image.h" ] || [ -f "$d/stb_image.h" ]; then stb=$d; fi
done
[ "$missing" ] || [ -z "$stb" ] || exit 0

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

if [ "$missing" ]; then try_install $missing && missing=; fi
if [ -z "$stb" ] && [ -z "$missing" ]; then
    try_install libstb-dev || echo "without libstb-dev (stb_image.h) this build cannot read pictures; everything else works" >&2
fi
[ "$missing" ] || exit 0

echo "sd.c needs:$(printf ' %s' $missing)" >&2
echo "  Debian, Ubuntu: sudo apt-get install$(printf ' %s' $missing)" >&2
echo "  Fedora: sudo dnf install gcc openblas-devel    macOS: xcode-select --install; brew install openblas" >&2
[ "$blas" = openblas ] && echo "  without OpenBLAS (slower): make BLAS=none" >&2
exit 1
