/* torture_scene.c: the commands' folders, and what must hold afterwards. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/harness.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/weights/made_gguf.h"
#include "tests/weights/made_torch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SMALL "-m m.safetensors -W 8 -H 8 --steps 2 --seed 1 -q"

static const char OLD[] = "what was here before\n";

/* --- inputs --- */

const char *torture_input(const char *name) {
    char inner[256];
    snprintf(inner, sizeof inner, "torture-in/%s", name);
    return test_path(inner);
}

static bool made(const char *args) {
    TortureRun r = torture_run(torture_input("."), args, &(TortureHow){0});
    bool ok = test_check(r.code == 0, "sdc %s", args);
    test_note("exit %d: %s", r.code, r.err);
    torture_free(&r);
    return ok;
}

/* The tiny model as GGUF, and one whose sizes its shapes tell as torch.save has it. */
static bool other_formats(void) {
    bool ok = make_model_of(torture_input("ckpt.ckpt"), (MakeModel){.dtype = F16, .config = ""}, plain_config());
    for (int i = 0; i < 2; i++) {
        Error e = {0};
        size_t size;
        WeightFile *f = weight_file_open(torture_input(i ? "ckpt.ckpt" : "m.safetensors"), &e);
        if (!f) return false;
        char *bytes = i ? made_torch(f, MADE_NESTED, &size) : made_gguf(f, &size);
        weight_file_close(f);
        ok = ok && test_write(torture_input(i ? "ckpt.ckpt" : "gguf.gguf"), bytes, size);
        free(bytes);
    }
    return ok;
}

bool torture_begin(void) {
    const char *name = getenv("SDC_BIN");
    char path[PATH_MAX], program[PATH_MAX + 16];
    if (!realpath(name && *name ? name : "./sdc", path)) path[0] = 0;
    snprintf(program, sizeof program, "%s-torture", path);
    if (access(program, X_OK)) {
        test_skip("no program sdc-torture beside SDC_BIN");
        return false;
    }
    setenv("SDC_TORTURE_BIN", program, 1);
    setenv("ASAN_OPTIONS", "exitcode=99:allocator_may_return_null=1:detect_leaks=1", 1);
    setenv("LSAN_OPTIONS", "exitcode=98", 1);
    mkdir(test_path("torture-in"), 0777);
    MakeModel spec = {.size = MODEL_MICRO, .layout = MODEL_SINGLE, .dtype = F16}, folder = spec;
    folder.layout = MODEL_DIFFUSERS;
    return test_check(make_model_of(torture_input("m.safetensors"), spec, tiny_config()) &&
                          make_model_of(torture_input("folder"), folder, tiny_config()),
                      "a tiny model is written") &&
           other_formats() && test_write(torture_input("prompt.txt"), "a cat, (a dog:1.2)\n", 19) &&
           test_write(torture_input("map"), "*.* *.*\n", 8) &&
           made("txt2img " SMALL " -p 'a cat' -o p.png --taps a.taps") &&
           made("record " SMALL " -p 'a cat' -o a.record") && made("make-data -o pictures --count 2 --size 16 -q");
}

/* --- a scene --- */

static bool copy(const char *from, const char *to) {
    size_t size;
    char *bytes = test_read(from, &size);
    bool ok = bytes && test_write(to, bytes, size);
    free(bytes);
    return ok;
}

/* The whole folder. */
static void copy_all(const char *from, const char *to) {
    Folder f;
    folder_look(&f, from, NULL);
    for (int i = 0; i < f.count; i++) {
        char a[1024], b[1024];
        snprintf(a, sizeof a, "%s/%s", from, f.at[i].name);
        snprintf(b, sizeof b, "%s/%s", to, f.at[i].name);
        for (char *p = b + strlen(to) + 1; (p = strchr(p, '/')); *p++ = '/') *p = 0, mkdir(b, 0777);
        if (!copy(a, b)) abort();
    }
    folder_free(&f);
}

static void each_word(const char *words, void (*what)(const char *dir, const char *word), const char *dir) {
    for (size_t n; words && *words; words += n + (words[n] == ' ')) {
        char word[128];
        n = strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        what(dir, word);
    }
}

static void write_old(const char *dir, const char *name) {
    char path[800];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!test_write(path, OLD, sizeof OLD - 1)) abort();
}

/* Stops at each rename, to see every version of every file. */
static void see_all(Scene *s) {
    for (int n = 1, code = 128; code >= 128 && n < 20; n++) {
        char fail[32];
        Folder now;
        snprintf(fail, sizeof fail, "rename:%d:KILL", n);
        TortureRun r = torture_run(s->dir, s->c->args, &(TortureHow){.fail = fail});
        code = r.code;
        torture_free(&r);
        folder_look(&now, s->dir, &s->before);
        for (int i = 0; i < now.count; i++)
            if (!strstr(now.at[i].name, ".sdc-") && !strstr(now.at[i].name, ".csv")) folder_add(&s->also, &now.at[i]);
        scene_restore(s, &now);
        folder_free(&now);
    }
}

