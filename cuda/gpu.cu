/* card.cu: a card, its memory, and the tables of ops that run on it. */
#include "kernels.cuh"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#ifdef __CUDACC__
#define PCI_DEVICES "/sys/bus/pci/devices"
#else
#define PCI_DEVICES shim_devices()
#endif

bool cuda_check(Ctx *c, cudaError_t e, const char *what) {
    if (e == cudaSuccess) return true;
    const Card *card = card_of(c);
    return error_set(&c->err, ERR_DEVICE, "%s: %s failed: %s; if it goes on, the card or its driver is at fault",
                     card->name, what, cudaGetErrorString(e));
}

int card_count(void) {
    int n = 0;
    if (cudaGetDeviceCount(&n) == cudaSuccess) return n;
    cudaGetLastError(); /* no driver, or no card: forget it */
    return 0;
}

bool card_check(Card *card, cudaError_t code, const char *what, Error *e) {
    if (code == cudaSuccess) return true;
    cudaGetLastError();
    return error_set(e, ERR_DEVICE, "%s: %s: %s", card->name, what, cudaGetErrorString(code));
}

static void *reserve(Card *card, size_t bytes, Error *e) {
    void *p = NULL;
    cudaError_t code = cudaSetDevice(card->number);
    if (code == cudaSuccess) code = cudaMalloc(&p, bytes);
    if (code == cudaSuccess) return p;
    size_t left = 0, whole = 0;
    cudaGetLastError();
    if (code == cudaErrorMemoryAllocation) code = cudaMemGetInfo(&left, &whole);
    if (card_check(card, code, "memory cannot be had", e))
        error_set(e, ERR_MEMORY,
                  "%s: out of memory: %zu MiB wanted, %zu of %zu MiB free; make a smaller picture or batch", card->name,
                  bytes >> 20, left >> 20, whole >> 20);
    return NULL;
}

static void release(Card *card, void *memory) {
    cudaSetDevice(card->number);
    cudaStreamSynchronize(card->stream);
    cudaFree(memory);
}

static bool cross(Card *card, void *to, const void *from, size_t bytes, const char *what, Error *e) {
    card->idle = true;
    return card_check(card, cudaSetDevice(card->number), what, e) &&
           card_check(card, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, card->stream), what, e) &&
           card_check(card, cudaStreamSynchronize(card->stream), what, e);
}

static bool push(Card *card, void *to, const void *from, size_t bytes, Error *e) {
    return cross(card, to, from, bytes, "copying to the card", e);
}

static bool pull(Card *card, void *to, const void *from, size_t bytes, Error *e) {
    return cross(card, to, from, bytes, "copying from the card", e);
}

static size_t available(Card *card) {
    size_t left = 0, whole = 0;
    cudaSetDevice(card->number);
    return cudaMemGetInfo(&left, &whole) == cudaSuccess ? left : 0;
}

static void enter(Card *card) { cudaSetDevice(card->number); }

size_t card_used(Card *card) {
    size_t left = 0, whole = 0;
    cudaSetDevice(card->number);
    return cudaMemGetInfo(&left, &whole) == cudaSuccess ? whole - left : 0;
}

