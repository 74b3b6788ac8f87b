/* test_os.c: what the rest of the program relies on of tensor/os.h. */
#define _XOPEN_SOURCE 700
#include "tests/harness/test.h"
#include "sd/sd.h"
#include "tensor/large.h"
#include "tensor/os.h"
#include "weights/files/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void clock_and_chance(void) {
    double from = os_clock(), own = os_thread_clock();
    volatile double x = 0;
    while (os_clock() - from < 0.02) x = x + 1;
    double used = os_thread_clock() - own;
    test_check(used > 0 && used < os_clock() - from + 0.05, "a thread's clock counts what it computes");
    sleep(1);
    test_check(os_clock() - from > 0.9 && os_thread_clock() - own < 0.9, "and the monotonic one what passes");
    unsigned char a[64] = {0}, b[64] = {0}, ones = 0, zeros = 0;
    os_random(a, sizeof a);
    os_random(b, sizeof b);
    for (int i = 0; i < 64; i++) ones |= a[i], zeros |= (unsigned char)~a[i];
    test_check(memcmp(a, b, 64) && ones == 255 && zeros == 255, "random bytes: two draws differ, every bit changes");
    bool within = true, large = false;
    for (int i = 0; i < 256; i++) {
        int64_t seed = sd_random_seed();
        within = within && seed >= 0 && seed <= 4294967293;
        large = large || seed >= 2147483648;
    }
    test_check(within && large, "seeds are the webui's, 0..2^32 - 3");
}

static void memory(void) {
    size_t page = os_page_size(), size = 16 << 20;
    test_check(page && !(page & (page - 1)), "a page is a power of two");
    test_check(os_physical_memory() > size && os_processors() >= 1, "the machine has memory and a processor");
    char *p = large_new(size);
    if (!test_check(p && !((uintptr_t)p & 4095), "large memory is aligned")) return;
    memset(p, 1, size);
    test_check(os_peak_memory() >= size && os_peak_memory() < os_physical_memory(), "the peak counts what was touched");
    os_drop_pages(p + size / 2, size / 2);
    bool kept = true;
    for (size_t i = 0; i < size / 2; i++) kept = kept && p[i] == 1;
    test_check(kept, "what lies before dropped pages stays");
    memset(p, 2, size);
    large_free(p);
    test_check(!large_new(SIZE_MAX), "all addresses are too many");
}

static void files(void) {
    enum { SIZE = 100000 };
    static char bytes[SIZE], back[SIZE];
    OsInfo info;
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7);
    const char *path = test_path("data"), *link = test_path("link"), *lost = test_path("lost"),
               *fifo = test_path("fifo");
    test_write(path, bytes, SIZE);
    test_check(!symlink("data", link) && !symlink("nowhere", lost) && !mkfifo(fifo, 0600), "links and a pipe");
    test_check(os_kind(path) == OS_REGULAR && os_kind(link) == OS_REGULAR && os_kind(lost) == OS_NOTHING &&
                   os_kind(fifo) == OS_PIPE && os_kind(test_dir()) == OS_DIRECTORY &&
                   os_kind("/dev/null") == OS_DEVICE && os_kind(test_path("data/x")) == OS_NOTHING,
               "a name's kind, links followed");
    test_check(os_info_at(OS_HERE, lost, &info) && info.kind == OS_LINK &&
                   !os_info_at(OS_HERE, test_path("no"), &info) && errno == ENOENT,
               "a link itself; ENOENT for nothing");
    OsInfo same, other;
    test_check(os_info(path, &info) && info.size == SIZE && os_info(link, &same) && info.number == same.number &&
                   info.device == same.device && os_info(fifo, &other) && info.number != other.number,
               "two names of one file");
    char real[OS_PATH_SIZE], whole[OS_PATH_SIZE];
    test_check(os_real_path(link, real) && os_real_path(path, whole) && !strcmp(real, whole) &&
                   !os_real_path(lost, real),
               "the path behind a link");
    OsFile f = os_open(fifo); /* with nobody at the other end */
    test_check(f != OS_NO_FILE && os_file_info(f, &info) && info.kind == OS_PIPE && os_close(f),
               "a pipe opens at once");
    test_check(os_open(lost) == OS_NO_FILE && errno == ENOENT, "what leads nowhere does not open");
    f = os_open_end(fifo); /* likewise */
    test_check(f == OS_NO_FILE && errno == ENXIO, "a pipe that nobody reads does not open for writing");
    f = os_open_end(path);
    test_check(f != OS_NO_FILE && os_write(f, "x", 1) && os_close(f) && os_info(path, &info) && info.size == SIZE + 1 &&
                   !truncate(path, SIZE) && os_open_end(lost) == OS_NO_FILE,
               "writing at the end of what exists");
    symlink("itself", test_path("itself"));
    test_check(os_kind(test_path("itself")) == OS_UNKNOWN && errno == ELOOP,
               "a name of which the system does not tell");
    f = os_open(path);
    test_check(os_read(f, back, 1000, SIZE - 10) == 10 && !memcmp(back, bytes + SIZE - 10, 10) &&
                   os_read(f, back, SIZE, 0) == SIZE && !memcmp(back, bytes, SIZE) && os_read(f, back, 1, SIZE) == 0,
               "reading anywhere, to the end and no further");
    const char *map = os_map(f, SIZE, "data");
    os_close(f);
    test_check(map && !memcmp(map, bytes, SIZE), "a map outlives its file");
    os_drop_pages(map, SIZE);
    os_expect_pages(map, SIZE);
    test_check(map && !memcmp(map, bytes, SIZE), "dropped pages of a file are read again");
    os_unmap(map, SIZE);
}

