/* test_read_ahead.c: streamed weights that a thread reads before they are needed (sd/load/read_ahead.h): which it
 * reads, in which order, and how many at once; pictures with it and without; a file that is cut meanwhile. */
#define _XOPEN_SOURCE 700 /* truncate */
#include "sd/load/read_ahead.h"
#include "made_network.h"
#include "sd/load/weights.h"
#include "tensor/os.h"
#include "tests/harness/faults.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tests/pipeline/pipeline.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_READS = 4096, WINDOW = 128 << 10 };

/* What the thread asked for, one after the other. */
static struct {
    const char *at[MOST_READS];
    size_t size[MOST_READS];
    atomic_int count;
} reads;

static void note(void *user, const void *p, size_t size) {
    int i = reads.count;
    (void)user;
    if (i < MOST_READS) reads.at[i] = p, reads.size[i] = size, reads.count = i + 1;
}

/* Waits until it has nothing to do: nothing has been read for a while. */
static int settled(void) {
    for (int before = -1, still = 0; still < 20; still = before == reads.count ? still + 1 : 0) {
        before = reads.count;
        os_sleep(0.002);
    }
    return reads.count;
}

static bool is_streamed(const Weight *w) { return w->kind == WEIGHT_LINEAR || w->kind == WEIGHT_CONV; }

/* Weight `n` of the U-Net among those that are streamed. */
static Found streamed(const SdModel *m, int n) {
    const WeightList *l = &m->lists[PART_UNET];
    for (int64_t i = 0; i < l->count; i++)
        if (is_streamed(l->w[i]) && n-- == 0) return checkpoint_find(m->checkpoint, l->w[i]->name);
    return (Found){0};
}

static size_t bytes_of(Found f) { return (size_t)(f.tensor->end - f.tensor->begin); }

/* Whether a read begins on the page where a weight does. */
static bool begins(int read, Found f) {
    const char *p = file_tensor_data(f.file, f.tensor);
    size_t page = os_page_size();
    return read < reads.count && reads.at[read] <= p && p < reads.at[read] + page;
}

static void take(ReadAhead *a, Found f) {
    read_ahead_take(a, f.file, f.tensor);
    read_ahead_taken(a);
}

/* How many weights from number `first` on the window holds. */
static int fit(const SdModel *m, int first) {
    size_t all = 0;
    for (int i = first;; i++) {
        Found f = streamed(m, i);
        if (!f.tensor || (all += bytes_of(f)) > WINDOW) return i - first;
    }
}

static void order(const char *path) {
    Error e = {0};
    SdModel *m = sd_open(path, &(SdOptions){.threads = 1}, &e);
    ReadAhead *a = read_ahead_new();
    enum { FAR = 20 };
    reads.count = 0;
    faults_read_pages(note, NULL);
    if (!test_check(m && a && streamed(m, FAR + 3).tensor, "a model is opened, a thread started")) return;
    for (int i = 0; i < FAR + 3; i++) read_ahead_tell(a, streamed(m, i).file, streamed(m, i).tensor);
    take(a, streamed(m, 0));
    test_check(settled() == 0, "without a window it reads nothing");
    read_ahead_window(a, WINDOW);
    int n = settled(), first = fit(m, 1);
    bool ok = n == first || n == first + 1; /* the beginning of one more may fit */
    for (int i = 0; i < n; i++) ok = ok && begins(i, streamed(m, i + 1));
    test_check(ok && first > 1, "it reads the next %d weights that it was told of: %d", first, n);
    read_ahead_take(a, streamed(m, 1).file, streamed(m, 1).tensor);
    test_check(settled() == n, "a weight that is being taken still counts");
    read_ahead_taken(a);
    test_check(settled() > n, "once it is taken, others are read");
    n = settled();
    take(a, streamed(m, FAR));
    settled();
    test_check(begins(n, streamed(m, FAR + 1)) && begins(n + 1, streamed(m, FAR + 2)),
               "after one that was not expected, those that follow it");
    n = settled();
    take(a, streamed(m, 1));
    settled();
    test_check(begins(n, streamed(m, FAR)), "what came after a weight the last time is read after it");
    read_ahead_forget(a);
    n = settled();
    test_check(settled() == n, "once all is forgotten nothing is read");
    take(a, streamed(m, FAR + 1));
    settled();
    test_check(begins(n, streamed(m, FAR + 2)), "until a weight is taken");
    read_ahead_free(a);
    faults_read_pages(NULL, NULL);
    sd_close(m);
}

/* --- pictures --- */

