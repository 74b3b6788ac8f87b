/* torture_limits.c: little of everything that a system gives, closed descriptors, files that others change meanwhile.
 */
#define _DEFAULT_SOURCE /* setgroups */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static long tried, failed, refused;

/* Not sdc's: its libraries cannot be loaded, or it cannot be started at all. */
static bool never_began(const TortureRun *r) {
    return (r->code == 127 && (!*r->err || strstr(r->err, "shared libraries"))) ||
           (r->killed && !*r->err && r->code == 139);
}

/* One run. may_not_begin: where there may be too little for any program. Returns the exit code, -1 if something is
 * wrong. */
static int one(Scene *s, const char *what, const TortureHow *how, int allowed, bool may_not_begin) {
    TortureRun r = torture_run(s->dir, s->c->args, how);
    Folder now;
    folder_look(&now, s->dir, &s->before);
    const char *wrong = may_not_begin && never_began(&r) ? NULL : scene_judge(s, &r, &now, allowed);
    tried++, failed += wrong != NULL, refused += r.code == 1;
    if (wrong) {
        printf("         %s %s: %s\n", s->c->name, what, wrong);
        printf("           exit %d: %.*s\n", r.code, (int)strcspn(r.err, "\n"), r.err);
    }
    int code = wrong ? -1 : r.code;
    torture_free(&r);
    scene_restore(s, &now);
    folder_free(&now);
    return code;
}

/* --- descriptors --- */

static void close_some(void *mask) {
    for (int i = 0; i < 3; i++)
        if (*(const int *)mask & 1 << i) close(i);
}

static void fill_output(void *unused) {
    (void)unused;
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0 || dup2(fd, 1) < 0) _exit(126);
    close(fd);
}

static void descriptors(Scene *s) {
    long bad = 0;
    for (int mask = 1; mask < 8; mask++) {
        char what[60];
        snprintf(what, sizeof what, "with descriptors closed: %d", mask);
        TortureHow how = {.prepare = close_some, .user = &mask};
        int allowed = (mask & 2 ? MUTE : 0) | (mask & 4 ? DEAF : 0);
        bad += one(s, what, &how, allowed | (mask & 2 && *s->out ? 0 : MUST_WORK), false) < 0;
    }
    if (!access("/dev/full", W_OK))
        bad += one(s, "into /dev/full", &(TortureHow){.prepare = fill_output}, MUTE | (*s->out ? 0 : MUST_WORK),
                   false) < 0;
    test_check(!bad, "%s: closed and full descriptors", s->c->name);
}

/* --- limits --- */

typedef struct {
    int resource;
    rlim_t most;
    bool nobody;
} Limit;

static void be_nobody(void) {
    if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)) _exit(127);
}

static void set_limit(void *limit) {
    const Limit *l = limit;
    if (l->nobody) be_nobody();
    if (setrlimit(l->resource, &(struct rlimit){l->most, l->most})) _exit(127);
}

static int limited(Scene *s, const char *what, int resource, size_t most, int allowed, bool nobody) {
    char text[80];
    Limit l = {resource, (rlim_t)most, nobody};
    snprintf(text, sizeof text, "with %zu %s", most, what);
    return one(s, text, &(TortureHow){.prepare = set_limit, .user = &l}, allowed, true);
}

static void limits(Scene *s) {
    long bad = 0;
    for (size_t n = 3; n <= 12; n++) bad += limited(s, "descriptors", RLIMIT_NOFILE, n, 0, false) < 0;
    size_t largest = 0;
    for (int i = 0; i < s->after.count; i++)
        if (!folder_has(&s->before, &s->after.at[i]) && s->after.at[i].size > largest) largest = s->after.at[i].size;
    const size_t sizes[] = {0, 1, 700, 4095, 4096, 65536, largest / 2, largest - (largest > 0), largest};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        bad += limited(s, "bytes a file", RLIMIT_FSIZE, sizes[i], sizes[i] < 700 ? DEAF : 0, false) < 0;
    for (size_t n = 256; n <= 2048; n *= 2) bad += limited(s, "bytes of stack", RLIMIT_STACK, n << 10, 0, false) < 0;
    if (!geteuid()) bad += limited(s, "processes", RLIMIT_NPROC, 0, 0, true) < 0;
    test_check(!bad, "%s: few descriptors, small files, small stacks, no threads", s->c->name);

    bad = 0;
    for (size_t mb = 20, works = 0; !TEST_SANITIZED && mb < 1000 && works < 3; mb += mb < 120 ? 2 : 20) {
        int code = limited(s, "bytes of address space", RLIMIT_AS, mb << 20, 0, false);
        bad += code < 0, works += !code;
    }
    test_check(!bad, "%s: little address space", s->c->name);
}

/* --- permissions and folders --- */

static void begin_as_nobody(void *unused) {
    (void)unused;
    be_nobody();
}

static void leave_cwd(void *unused) {
    (void)unused;
    if (mkdir("left", 0777) || chdir("left") || rmdir("../left")) _exit(126);
}

