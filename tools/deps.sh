#!/bin/sh
# deps.sh [openblas|none]: sees to a C compiler and, for openblas, its header; installs them where that needs no
# question (Debian's apt-get as root or with sudo -n), else says what to install.
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
[ "$missing" ] || exit 0

root=
if [ "$(id -u)" != 0 ]; then
    root="sudo -n"
    sudo -n true 2>/dev/null || root=none
fi
if [ "$root" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$(printf ' %s' $missing)"
    log=$(mktemp)
    if { $root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
fi
echo "sd.c needs:$(printf ' %s' $missing)" >&2
echo "  Debian, Ubuntu: sudo apt-get install$(printf ' %s' $missing)" >&2
echo "  Fedora: sudo dnf install gcc openblas-devel    macOS: xcode-select --install; brew install openblas" >&2
[ "$blas" = openblas ] && echo "  without OpenBLAS (slower): make BLAS=none" >&2
exit 1