static char *count(Scene *s) {
    char path[1024];
    snprintf(path, sizeof path, "%s", test_path("torture.count"));
    remove(path);
    TortureRun r = torture_run(s->dir, s->c->args, &(TortureHow){.count = path});
    torture_free(&r);
    Folder now;
    folder_look(&now, s->dir, &s->before);
    scene_restore(s, &now);
    folder_free(&now);
    return test_read(path, NULL);
}

long scene_calls(Scene *s, const char *kind) {
    size_t n = strlen(kind);
    if (!s->calls) s->calls = count(s);
    for (const char *p = s->calls; p && *p; p = strchr(p, '\n'), p += p != NULL)
        if (!strncmp(p, kind, n) && p[n] == ' ') return strtol(p + n, NULL, 10);
    return 0;
}

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool scene_begin(Scene *s, const TortureCase *c) {
    *s = (Scene){.c = c};
    snprintf(s->dir, sizeof s->dir, "%s/s-%s", test_dir(), c->name);
    snprintf(s->keep, sizeof s->keep, "%s/k-%s", test_dir(), c->name);
    mkdir(s->dir, 0777), mkdir(s->keep, 0777);
    copy_all(torture_input("."), s->dir);
    each_word(c->old, write_old, s->dir);
    bool ok = true;
    if (c->setup) {
        TortureRun r = torture_run(s->dir, c->setup, &(TortureHow){0});
        ok = test_check(r.code == 0, "%s: its beginning", c->name);
        torture_free(&r);
    }
    copy_all(s->dir, s->keep);
    folder_look(&s->before, s->dir, NULL);
    double start = clock_now();
    TortureRun r = torture_run(s->dir, c->args, &(TortureHow){0});
    s->wall = clock_now() - start;
    s->out = r.out, r.out = NULL;
    ok = test_check(ok && r.code == 0 && !*r.err, "%s: works without faults", c->name);
    test_note("exit %d: %s", r.code, r.err);
    torture_free(&r);
    folder_look(&s->after, s->dir, &s->before);
    for (int i = 0; i < s->after.count; i++)
        if (strstr(s->after.at[i].name, ".csv")) folder_lines(&s->also, s->dir, s->after.at[i].name);
    scene_restore(s, &s->after);
    if (c->again) see_all(s);
    return ok;
}

void scene_fill(const Scene *s) { copy_all(s->keep, s->dir); }

void scene_end(Scene *s) {
    folder_free(&s->before);
    folder_free(&s->after);
    folder_free(&s->also);
    free(s->out);
    free(s->calls);
    *s = (Scene){0};
}

void scene_restore(Scene *s, const Folder *now) {
    char a[1024], b[1024];
    bool all = true;
    for (int i = 0; i < now->count; i++) {
        snprintf(a, sizeof a, "%s/%s", s->dir, now->at[i].name);
        if (!folder_find(&s->before, now->at[i].name)) remove(a), all = false;
    }
    for (int i = 0; i < s->before.count; i++) {
        Seen *old = &s->before.at[i];
        const Seen *is = folder_find(now, old->name);
        if (is && !strcmp(is->hash, old->hash) && is->inode == old->inode) continue;
        snprintf(a, sizeof a, "%s/%s", s->keep, old->name);
        snprintf(b, sizeof b, "%s/%s", s->dir, old->name);
        remove(b);
        all = false;
        if (copy(a, b)) continue;
        harness_remove_dir(s->dir); /* a folder was moved */
        mkdir(s->dir, 0777);
        scene_fill(s);
        break;
    }
    static const char *const MADE[] = {"data", "data.moved", "pictures.moved", "cache/sd.c", "cache"};
    for (int i = 0; i < 5; i++) snprintf(a, sizeof a, "%s/%s", s->dir, MADE[i]), rmdir(a);
    if (all) return;
    Folder f;
    folder_look(&f, s->dir, &s->before);
    folder_free(&s->before);
    s->before = f;
}

/* --- what must hold --- */

/* Lines on standard error but for warnings. True: one, and it is an error's. */
static bool counts(const char *err, int *lines, int *errors, int *warnings) {
    *lines = *errors = *warnings = 0;
    for (size_t n; *err; err += n + (err[n] == '\n')) {
        n = strcspn(err, "\n");
        bool warning = !strncmp(err, "sdc: warning:", 13);
        *warnings += warning, *lines += !warning;
        *errors += !warning && !strncmp(err, "sdc: ", 5);
    }
    return *lines == 1 && *errors == 1;
}

/* A hash in the cache, whose name depends on the model's age. */
static bool is_cache(const char *name) { return !strncmp(name, "cache/sd.c/", 11) && strlen(name) == 11 + 32; }

/* A whole PNG file. */
static bool is_png(const Scene *s, const char *name) {
    char path[1024];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    char *p = test_read(path, &size);
    bool whole = p && size > 20 && !memcmp(p, "\x89PNG", 4) && !memcmp(p + size - 8, "IEND", 4);
    free(p);
    return whole;
}

