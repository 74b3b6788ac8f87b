/* files_diff.c: the comparison of activations, its names and its exit codes. */
#define _XOPEN_SOURCE 700
#include "tests/weights/files.h"
#include "tests/harness/test.h"
#include "weights/formats/safetensors.h"
#include "tools/cli/commands.h"
#include "tools/commands/diff/diff.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *path, int count, const char *const *names, const float (*values)[4]) {
    FileTensor t[8] = {{0}};
    Error e = {0};
    for (int i = 0; i < count; i++) t[i] = (FileTensor){.name = names[i], .dtype = F32, .nd = 1, .n = {4}};
    StWriter *w = st_write_begin(path, t, (size_t)count, NULL, 0, &e);
    bool ok = w && st_write_data(w, values, sizeof *values * (size_t)count, &e) && st_write_end(w, &e);
    if (!ok) test_check(false, "%s", e.text);
}

int quiet_diff(int argc, char **argv) {
    fflush(stdout);
    fflush(stderr);
    int o = dup(1), r = dup(2), null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    int code = DIFF.run(&DIFF, argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(o, 1);
    dup2(r, 2);
    close(o), close(r), close(null);
    return code;
}

/* Runs the command with its two outputs in files; returns the exit code. */
static int diff(const char *a, const char *b, const char *x, const char *y, char **out, char **err) {
    const char *po = test_path("diff.out"), *pe = test_path("diff.err");
    fflush(stdout);
    fflush(stderr);
    int o = dup(1), r = dup(2);
    int fo = open(po, O_WRONLY | O_CREAT | O_TRUNC, 0600), fe = open(pe, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fo, 1);
    dup2(fe, 2);
    char *argv[] = {"diff", (char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)x, (char *)(uintptr_t)y,
                    NULL};
    int argc = 1;
    while (argc < 5 && argv[argc]) argc++;
    int code = DIFF.run(&DIFF, argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(o, 1);
    dup2(r, 2);
    close(o), close(r), close(fo), close(fe);
    *out = test_read(po, NULL);
    *err = test_read(pe, NULL);
    return code;
}

static void expect(const char *what, int code, const char *words, const char *a, const char *b, const char *x,
                   const char *y) {
    char *out, *err;
    int got = diff(a, b, x, y, &out, &err);
    bool ok = got == code && out && err && (holds(out, words) || holds(err, words));
    if (!test_check(ok, "diff: %s", what)) test_note("code %d: %s%s", got, out ? out : "", err ? err : "");
    free(out);
    free(err);
}

static void arithmetic(void) {
    static const char *const NAMES[] = {"x"};
    const float one[][4] = {{1, 2, 3, 4}}, two[][4] = {{1, 2, 3, 4.5f}}, zero[][4] = {{0, 0, 0, 0}},
                inf[][4] = {{1, 2, 3, INFINITY}};
    put(test_path("d1"), 1, NAMES, one);
    put(test_path("d2"), 1, NAMES, two);
    put(test_path("d0"), 1, NAMES, zero);
    put(test_path("di"), 1, NAMES, inf);
    Error e = {0};
    WeightFile *f1 = weight_file_open(test_path("d1"), &e), *f2 = weight_file_open(test_path("d2"), &e),
               *f0 = weight_file_open(test_path("d0"), &e), *fi = weight_file_open(test_path("di"), &e);
    if (test_check(f1 && f2 && f0 && fi, "diff: the files open")) {
        Difference d = diff_tensors(f2, f2->tensors, f1, f1->tensors);
        test_check(fabs(d.relative - 0.5 / sqrt(30)) < 1e-15 && fabs(d.max - 0.5 / sqrt(7.5)) < 1e-15 &&
                       fabs(d.cosine - 32 / sqrt(30 * 34.25)) < 1e-15,
                   "diff: the three numbers");
        d = diff_tensors(f1, f1->tensors, f1, f1->tensors);
        test_check(d.relative == 0 && d.max == 0 && d.cosine == 1 && !d.why, "diff: equal");
        d = diff_tensors(f1, f1->tensors, f0, f0->tensors);
        test_check(isinf(d.relative) && d.cosine == 0 && !d.why, "diff: against zeros");
        d = diff_tensors(f0, f0->tensors, f1, f1->tensors);
        test_check(d.relative == 1 && d.cosine == 0, "diff: zeros against values");
        d = diff_tensors(f0, f0->tensors, f0, f0->tensors);
        test_check(d.relative == 0 && d.cosine == 1, "diff: zeros against zeros");
        d = diff_tensors(fi, fi->tensors, fi, fi->tensors);
        test_check(d.why && strstr(d.why, "not finite in A"), "diff: infinity");
    }
    weight_file_close(f1), weight_file_close(f2), weight_file_close(f0), weight_file_close(fi);
}

static void names(void) {
    static const struct {
        const char *from, *to, *name, *result;
    } CASES[] = {{"a", "b", "a", "b"},
                 {"a", "b", "ab", NULL},
                 {"a.*", "b.*", "a.1.x", "b.1.x"},
                 {"*.w", "*.v", "q.w", "q.v"},
                 {"*.w", "*.v", "q.w.b", NULL},
                 {"a.*.c", "*", "a.b.c", "b"},
                 {"a.*.c", "x*y", "a..c", "xy"},
                 {"a.*.c", "*", "a.c", NULL},
                 {"*.b.*", "*/*", "a.b.b.c", "a/b.c"},
                 {"*", "p.*", "", "p."},
                 {"d.*.r.*.n", "i*-*", "d.1.r.2.n", "i1-2"},
                 {"*ab", "*", "abab", "ab"},
                 {"*aab*", "*.*", "aaab", "a."},
                 {"*abcabd*", "*.*", "abcabcabd1", "abc.1"},
                 {"*.*", "*/*", ".", "/"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char out[32];
        bool ok = diff_rename(CASES[i].from, CASES[i].to, CASES[i].name, out, sizeof out);
        test_check(ok == (CASES[i].result != NULL) && (!ok || !strcmp(out, CASES[i].result)), "rename %s by %s %s",
                   CASES[i].name, CASES[i].from, CASES[i].to);
    }
    char out[4];
    test_check(!diff_rename("*", "*", "abcd", out, sizeof out) && diff_rename("*", "*", "abc", out, sizeof out),
               "rename: room");
}

void files_diff(void) {
    arithmetic();
    names();
    static const char NAMES[] = "# names\nmine other # one\r\nfirst first\n";
    /* second is named by the second rule, mine by the third: the others come later */
    static const char ORDER[] =
        "q p\nse*nd se*nd\nmine other\nm*e *\nsecond first\nfirst none\nth*d none*\nthird third\n";
    static const char *const A[] = {"first", "second", "third", "mine"}, *const B[] = {"third", "second", "first",
                                                                                       "other"};
    const float a[][4] = {{1, 2, 3, 4}, {1, 1, 1, 1}, {1, 0, 0, 0}, {1, 2, 3, 4}};
    const float b[][4] = {{0, 0, 0, 1}, {1, 1, 1, 1.01f}, {1, 2, 3, 4}, {1, 2, 3, 4}};
    const char *pa = test_path("da"), *pb = test_path("db"), *map = test_path("map"), *bad = test_path("badmap");
    char fa[1024], fb[1024], fm[1024], fbad[1024];
    snprintf(fa, sizeof fa, "%s", pa), snprintf(fb, sizeof fb, "%s", pb);
    snprintf(fm, sizeof fm, "%s", map), snprintf(fbad, sizeof fbad, "%s", bad);
    put(fa, 4, A, a);
    put(fb, 4, B, b);
    test_write(fm, NAMES, strlen(NAMES));
    test_write(fbad, "mine\n", 5);
    expect("equal files", 0, "4 compared, 0 apart", fa, fa, NULL, NULL);
    expect("first divergence in A's order", 1, "first divergence: second|only in A (1): mine|only in B (1): other", fa,
           fb, NULL, NULL);
    expect("a loose bound", 1, "first divergence: third", fa, fb, "--bound", "0.1");
    expect("a bound above all", 0, "3 compared, 0 apart", fa, fb, "--bound", "10");
    expect("names", 1, "4 compared, 2 apart", fa, fb, "--names", fm);
    test_write(fm, ORDER, strlen(ORDER));
    expect("the first rule that matches, with * or without", 1, "2 compared, 1 apart|, 2 only in A, 2 only in B", fa,
           fb, "--names", fm);
    test_write(fm, "\xFF\xFEm\0i\0n\0e\0 \0o\0t\0h\0e\0r\0\r\0\n\0", 26);
    expect("names in UTF-16, as PowerShell writes it", 1, "4 compared, 2 apart", fa, fb, "--names", fm);
    expect("json", 1, "\"only_a\":[\"mine\"]|\"first\":\"second\"", fa, fb, "--json", NULL);
    expect("a broken map", 1, "line 1 is not two names", fa, fb, "--names", fbad);
    expect("no map", 1, "sdc: |none|No such file", fa, fb, "--names", test_path("none"));
    expect("nothing in common", 1, "no tensor in common", fa, test_path("d1"), NULL, NULL);
    expect("a missing file", 1, "sdc: |No such file", fa, test_path("none"), NULL, NULL);
    static const char *const SHAPED[] = {"a"};
    put(test_path("shaped"), 1, SHAPED, a);
    expect("shapes", 1, "shapes differ|first divergence: a", test_path("small.safetensors"), test_path("shaped"), NULL,
           NULL);
    expect("one file only", 2, "see sdc help diff", fa, NULL, NULL, NULL);
    expect("an unknown option", 2, "see sdc help diff", fa, fb, "--what", NULL);
    expect("a bound that is none", 2, "see sdc help diff", fa, fb, "--bound", "-1");
    expect("an option without value", 2, "see sdc help diff", fa, fb, "--names", NULL);
}
