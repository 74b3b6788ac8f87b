/* test_broken.c: the suite of weights that break. Every format is cut at each thousandth of its length, in a process
 * that may take 64 MiB more than its file; and others cut or overwrite files while they are mapped, or read. */
#define _XOPEN_SOURCE 700
#include "files.h"
#include "made_gguf.h"
#include "made_torch.h"
#include "tensor/os.h"
#include "tests/harness/faults.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/checkpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY = 64 << 20, SECONDS = 2, UNSEEN = 77 /* a case that runs to its end */ };

/* --- files of each format --- */

static const char *const FORMATS[] = {"safetensors", "PyTorch zip", "PyTorch before 1.6", "GGUF v3"};
enum { FORMAT_COUNT = sizeof FORMATS / sizeof *FORMATS };

static char *bytes_of(const WeightFile *f, int format, size_t *size) {
    if (format == 1 || format == 2) return made_torch(f, format == 2 ? MADE_OLD | MADE_NESTED : MADE_NESTED, size);
    if (format == 3) return made_gguf(f, size);
    char *copy = malloc(*size = f->size);
    if (!copy) abort();
    return memcpy(copy, f->map, f->size);
}

static bool write_format(const WeightFile *f, int format, const char *path) {
    size_t size;
    char *bytes = bytes_of(f, format, &size);
    bool ok = test_write(path, bytes, size);
    free(bytes);
    return ok;
}

/* --- a process of their own --- */

typedef void (*Job)(const char *path);

/* Runs the job; what it says on stderr goes to `said`. Its exit code: UNSEEN when it returns; 1000 + N after signal N.
 */