static const char *judge_files(const Scene *s, const Folder *now, bool done, int errors, int allowed) {
    static char text[400];
    for (int i = 0; i < now->count; i++) {
        const Seen *is = &now->at[i];
        bool right = (is_cache(is->name) && is->size == 64) || folder_has(&s->before, is) ||
                     folder_has(&s->after, is) || folder_has(&s->also, is);
        if (right || (allowed & MAY_LEAVE && strstr(is->name, ".sdc-"))) continue;
        if (allowed & LOOSE && !strstr(is->name, ".sdc-")) continue;
        if (allowed & MAY_STOP && s->c->part && !strcmp(s->c->part, is->name) && is_png(s, is->name)) continue;
        snprintf(text, sizeof text, "%.100s (%llu bytes): %s", is->name, (unsigned long long)is->size,
                 folder_find(&s->before, is->name) || folder_find(&s->after, is->name)
                     ? "neither the old file nor the new one"
                     : "left behind");
        return text;
    }
    if (allowed & LOOSE) return NULL;
    for (int i = 0; i < s->before.count; i++)
        if (!folder_find(now, s->before.at[i].name)) {
            snprintf(text, sizeof text, "%.100s: gone", s->before.at[i].name);
            return text;
        }
    for (int i = 0; done && i < s->after.count; i++) {
        const Seen *new = &s->after.at[i], *is = folder_find(now, new->name);
        if ((is && !strcmp(is->hash, new->hash)) || is_cache(new->name)) continue;
        if (!is && errors && s->c->may && !strcmp(s->c->may, new->name)) continue;
        snprintf(text, sizeof text, "%.100s: success, but not written", new->name);
        return text;
    }
    return NULL;
}

/* The length of what was printed, but for a time at its end: "(3 s)". */
static size_t without_time(const char *out) {
    size_t n = strlen(out);
    const char *last = strrchr(out, '(');
    return last && n > 4 && !strcmp(out + n - 4, " s)\n") ? (size_t)(last - out) : n;
}

static bool same_output(const char *a, const char *b) {
    size_t n = without_time(a);
    return n == without_time(b) && !memcmp(a, b, n);
}

const char *scene_judge(Scene *s, const TortureRun *r, const Folder *now, int allowed) {
    static char text[80];
    int lines, errors, warnings;
    bool one = counts(r->err, &lines, &errors, &warnings);
    if (warnings) allowed |= LOOSE; /* done without something, and told so */
    if (strstr(r->err, "Sanitizer") || strstr(r->err, "runtime error")) return "a sanitizer's word";
    if (r->code == 124) return "hangs";
    bool stopped = allowed & MAY_STOP && r->code > 128;
    if (r->code && !stopped && r->code != 1 && !(r->code == 2 && allowed & LOOSE)) {
        snprintf(text, sizeof text, "exit code %d", r->code);
        return text;
    }
    if (r->code == 1 && allowed & MUST_WORK) return "fails, though this is no error";
    if (r->code == 1 && !one && !(allowed & DEAF)) {
        snprintf(text, sizeof text, "%d lines, %d of them errors", lines, errors);
        return text;
    }
    if (r->code == 1 && (strstr(r->err, "Success") || strstr(r->err, "Undefined"))) return "no reason in its line";
    if (!r->code && (s->c->may ? errors > 1 : errors)) return "success, with an error's line";
    if (!r->code && allowed & MUTE && *s->out) return "success, though its output was lost";
    if (!r->code && !s->c->times && !(allowed & LOOSE) && !same_output(r->out, s->out))
        return "success, but prints something else";
    return judge_files(s, now, !r->code, errors, allowed);
}

bool scene_mixed(const Scene *s, const Folder *now) {
    for (int i = 0; i < now->count; i++) {
        const Seen *is = &now->at[i];
        if (!is_cache(is->name) && !folder_has(&s->before, is)) return true;
    }
    return false;
}

const char *scene_again(Scene *s, int allowed) {
    Folder now;
    char state[800];
    snprintf(state, sizeof state, "%s/t.safetensors.state", s->dir);
    bool resume = s->c->again && !access(state, F_OK);
    TortureRun r = torture_run(s->dir, resume ? s->c->again : s->c->args, &(TortureHow){0});
    folder_look(&now, s->dir, &s->after);
    const char *wrong = scene_judge(s, &r, &now, MUST_WORK | allowed);
    static char text[500];
    if (wrong) snprintf(text, sizeof text, "run again: %s: %.200s", wrong, r.err);
    torture_free(&r);
    folder_free(&now);
    return wrong ? text : NULL;
}

void scene_tell(Scene *s, const char *fault, const TortureRun *r, const char *wrong) {
    if (s->told++ >= 40) return;
    printf("         %s: make torture TORTURE='%s %s'\n", wrong, s->c->name, fault);
    printf("           exit %d: %.*s\n", r->code, (int)strcspn(r->err, "\n"), r->err);
}

bool torture_only(const char *name, const char **fault) {
    const char *only = getenv("SDC_TORTURE");
    *fault = NULL;
    if (!only || !*only) return true;
    size_t n = strcspn(only, " ");
    if (only[n]) *fault = only + n + 1;
    return strlen(name) == n && !strncmp(only, name, n);
}
