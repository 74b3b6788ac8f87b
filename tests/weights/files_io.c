/* files_io.c: conversions of halves, SHA-256, and what a failed write leaves behind. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include "files.h"
#include "tests/harness/test.h"
#include "tensor/half.h"
#include "tensor/os.h"
#include "weights/files/atomic_file.h"
#include "weights/formats/safetensors.h"
#include "weights/files/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The F16 or BF16 nearest to d by definition: its neighbours compared, ties to the even one. */
static bool nearest(double d, uint16_t got, float (*widen)(uint16_t), uint16_t infinity) {
    uint16_t magnitude = got & 0x7fff;
    if (!signbit(d) != !(got >> 15)) return false;
    double a = fabs(d), v = widen(magnitude);
    if (magnitude == infinity) { /* as if the scale went on: one step past the largest */
        double top = widen((uint16_t)(infinity - 1)), step = top - widen((uint16_t)(infinity - 2));
        return a >= top + step / 2;
    }
    double below = magnitude ? widen((uint16_t)(magnitude - 1)) : -1;
    double above = magnitude + 1 == infinity ? v + (v - below) : widen((uint16_t)(magnitude + 1));
    double down = (v + below) / 2, up = (v + above) / 2;
    return (magnitude == 0 || a > down || (a == down && !(magnitude & 1))) && (a < up || (a == up && !(magnitude & 1)));
}

void files_half(void) {
    long wrong = 0;
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t x = (uint16_t)h, m = x & 0x3ff, e = x >> 10 & 31;
        double want = ldexp(e ? 1024 + m : m, (e ? e : 1) - 25);
        float f = f16_to_f32(x);
        bool ok = e == 31 ? (m ? isnan(f) : isinf(f)) : (double)fabsf(f) == want;
        wrong += !ok || f32_to_f16(f) != x || (x >> 15) != (signbit(f) != 0);
        wrong += f32_to_bf16(bf16_to_f32(x)) != x;
    }
    test_check(!wrong, "all F16 and BF16 values there and back");
    wrong = 0;
    for (uint32_t i = 0; i < 1u << 20; i++) { /* every exponent, mantissas spread and at the ties */
        uint32_t u = i * 0x9E3779B1u;
        if (i & 1) u = (u & 0xffff8000) | 0x8000;
        if (i & 2) u = (u & 0xffffe000) | 0x1000;
        float f = f32_from_bits(u);
        if (isnan(f)) {
            wrong += (f32_to_f16(f) & 0x7fff) <= 0x7c00 || (f32_to_bf16(f) & 0x7fff) <= 0x7f80;
        } else if (isfinite(f)) {
            wrong += !nearest(f, f32_to_f16(f), f16_to_f32, 0x7c00);
            wrong += !nearest(f, f32_to_bf16(f), bf16_to_f32, 0x7f80);
        }
    }
    test_check(!wrong, "a million floats round to the nearest F16 and BF16, ties to even (%ld wrong)", wrong);
    test_check(f32_to_f16(65519.99f) == 0x7bff && f32_to_f16(65520.f) == 0x7c00 && f32_to_f16(0x1p-25f) == 0 &&
                   f32_to_f16(0x1.000002p-25f) == 1 && f32_to_f16(-INFINITY) == 0xfc00,
               "the ends of F16");
}

static void digest(const char *name, const char *unit, size_t times, const char *want, bool portable) {
    Sha256 s;
    unsigned char d[32];
    char hex[65];
    (portable ? sha256_init_portable : sha256_init)(&s);
    for (size_t i = 0; i < times; i++) sha256_update(&s, unit, strlen(unit));
    sha256_final(&s, d);
    sha256_hex(d, hex);
    if (!test_check(!strcmp(hex, want), "SHA-256 of %s (%s)", name, portable ? "portable" : "instructions"))
        test_note("%s", hex);
}

static bool stop(void *user, uint64_t done, uint64_t total) { return (void)done, (void)total, *(int *)user; }

void files_hash(void) {
    for (int portable = 0; portable < 2; portable++) {
        if (!portable && !sha256_accelerated()) {
            test_skip("SHA-256 by instructions: this processor has none");
            continue;
        }
        digest("nothing", "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", portable);
        digest("abc", "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", portable);
        digest("448 bits", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", portable);
        digest("a million a", "aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
               portable);
    }
    char text[300];
    bool same = true;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof text; n++) { /* every length, in two pieces */
        unsigned char d[2][32];
        for (int portable = 0; portable < 2; portable++) {
            Sha256 s;
            (portable ? sha256_init_portable : sha256_init)(&s);
            size_t cut = portable ? n / 3 : n / 2;
            sha256_update(&s, text, cut);
            sha256_update(&s, text + cut, n - cut);
            sha256_final(&s, d[portable]);
        }
        same &= !memcmp(d[0], d[1], 32);
    }
    test_check(same, "SHA-256: both forms agree for every length to 300");
    Error e = {0};
    char hex[65];
    const char *path = test_path("abc");
    int go = 0;
    test_write(path, "xabcy", 5);
    test_check(sha256_file_part(path, 1, 3, hex, NULL, NULL, &e) && !strncmp(hex, "ba7816bf", 8),
               "SHA-256 of part of a file");
    test_check(sha256_file_part(path, 99, 3, hex, NULL, NULL, &e) && !strncmp(hex, "e3b0c442", 8),
               "SHA-256 past the end");
    test_check(!sha256_file_part(path, 0, 5, hex, stop, &go, &e) && e.code == ERR_CANCELLED, "SHA-256 can be stopped");
    e = (Error){0};
    test_check(!sha256_file(test_dir(), hex, &e) && e.code == ERR_FILE, "SHA-256 of a directory is refused");
}

