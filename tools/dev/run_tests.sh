#!/bin/sh
# run_tests.sh BUILD: every suite, then tests/page where it can run (test_page.sh). The last line counts both.
build=$1
failed=$build/tests.failed
rm -f "$failed"
{
    SDC_BIN=$build/sdc "$build/test" || : > "$failed"
    sh tools/dev/test_page.sh "$build" 2>&1 || : > "$failed"
} | awk '
    /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; next }
    { print; fflush() }
    END { print passed + 0 " passed, " failed + 0 " failed" }'
[ ! -e "$failed" ]