static bool record_begin(Card *card) {
    if (cudaSetDevice(card->number) == cudaSuccess &&
        cudaStreamBeginCapture(card->stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess)
        return true;
    cudaGetLastError();
    return false;
}

static void *record_end(Card *card) {
    cudaGraph_t graph = NULL;
    cudaGraphExec_t work = NULL;
    if (cudaStreamEndCapture(card->stream, &graph) != cudaSuccess ||
        cudaGraphInstantiate(&work, graph, 0) != cudaSuccess)
        work = NULL;
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError(); /* it will be done without */
    return work;
}

static bool play(Card *card, void *recording, Error *e) {
    return card_check(card, cudaSetDevice(card->number), "cannot be used", e) &&
           card_check(card, cudaGraphLaunch((cudaGraphExec_t)recording, card->stream), "a recorded step failed", e);
}

static void forget(Card *card, void *recording) {
    cudaSetDevice(card->number);
    cudaStreamSynchronize(card->stream);
    cudaGraphExecDestroy((cudaGraphExec_t)recording);
}

/* Whether the machine has a card, as Linux lists it, driver or not. */
static bool listed(void) {
    enum { NVIDIA = 0x10de, DISPLAY = 3 };
    DIR *all = opendir(PCI_DEVICES);
    bool found = false;
    for (struct dirent *d; all && !found && (d = readdir(all));) {
        static const char *const FILES[] = {"vendor", "class"};
        unsigned numbers[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%.255s/%s", PCI_DEVICES, d->d_name, FILES[i]);
            FILE *f = fopen(path, "r");
            if (f && fscanf(f, "%x", &numbers[i]) != 1) numbers[i] = 0;
            if (f) fclose(f);
        }
        found = numbers[0] == NVIDIA && numbers[1] >> 16 == DISPLAY;
    }
    if (all) closedir(all);
    return found;
}

bool card_idle(Error *why) {
    int n = 0, driver = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    cudaGetLastError();
    if (code == cudaSuccess || code == cudaErrorNoDevice) return false;
    if (code != cudaErrorInsufficientDriver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver serves no card: %s", cudaGetErrorString(code));
    else if (cudaDriverGetVersion(&driver) == cudaSuccess && driver)
        error_set(why, ERR_DEVICE, "the NVIDIA driver is too old: it knows CUDA %d.%d, this program needs %d.%d",
                  driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    else if (listed()) error_set(why, ERR_DEVICE, "there is an NVIDIA card, but no driver for it is installed");
    else return false;
    return true;
}

bool card_there(int number, Error *e) {
    int n = 0;
    cudaError_t code = cudaGetDeviceCount(&n);
    if (code == cudaSuccess && number >= 0 && number < n) return true;
    cudaGetLastError();
    if (code == cudaSuccess && n)
        return error_set(e, ERR_DEVICE, "--device cuda:%d: there is none of that number; cards are 0..%d", number,
                         n - 1);
    int driver = 0;
    if (code == cudaErrorInsufficientDriver) cudaDriverGetVersion(&driver); /* 0: there is none */
    return error_set(e, ERR_DEVICE, "--device cuda:%d: no NVIDIA card can be used here: %s; use --device cpu", number,
                     code == cudaErrorInsufficientDriver && !driver ? "no driver is installed"
                     : code                                         ? cudaGetErrorString(code)
                                                                    : "none is found");
}

Card *card_open(int number, Error *e) {
    if (!card_there(number, e)) return NULL;
    cudaDeviceProp p;
    Card *card = (Card *)calloc(1, sizeof *card);
    if (!card) return error_set(e, ERR_MEMORY, "out of memory for a card"), (Card *)NULL;
    card->number = number;
    snprintf(card->name, sizeof card->name, "cuda:%d", number);
    bool ok = card_check(card, cudaSetDevice(number), "cannot be used", e) &&
              card_check(card, cudaGetDeviceProperties(&p, number), "cannot be used", e);
    if (ok) {
        card->arch = 10 * p.major + p.minor;
        card->shared = p.sharedMemPerBlockOptin;
        card->processors = p.multiProcessorCount;
        snprintf(card->name, sizeof card->name, "cuda:%d (%s)", number, p.name);
        if (card->arch < 75)
            ok = error_set(e, ERR_DEVICE, "%s: is too old: compute capability %d.%d, 7.5 is needed", card->name,
                           p.major, p.minor);
    }
    ok = ok &&
         card_check(card, cudaStreamCreateWithFlags(&card->stream, cudaStreamNonBlocking), "no stream can be had", e) &&
         (card->partials = (float *)reserve(card, SPLIT_BYTES, e)) != NULL;
    if (ok) {
        cuda_hopper_begin(card);
        return card;
    }
    card_close(card);
    return NULL;
}

void card_close(Card *card) {
    if (!card) return;
    if (card->partials) release(card, card->partials);
    for (int i = 0; i < card->mark_count; i++) cudaEventDestroy(card->marks[i]);
    free(card->marks);
    if (card->stream) cudaStreamDestroy(card->stream);
    free(card);
}

const char *card_name(const Card *card) { return card->name; }

template <class A> static const Ops *table(const char *name, DType type) {
    static const CardMemory MEMORY = {reserve, release,      push,       pull, available,
                                      enter,   record_begin, record_end, play, forget};
    static const Ops OPS = [=] {
        Ops o = {};
        o.name = name;
        o.type = type;
        o.memory = &MEMORY;
        o.prepared_bytes = cuda_prepared_bytes<A>;
        o.prepare = cuda_prepare<A>;
        o.linear = cuda_linear;
        o.conv2d = cuda_conv2d;
        o.group_norm = cuda_group_norm;
        o.layer_norm = cuda_layer_norm;
        o.attention = cuda_attention;
        o.activation = cuda_activation;
        o.geglu = cuda_geglu;
        o.affine = cuda_affine;
        o.embedding = cuda_embedding;
        o.timestep_embedding = cuda_timestep_embedding;
        return o;
    }();
    return &OPS;
}

const Ops *card_ops(const Card *card, DType type) {
    (void)card;
    if (type == F16) return table<Half>("cuda f16", F16);
    if (type == BF16) return table<Brain>("cuda bf16", BF16);
    return table<float>("cuda f32", F32);
}