static void folders(Scene *s) {
    long bad = one(s, "where the folder is gone", &(TortureHow){.prepare = leave_cwd}, 0, false) < 0;
    TortureHow nobody = {.prepare = begin_as_nobody};
    if (!geteuid()) {
        bad += one(s, "as nobody, who may not write", &nobody, 0, true) < 0;
        for (int i = 0; i < s->before.count; i++) {
            char path[1024], what[300];
            snprintf(path, sizeof path, "%s/%s", s->dir, s->before.at[i].name);
            snprintf(what, sizeof what, "as nobody, who may not read %s", s->before.at[i].name);
            if (strstr(path, "folder/") && !strstr(s->c->args, "folder")) continue;
            chmod(path, 0), chmod(s->dir, 0777);
            bad += one(s, what, &nobody, 0, true) < 0;
            chmod(path, 0644), chmod(s->dir, 0755);
        }
    }
    test_check(!bad, "%s: folders that are gone, files that may not be read or written", s->c->name);
}

/* --- a small disk --- */

static void small_disk(Scene *s) {
    char command[1024];
    size_t inputs = 0, outputs = 0;
    long bad = 0, runs = 0;
    for (int i = 0; i < s->before.count; i++) inputs += (s->before.at[i].size + 8191) / 4096 * 4096;
    for (int i = 0; i < s->after.count; i++)
        if (!folder_has(&s->before, &s->after.at[i])) outputs += (s->after.at[i].size + 8191) / 4096 * 4096;
    for (int i = 0; i <= 12; i++) {
        size_t size = inputs + 65536 + outputs * (size_t)i / 8;
        snprintf(command, sizeof command, "mount -t tmpfs -o size=%zu none '%s' 2>/dev/null", size, s->dir);
        if (geteuid() || system(command)) break;
        scene_fill(s);
        TortureRun r = torture_run(s->dir, s->c->args, &(TortureHow){0});
        Folder now;
        folder_look(&now, s->dir, NULL);
        const char *wrong = scene_judge(s, &r, &now, 0);
        tried++, failed += wrong != NULL, bad += wrong != NULL, runs++;
        if (wrong)
            printf("         %s on a disk of %zu KB: %s; exit %d: %s", s->c->name, size >> 10, wrong, r.code, r.err);
        torture_free(&r);
        folder_free(&now);
        snprintf(command, sizeof command, "umount '%s'", s->dir);
        if (system(command)) break;
    }
    if (runs) test_check(!bad, "%s: %ld small disks", s->c->name, runs);
    else test_skip("%s: small disks: nothing can be mounted here", s->c->name);
}

/* --- files that others change --- */

static void changes(Scene *s) {
    static const char *const ACTS[] = {"cut", "grow", "rewrite", "move", "swap"};
    static const char *const KINDS[] = {"open", "map", "stat", "malloc", "write"};
    static const char *const VICTIMS[] = {"m.safetensors",
                                          "gguf.gguf",
                                          "ckpt.ckpt",
                                          "p.png",
                                          "pictures/00000000.png",
                                          "pictures/00000001.txt",
                                          "prompt.txt",
                                          "a.taps",
                                          "map",
                                          "folder/unet/diffusion_pytorch_model.safetensors",
                                          "folder/unet/config.json",
                                          "t.safetensors.state",
                                          "t.safetensors",
                                          "data",
                                          "pictures"};
    long bad = 0, runs = 0;
    for (size_t v = 0; v < sizeof VICTIMS / sizeof *VICTIMS; v++) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(VICTIMS[v], "/."), VICTIMS[v]);
        if (!strstr(s->c->args, word)) continue;
        for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++)
            for (size_t a = 0; a < sizeof ACTS / sizeof *ACTS; a++) {
                long n = scene_calls(s, KINDS[k]), at[3] = {1, n / 2, n};
                for (int i = n > 2 ? 0 : 2; i < 3 && n; i++) {
                    char fault[64], what[200];
                    snprintf(fault, sizeof fault, "%s:%ld:%s", KINDS[k], at[i], ACTS[a]);
                    snprintf(what, sizeof what, "SDC_FAIL=%s SDC_VICTIM=%s", fault, VICTIMS[v]);
                    bad += one(s, what, &(TortureHow){.fail = fault, .victim = VICTIMS[v]}, LOOSE, false) < 0, runs++;
                }
            }
    }
    test_check(!bad, "%s: %ld changes of its files while it runs", s->c->name, runs);
}

SUITE(torture_limits, .seconds = 300, .slow = true) {
    if (!torture_begin()) return;
    chmod(test_dir(), 0755);
    for (int i = 0; i < TORTURE_COUNT; i++) {
        const char *given;
        Scene s;
        if (!torture_only(TORTURE[i].name, &given) || !scene_begin(&s, &TORTURE[i])) continue;
        long before = tried, wrong = failed, no = refused;
        descriptors(&s);
        folders(&s);
        if (!TORTURE[i].times) limits(&s);
        if (!TORTURE[i].times) small_disk(&s);
        if (!TORTURE[i].times) changes(&s);
        printf("  %-16s %6ld limits, %ld refused, %ld wrong\n", TORTURE[i].name, tried - before, refused - no,
               failed - wrong);
        fflush(stdout);
        scene_end(&s);
    }
}