/* What was handed over open is read on from where it stands, by whatever name; nothing else is taken for that. */
static void handed(void) {
    char name[64], back[16] = "";
    int ends[2];
    OsInfo info;
    if (!test_check(!pipe(ends) && write(ends[1], "abcdef", 6) == 6 && read(ends[0], back, 1) == 1, "a pipe")) return;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    close(ends[1]);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, i ? "/proc/self/fd/%d" : "/dev/fd/%d", ends[0]);
        OsFile f = os_handed(name);
        test_check(f != OS_NO_FILE && f != ends[0] && os_file_info(f, &info) && info.kind == OS_PIPE &&
                       os_read_next(f, back, 3) == (i ? 2 : 3) && !memcmp(back, i ? "ef" : "bcd", i ? 2 : 3) &&
                       os_close(f),
                   "%s: read on", name);
    }
    close(ends[0]);
    test_check(os_handed(name) == OS_NO_FILE && errno == EBADF, "a descriptor that is not open");
    static const char *const OTHER[] = {"/dev/fd/", "/dev/fd/0x", "/dev/fd/-1", "/dev/stdinx", "dev/stdin", "-", ""};
    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++)
        test_check(os_handed(OTHER[i]) == OS_NO_FILE && !errno, "'%s' is a file's name", OTHER[i]);
}

static bool count(void *user, const char *name) {
    int *n = user;
    return strcmp(name, ".") && strcmp(name, "..") && ++*n < 2;
}