/* Whether files may be without a name, as on most file systems of Linux. */
static bool named;
OsFile __real_os_create_unnamed(OsFile dir) __attribute__((weak));
OsFile __wrap_os_create_unnamed(OsFile dir);

OsFile __wrap_os_create_unnamed(OsFile dir) {
    errno = ENOTSUP;
    return named || !__real_os_create_unnamed ? OS_NO_FILE : __real_os_create_unnamed(dir);
}

/* Whether such files cannot be named. */
static bool nameless;
bool __real_os_name_at(OsFile f, OsFile dir, const char *name) __attribute__((weak));
bool __wrap_os_name_at(OsFile f, OsFile dir, const char *name);

bool __wrap_os_name_at(OsFile f, OsFile dir, const char *name) {
    errno = EPERM;
    return !nameless && __real_os_name_at && __real_os_name_at(f, dir, name);
}

static int entries(const char *dir) {
    int n = 0;
    DIR *d = opendir(dir);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2;
}

static bool is_old(const char *path) {
    char *s = test_read(path, NULL);
    bool ok = s && !strcmp(s, "old");
    free(s);
    return ok;
}

static bool put_bytes(const char *path, size_t size, Error *e) {
    static char block[100000];
    AtomicFile *f = atomic_begin(path, e);
    bool ok = f != NULL;
    for (size_t n = 0; ok && n < size; n += sizeof block) ok = atomic_write(f, block, sizeof block, e);
    return f && atomic_end(f, e) && ok;
}

/* Whether job() is true in a child process, which has limits and a user of its own. */
static bool in_child(bool (*job)(const char *), const char *path) {
    fflush(NULL);
    pid_t child = fork();
    if (!child) _exit(job(path) ? 0 : 1);
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool file_limit(const char *path) { /* at every size at which writing may fail */
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 700; limit += 7) {
        struct rlimit r = {limit, RLIM_INFINITY};
        Error e = {0};
        setrlimit(RLIMIT_FSIZE, &r);
        bool done = write_small(path, &e);
        r.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &r);
        WeightFile *f = done ? weight_file_open(path, &e) : NULL;
        bool right = done ? f != NULL : e.code == ERR_FILE && holds(e.text, ";") && is_old(path);
        weight_file_close(f);
        if (!right) return false;
        if (done) return limit > 300;
    }
    return false;
}

static bool large_limit(const char *path) { /* fails in a write that bypasses the buffer */
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit r = {150000, 150000};
    Error e = {0};
    return setrlimit(RLIMIT_FSIZE, &r) == 0 && !put_bytes(path, 1000000, &e) && e.code == ERR_FILE && is_old(path);
}

static bool read_only(const char *path) {
    Error e = {0}, f = {0};
    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) return false; /* root may write anywhere */
    return !atomic_check(path, &e) && holds(e.text, "Permission denied|;") && !put_bytes(path, 10, &f) &&
           f.code == ERR_FILE;
}

static void refused(const char *what, const char *path, const char *words) {
    Error e = {0}, f = {0};
    AtomicFile *file = atomic_begin(path, &f);
    bool ok = !atomic_check(path, &e) && !file && holds(e.text, words) && holds(f.text, words) && holds(e.text, ";");
    if (!test_check(ok, "atomic: %s is refused", what)) test_note("%s / %s", e.text, f.text);
    atomic_abort(file);
}

/* A writer that is killed half-way. */
static bool killed(const char *path) {
    Error e = {0};
    AtomicFile *f = atomic_begin(path, &e);
    if (f && atomic_write(f, "half", 4, &e)) raise(SIGKILL);
    return false;
}