/* A disk that takes its time. */
static void slowly(void *user, const void *p, size_t size) {
    atomic_int *count = user;
    os_sleep(2e-4);
    read_pages(p, size);
    ++*count;
}

static bool stops(void *user, const SdProgress *p) {
    (void)user;
    return p->stage != SD_STAGE_SAMPLE || p->step < 1;
}

static void draw(const char *path, SdPrecision precision, const char *network, const char *label) {
    SdOptions o = {.threads = 2, .precision = precision};
    SdNetwork one = {.path = network, .text = 1, .unet = 0.7};
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult whole = {0}, streamed_too = {0}, none = {0};
    SdPlan plan = {0};
    Error e = {0}, stopped = {0};
    atomic_int count = 0;
    r.steps = 2;
    if (network) r.networks = &one, r.network_count = 1;
    SdModel *m = sd_open(path, &o, &e);
    bool ok = m && sd_plan(m, &r, &plan, &e) && sd_txt2img(m, &r, &whole, &e);
    sd_close(m);
    o.memory_limit = plan.least + (256 << 10);
    m = ok ? sd_open(path, &o, &e) : NULL;
    faults_read_pages(slowly, &count);
    ok = m && sd_plan(m, &r, &plan, &e) && sd_txt2img(m, &r, &streamed_too, &e);
    test_check(ok && plan.streamed && plan.read_ahead && plan.process <= o.memory_limit &&
                   (count || !faults_possible()),
               "%s: weights are read ahead within the limit", label);
    test_check(ok && pipeline_same_picture(whole.pictures, streamed_too.pictures), "%s: the same picture", label);
    test_note("%s %zu KiB in %d reads", e.text, plan.read_ahead >> 10, (int)count);
    r.progress = stops;
    test_check(ok && !sd_txt2img(m, &r, &none, &stopped) && stopped.code == ERR_CANCELLED, "%s: stops", label);
    faults_read_pages(NULL, NULL);
    sd_close(m);
    sd_free(&whole);
    sd_free(&streamed_too);
    sd_free(&none);
}

static void pictures(const char *path) {
    const char *q8 = test_path("q8.safetensors");
    Error e = {0};
    MadeNetwork n = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, "lora_unet_" LINEAR, w);
    const char *lora = made_save(&n, "ahead.safetensors", NULL, 0);
    draw(path, SD_F32, NULL, "F16");
    draw(path, SD_MIXED, NULL, "F16, mixed");
    draw(path, SD_F32, lora, "F16 with a LoRA");
    test_check(sd_convert(path, q8, &(SdConvert){.dtype = "q8_0"}, NULL, &e), "Q8_0 is written");
    draw(q8, SD_F32, NULL, "Q8_0");
    made_free(&n);
    free(w.w);
}

/* --- a file that is cut --- */

static void cut(void *user, const void *p, size_t size) {
    if (truncate(user, 1 << 16)) _exit(98);
    read_pages(p, size);
}

static void draws_while_cut(char *path) {
    SdOptions o = {.threads = 2};
    SdRequest r = pipeline_request("Euler", 42, 64, 64);
    SdResult out = {0};
    SdPlan plan = {0};
    Error e = {0};
    os_begin_program("prog");
    SdModel *m = sd_open(path, &o, &e);
    if (!m || !sd_plan(m, &r, &plan, &e)) _exit(97);
    sd_close(m);
    o.memory_limit = plan.least + (256 << 10);
    m = sd_open(path, &o, &e);
    faults_read_pages(cut, path);
    if (m) sd_txt2img(m, &r, &out, &e);
}

static void is_cut(const char *model) {
    char path[512];
    size_t size = 0;
    char *bytes = test_read(model, &size);
    snprintf(path, sizeof path, "%s", test_path("cut.safetensors"));
    test_write(path, bytes, size);
    free(bytes);
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGBUS, SIG_DFL);
        int fd = open(test_path("said"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, 2) < 0) _exit(99);
        alarm(600);
        draws_while_cut(path);
        _exit(96);
    }
    int status = -1;
    bool ended = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    char *said = test_read(test_path("said"), NULL);
    const char *end = said ? strchr(said, '\n') : NULL;
    test_check(!faults_possible() || (ended && WEXITSTATUS(status) == 1 && strstr(said, "was cut") && end && !end[1]),
               "a file that is cut while it is read ahead: one line: %s", said ? said : "");
    free(said);
}

SUITE(read_ahead, .seconds = 1) {
    const char *path = test_path("ahead-f16.safetensors");
    if (!make_micro_model(path, F16)) return;
    if (faults_possible()) order(path);
    pictures(path);
    is_cut(path);
}