static int child(Job job, const char *path, char said[512]) {
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGBUS, SIG_DFL);
        int fd = open(test_path("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, 2) < 0) _exit(99);
        close(fd);
        alarm(600); /* on a busy machine a second takes long */
        job(path);
        fflush(NULL);
        _exit(UNSEEN);
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1;
    char *text = test_read(test_path("said"), NULL);
    snprintf(said, 512, "%s", text ? text : "");
    free(text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* This process may take so much more address space. */
static void limit_memory(size_t more) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu", &pages) != 1) pages = 0;
    if (f) fclose(f);
    if (!pages || TEST_SANITIZED) return; /* the peak is still looked at */
    rlim_t most = (rlim_t)pages * os_page_size() + more;
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
}

/* --- cuts --- */

static bool refused(bool opened, const Error *e) {
    return !opened && e->code == ERR_FORMAT && strchr(e->text, ';') && !strchr(e->text, '\n');
}

static void open_file(const char *path, Error *e, bool *opened) {
    WeightFile *f = weight_file_open(path, e);
    *opened = f != NULL;
    weight_file_close(f);
}

static void open_folder(const char *path, Error *e, bool *opened) {
    char folder[512];
    snprintf(folder, sizeof folder, "%.*s", (int)(strstr(path, "/unet/") - path), path);
    Checkpoint *c = checkpoint_open(folder, e);
    *opened = c != NULL;
    checkpoint_close(c);
}

static void cut_by(const char *path, void (*opens)(const char *, Error *, bool *)) {
    struct stat st;
    if (stat(path, &st)) _exit(99);
    limit_memory((size_t)st.st_size + MEMORY);
    size_t before = os_peak_memory();
    for (int k = 999; k >= 0; k--) {
        Error e = {0};
        bool opened;
        double begin = test_seconds();
        if (truncate(path, (off_t)(st.st_size / 1000. * k))) _exit(99);
        opens(path, &e, &opened);
        if (refused(opened, &e) && test_seconds() - begin < SECONDS) continue;
        fprintf(stderr, "cut to %d thousandths: %s (%.1f s)\n", k, opened ? "opened" : e.text, test_seconds() - begin);
        _exit(1);
    }
    if (os_peak_memory() - before > (size_t)st.st_size + MEMORY && !TEST_SANITIZED) {
        fprintf(stderr, "%zu MiB\n", (os_peak_memory() - before) >> 20);
        _exit(1);
    }
}

static void cut_file(const char *path) { cut_by(path, open_file); }
static void cut_index(const char *path) { cut_by(path, open_folder); }

/* A folder whose U-Net is one shard, with its index. */
#define INDEX "broken/unet/diffusion_pytorch_model.safetensors.index.json"

static bool make_folder(void) {
    static const char *const TEXTS[][2] = {
        {"broken/model_index.json", "{\"_class_name\":\"StableDiffusionPipeline\"}"},
        {"broken/unet/config.json", "{}"},
        {INDEX, "{\"metadata\":{\"total_size\":1},\n "
                "\"weight_map\":{\"a\":\"s.safetensors\",\"b\\u0062\":\"s.safetensors\"}}"}};
    Error e = {0};
    mkdir(test_path("broken"), 0777);
    mkdir(test_path("broken/unet"), 0777);
    bool ok = true;
    for (int i = 0; i < 3; i++) ok = ok && test_write(test_path(TEXTS[i][0]), TEXTS[i][1], strlen(TEXTS[i][1]));
    return ok && write_small(test_path("broken/unet/s.safetensors"), &e);
}

static void cuts(const WeightFile *f) {
    char said[512], path[512];
    for (int k = 0; k <= FORMAT_COUNT; k++) {
        bool index = k == FORMAT_COUNT;
        snprintf(path, sizeof path, "%s", test_path(index ? INDEX : "cut"));
        bool ok = index ? make_folder() : write_format(f, k, path);
        int code = ok ? child(index ? cut_index : cut_file, path, said) : -1;
        test_check(code == UNSEEN, "%s, cut at every thousandth of its length, is refused: %d",
                   index ? "index.json" : FORMATS[k], code);
        test_note("%s", said);
    }
    size_t kept = 0, size = 0;
    make_folder();
    char *text = test_read(test_path(INDEX), &size);
    snprintf(path, sizeof path, "%s", test_path(INDEX));
    for (size_t bit = 0; text && bit < 8 * size; bit++) {
        Error e = {0};
        bool opened;
        text[bit / 8] ^= (char)(1 << bit % 8);
        test_write(path, text, size);
        open_folder(path, &e, &opened);
        if (opened ? e.code : !strchr(e.text, ';')) test_check(false, "index.json, bit %zu: %s", bit, e.text);
        kept += opened;
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    test_check(kept > 0 && kept < 8 * size, "index.json: %zu of %zu changed bits are noticed", 8 * size - kept,
               8 * size);
    free(text);
}

/* --- files that others change --- */

static void read_all(const WeightFile *f) {
    for (size_t i = 0; i < f->count; i++) {
        float *x = malloc((size_t)file_tensor_count(&f->tensors[i]) * sizeof *x + 1);
        if (x) file_tensor_f32(f, &f->tensors[i], x);
        free(x);
    }
}

static void shrinks(const char *path) {
    struct stat st;
    os_begin_program("prog");
    WeightFile *f = weight_file_open(path, &(Error){0});
    if (!f || stat(path, &st) || truncate(path, st.st_size / 2)) _exit(99);
    read_all(f);
}

static void is_overwritten(const char *path) {
    char other[4096];
    struct stat st;
    os_begin_program("prog");
    memset(other, 0xff, sizeof other);
    WeightFile *f = weight_file_open(path, &(Error){0});
    int fd = open(path, O_WRONLY);
    if (!f || fd < 0 || fstat(fd, &st)) _exit(99);
    for (off_t at = 0; at < st.st_size; at += (off_t)sizeof other) {
        off_t left = st.st_size - at;
        size_t n = left < (off_t)sizeof other ? (size_t)left : sizeof other;
        if (pwrite(fd, other, n, at) != (ssize_t)n) _exit(98);
    }
    read_all(f);
    for (size_t i = 0; i < f->count; i++)
        if (weight_file_find(f, f->tensors[i].name) != &f->tensors[i]) _exit(97);
    weight_file_close(f);
}

static void changes(const WeightFile *f) {
    char said[512], path[512];
    for (int k = 0; k < FORMAT_COUNT; k++) {
        snprintf(path, sizeof path, "%s", test_path("changed"));
        bool ok = write_format(f, k, path);
        int code = ok ? child(shrinks, path, said) : -1;
        const char *end = strchr(said, '\n');
        test_check(code == 1 && !strncmp(said, "prog: ", 6) && strstr(said, "was cut") && end && !end[1],
                   "%s that is cut while it is mapped: %d, %s", FORMATS[k], code, said);
        ok = write_format(f, k, path);
        code = ok ? child(is_overwritten, path, said) : -1;
        test_check(code == UNSEEN, "%s that is overwritten while it is mapped: %d, %s", FORMATS[k], code, said);
    }
}

/* A byte that changes between one allocation and the next, which are between a reader's passes. */
typedef struct {
    char *at, to;
    long left; /* allocations until it does */
} Flip;

static void flip(void *user) {
    Flip *now = user;
    if (!now->left--) *now->at ^= now->to;
}

static void changes_while_read(const WeightFile *small) {
    if (!faults_possible()) {
        test_skip("files that change while they are read: linked without --wrap");
        return;
    }
    for (int k = 0; k < FORMAT_COUNT; k++) {
        size_t size, opened = 0;
        char *bytes = bytes_of(small, k, &size), *copy = malloc(size);
        if (!copy) abort();
        for (long allocation = 2; allocation < 8; allocation++)
            for (size_t i = 0; i < size && i < 1200; i++) {
                Error e = {0};
                memcpy(copy, bytes, size);
                Flip now = {copy + i, 2, allocation};
                faults_watch();
                faults_call(flip, &now);
                WeightFile *f = weight_file_open_memory("it", copy, size, &e);
                weight_file_close(f);
                long live = faults_end();
                bool ok = f ? !e.code : e.code == ERR_FORMAT || e.code == ERR_FILE;
                if (!ok || live)
                    test_check(false, "%s, byte %zu at allocation %ld: %s", FORMATS[k], i, allocation, e.text);
                opened += f != NULL;
            }
        test_check(opened > 0, "%s: bytes that change while it is read: %zu opened", FORMATS[k], opened);
        free(copy);
        free(bytes);
    }
}

SUITE(broken, .seconds = 2) {
    Error e = {0};
    bool ok = make_model_of(test_path("m.safetensors"), (MakeModel){.dtype = F16}, tiny_config()) &&
              write_small(test_path("small.safetensors"), &e);
    WeightFile *f = ok ? weight_file_open(test_path("m.safetensors"), &e) : NULL;
    WeightFile *small = ok ? weight_file_open(test_path("small.safetensors"), &e) : NULL;
    if (test_check(f && small, "files to break")) {
        cuts(f);
        changes(f);
        changes_while_read(small);
    }
    test_note("%s", e.text);
    weight_file_close(f);
    weight_file_close(small);
}