static void directories(void) {
    OsInfo info;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", test_path("folder"));
    test_check(os_make_directory(dir, true) && os_info(dir, &info) && info.mode == 0700 &&
                   !os_make_directory(dir, true) && errno == EEXIST,
               "a personal directory");
    int n = 0;
    test_check(os_list(dir, count, &n) && n == 0 && !os_list(test_path("none"), count, &n), "an empty listing; none");
    FILE *scratch = os_scratch_file(test_path("folder/x"));
    char text[8] = "";
    bool ok = scratch && fputs("kept", scratch) >= 0;
    if (scratch) rewind(scratch);
    ok = ok && fgets(text, sizeof text, scratch) && !strcmp(text, "kept");
    test_check(ok && os_list(dir, count, &n) && n == 0, "a scratch file has no name");
    if (scratch) fclose(scratch);
    OsFile d = os_open_directory(dir);
    for (int i = 0; i < 3; i++) {
        OsFile f = os_create_at(d, (const char *[]){"a", "b", "c"}[i]);
        test_check(f != OS_NO_FILE && os_write(f, "12345", (size_t)i + 1) && os_write(f, "x", 1) && os_flush(f) &&
                       os_close(f),
                   "a new file");
    }
    test_check(os_create_at(d, "a") == OS_NO_FILE && errno == EEXIST, "a file that exists is not made anew");
    test_check(os_list(dir, count, &n) && n == 2, "a listing ends when it is told to");
    test_check(os_replace_at(d, "a", "b") && !os_info_at(d, "a", &info) && os_info_at(d, "b", &info) &&
                   info.size == 2 && os_flush_directory(d),
               "renaming replaces");
    test_check(os_remove_at(d, "b") && !os_info_at(d, "b", &info) && !os_remove_at(d, "b"), "removing");
    OsFile f = os_create_at(d, "d");
    os_copy_permissions(f, &(OsInfo){.mode = 0640, .owner = (uint32_t)geteuid(), .group = (uint32_t)getegid()});
    test_check(os_close(f) && os_info_at(d, "d", &info) && info.mode == 0640, "permissions are copied");
    os_close(d);
    if (!geteuid()) test_skip("root may write anywhere");
    else {
        chmod(dir, 0500);
        chmod(test_path("folder/d"), 0400);
        test_check(!os_may_write(dir) && !os_may_write(test_path("folder/d")), "what may not be written");
        chmod(dir, 0700);
        chmod(test_path("folder/d"), 0600);
    }
    test_check(os_may_write(dir) && os_may_write(test_path("folder/d")), "and what may");
}

static bool only_x(const char *name, const void *first, size_t size, Error *e) {
    return (size && *(const char *)first == 'x') || error_set(e, ERR_FORMAT, "%s: no x", name);
}

static void whole_files(void) {
    enum { SIZE = 200000 };
    static char bytes[SIZE];
    memset(bytes, 'x', SIZE);
    const char *path = test_path("text");
    const FileWanted wanted = {.most = SIZE, .advice = "ADVICE", .begins = only_x};
    size_t size = 0;
    for (int i = 0; i < 2; i++) { /* as large as may be, and one byte more */
        test_write(path, bytes, (size_t)(1 << 17) + (size_t)i);
        Error e = {0};
        char *text = file_read(path, &(FileWanted){.most = 1 << 17, .advice = "ADVICE"}, &size, &e);
        test_check(i ? !text && e.code == ERR_FORMAT && strstr(e.text, "text: is larger than 128 KiB; ADVICE")
                     : text && size == 1 << 17 && !memcmp(text, bytes, size) && !text[size],
                   i ? "a file that is too large" : "a whole file, and a NUL");
        free(text);
    }
    for (int i = 0; i < 2; i++) { /* the same of a pipe, which names no size */
        Error e = {0};
        int ends[2];
        char name[32];
        if (pipe(ends) || write(ends[1], bytes, (size_t)(1 << 10) + (size_t)i) < 0) abort();
        close(ends[1]);
        snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
        char *text = file_read(name, &(FileWanted){.most = 1 << 10, .advice = "ADVICE"}, &size, &e);
        test_check(i ? !text && strstr(e.text, "is larger than 1 KiB; ADVICE") : text && size == 1 << 10,
                   i ? "a pipe of too much" : "all that a pipe holds");
        free(text);
        close(ends[0]);
    }
    const char *const BAD[][2] = {{"y", "no x"}, {"", "no x"}};
    for (int i = 0; i < 2; i++) {
        Error e = {0};
        test_write(path, BAD[i][0], strlen(BAD[i][0]));
        test_check(!file_read(path, &wanted, &size, &e) && strstr(e.text, BAD[i][1]), "a beginning that is refused");
    }
    Error e = {0}, dir = {0};
    test_check(!file_read(test_path("gone"), &wanted, NULL, &e) && e.code == ERR_FILE &&
                   strstr(e.text, "cannot be opened") && strstr(e.text, "; ADVICE"),
               "a missing file");
    test_check(!file_read(test_dir(), &wanted, NULL, &dir) && dir.code == ERR_FILE && strstr(dir.text, "; ADVICE"),
               "a directory");
}

SUITE(os, .seconds = 1) {
    clock_and_chance();
    memory();
    files();
    handed();
    directories();
    whole_files();
}
