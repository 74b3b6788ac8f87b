#!/bin/sh
# test_page.sh BUILD [must]: tests/page, where there are Chromium and selenium: in build/clients (make test-page), or in python3.
# Without them it says so, and fails only if it must run.
build=$1
no() {
    echo "tests/page: not run: $1"
    [ "${2:-}" != must ]
    exit
}
[ -x "$build/sdc-serve" ] || no "this build has no server" "$2"
python=
for p in build/clients/bin/python python3; do
    if [ -z "$python" ] && "$p" -c 'from selenium.webdriver import ChromeService' 2>/dev/null; then python=$p; fi
done
[ "$python" ] || no "no selenium (make test-page installs it)" "$2"
command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
    no "no Chromium (Debian: apt-get install chromium chromium-driver)" "$2"
SDC_BIN=$(cd "$build" && pwd)/sdc exec "$python" tests/page
