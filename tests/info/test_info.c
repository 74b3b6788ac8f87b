/* test_info.c: what a picture is asked to be, and what it says of itself. */
#include "tests/harness/test.h"
#include "test_info.h"

SUITE(info, .seconds = 10) {
    info_write();
    info_read();
    info_other();
    info_ranges();
    info_pointers();
    info_replay();
    info_settings();
    info_comments();
}