/* What kill -9 leaves, and that the next writer of the same name removes it, but not what a living one writes. */
static void leftovers(const char *dir) {
    char path[1100], other[1100], old[1100], not_ours[1100];
    Error e = {0};
    snprintf(path, sizeof path, "%s/file", dir);
    snprintf(other, sizeof other, "%s/file2", dir);
    snprintf(old, sizeof old, "%s/.file.sdc-0123abcd", dir);
    snprintf(not_ours, sizeof not_ours, "%s/.file.sdc-0123abcx", dir);
    in_child(killed, path);
    in_child(killed, path);
    test_check(entries(dir) == named, "atomic: of two writers that are killed, what the last one leaves");
    test_write(old, "x", 1);
    test_write(not_ours, "x", 1);
    AtomicFile *living = atomic_begin(path, &e);
    test_check(living && atomic_write(living, "1", 1, &e) && entries(dir) == (named ? 2 : 1),
               "atomic: the next writer removes it, but nothing that has another name");
    test_check(put_bytes(other, 10, &e) && put_bytes(path, 10, &e) && entries(dir) == (named ? 4 : 3),
               "atomic: other writers leave a living one's file alone");
    test_check(atomic_end(living, &e) && entries(dir) == 3, "atomic: which is then put in place");
    char *text = test_read(path, NULL);
    test_check(text && !strcmp(text, "1"), "atomic: complete");
    free(text);
    remove(path), remove(other), remove(not_ours);
    snprintf(path, sizeof path, "%s/%0250d", dir, 1); /* whose temporary file cannot hold all of the name */
    in_child(killed, path);
    test_check(entries(dir) == named && put_bytes(path, 10, &e) && put_bytes(path, 20, &e) && entries(dir) == 1,
               "atomic: a long name likewise");
    remove(path);
}

static void atomic(const char *dir) {
    char path[1100], link[1100];
    Error e = {0};
    snprintf(path, sizeof path, "%s/file", dir);
    snprintf(link, sizeof link, "%s/link", dir);
    mkdir(dir, 0755);
    leftovers(dir);
    test_check(atomic_check(path, &e) && entries(dir) == 0, "atomic: checking makes nothing");
    test_check(put_bytes(path, 300000, &e) && entries(dir) == 1, "atomic: a new file");
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    test_check(stat(path, &st) == 0 && st.st_size == 300000 && (st.st_mode & 0777) == (0666 & ~mask),
               "atomic: size and mode");
    test_write(path, "old", 3);
    chmod(path, 0640);
    AtomicFile *f = atomic_begin(path, &e);
    test_check(f && atomic_write(f, "new", 3, &e) && is_old(path) && entries(dir) == 1 + named,
               "atomic: old until the end");
    atomic_abort(f);
    atomic_abort(NULL);
    test_check(is_old(path) && entries(dir) == 1, "atomic: abort leaves the old file alone");
    test_check(in_child(large_limit, path) && is_old(path) && entries(dir) == 1, "atomic: a limit in a large write");
    test_check(in_child(file_limit, path) && entries(dir) == 1, "atomic: a limit at every seventh byte");
    test_write(path, "old", 3);
    f = atomic_begin(path, &e);
    test_check(f && atomic_write(f, "new", 3, &e) && atomic_end(f, &e) && stat(path, &st) == 0 &&
                   (st.st_mode & 0777) == 0640,
               "atomic: replacing keeps the mode");
    test_check(symlink("file", link) == 0 && put_bytes(link, 100000, &e) && lstat(link, &st) == 0 &&
                   S_ISLNK(st.st_mode) && stat(path, &st) == 0 && st.st_size == 100000 && entries(dir) == 2,
               "atomic: a link stays a link, its file is replaced");
    remove(path);
    refused("a link to nothing", link, "symbolic link");
    refused("a directory", dir, "is a directory");
    refused("a device", "/dev/full", "a device");
    refused("/dev/null", "/dev/null", "a device");
    refused("no name", "", "empty name");
    snprintf(path, sizeof path, "%s/", dir);
    refused("a trailing slash", path, "names a directory");
    snprintf(path, sizeof path, "%s/none/file", dir);
    refused("a missing directory", path, "No such file");
    snprintf(path, sizeof path, "%s/%0300d", dir, 1);
    refused("a name too long", path, "too long");
    snprintf(path, sizeof path, "%s/%0255d", dir, 1);
    test_check(put_bytes(path, 10, &e), "atomic: the longest name");
    snprintf(path, sizeof path, "%s/file", dir);
    chmod(dir, 0555);
    chmod(test_dir(), 0755);
    test_check(in_child(read_only, path), "atomic: a directory that is read-only");
    chmod(dir, 0777);
    test_write(path, "old", 3);
    chmod(path, 0444);
    test_check(in_child(read_only, path) && is_old(path), "atomic: a file that is read-only");
}

void files_atomic(void) {
    char dir[512];
    OsFile here = os_open_directory(test_dir()), probe = os_create_unnamed(here);
    if (probe == OS_NO_FILE) test_skip("files without a name: this file system has none");
    else os_close(probe);
    os_close(here);
    for (int i = probe == OS_NO_FILE ? 2 : 0; i < 3; i++) {
        nameless = i == 1, named = i == 2;
        snprintf(dir, sizeof dir, "%s", test_path((const char *[]){"atomic", "atomic-nameless", "atomic-named"}[i]));
        atomic(dir);
    }
    named = false;
}
