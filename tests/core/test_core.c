/* test_core.c: what sd_core has of its own (sd/core/): numbers and text as libc reads and prints them, prompts as libsd
 * cleans and cuts them, the heap in a buffer. Pictures are `make bare-test`'s. */
#include "tests/harness/test.h"

#include "core_text.h"
#include "tensor/os/os_bare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double core_strtod(const char *text, char **end);
long core_strtol(const char *text, char **end, int base);
int core_snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *core_malloc(size_t size);
void *core_calloc(size_t count, size_t size);
void *core_realloc(void *p, size_t size);
void *core_aligned_alloc(size_t align, size_t size);
void core_free(void *p);

static uint64_t chance(uint64_t *state) { /* SplitMix64 */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* --- numbers --- */

static bool reads_same(const char *text) {
    char *end, *want_end;
    double got = core_strtod(text, &end), want = strtod(text, &want_end);
    return end == want_end && !memcmp(&got, &want, sizeof got);
}

static void numbers(void) {
    static const char *const TEXTS[] = {"0",
                                        "-0",
                                        "1",
                                        "  12.5x",
                                        "+.5",
                                        "5.",
                                        ".",
                                        "",
                                        "-",
                                        "e5",
                                        "1e",
                                        "1e+",
                                        "1e5",
                                        "1E-5",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "-1e309",
                                        "4.9e-324",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "2.2250738585072011e-308",
                                        "2.2250738585072014e-308",
                                        "1e-400",
                                        "1e999999999",
                                        "0e999999999",
                                        "9007199254740993",
                                        "9007199254740992.999999999999999999",
                                        "9007199254740993.000000000000000001",
                                        "0.00085",
                                        "0.012",
                                        "7.0",
                                        "123456789012345678901234567890123456789",
                                        "0000000000000000000000000000000000000000000000000000000001.5",
                                        "0.000000000000000000000000000000000000000000000000000000000000123",
                                        "1.5 2",
                                        "\t\n 3",
                                        "1..2",
                                        "1.2.3"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        test_check(reads_same(TEXTS[i]), "strtod reads '%s' as libc's", TEXTS[i]);
    uint64_t state = 1;
    char text[80], first[80] = "";
    int bad = 0;
    for (int i = 0; i < 40000; i++) {
        uint64_t bits = chance(&state);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (i % 2) snprintf(text, sizeof text, "%.*g", (int)(bits % 18), isfinite(v) ? v : 1.0);
        else
            snprintf(text, sizeof text, "%llu.%llue%d", (unsigned long long)(bits >> bits % 64),
                     (unsigned long long)(bits % 1000000007), (int)(chance(&state) % 640) - 330);
        if (reads_same(text)) continue;
        if (!bad++) snprintf(first, sizeof first, "%s", text);
    }
    test_check(!bad, "strtod reads 40,000 numbers as libc's");
    test_note("%d differ, the first is %s", bad, first);
    static const char *const WHOLE[] = {
        "0", "12", "-7x", " +3", "", "x", "-", "2147483647", "9223372036854775807", "99999999999999999999"};
    for (size_t i = 0; i < sizeof WHOLE / sizeof *WHOLE; i++) {
        char *end, *want_end;
        long got = core_strtol(WHOLE[i], &end, 10), want = strtol(WHOLE[i], &want_end, 10);
        test_check(got == want && end == want_end, "strtol reads '%s' as libc's", WHOLE[i]);
    }
}

/* --- text --- */

/* One format with one argument, into a buffer of this size. */
#define SAME(size, format, ...)                                                                                        \
    do {                                                                                                               \
        char got_[200], want_[200];                                                                                    \
        memset(got_, 'x', sizeof got_), memset(want_, 'x', sizeof want_);                                              \
        int n_ = core_snprintf(got_, size, format, __VA_ARGS__), m_ = snprintf(want_, size, format, __VA_ARGS__);      \
        test_check(n_ == m_ && !memcmp(got_, want_, sizeof got_), "snprintf prints '%s' as libc's", format);           \
        test_note("'%.80s' %d, libc's '%.80s' %d", got_, n_, want_, m_);                                               \
    } while (0)

static void prints(void) {
    SAME(200, "%s: %d of %zu, %lld", "name", -5, (size_t)7, -1234567890123LL);
    SAME(200, "%5d|%-5d|%05d|%+d|% d|%.3d", 42, 42, -42, 42, 42, 7);
    SAME(200, "%x %X %o %08lX %llx", 0xbeefu, 0xBEEFu, 8u, 0x1234abcdUL, 0x123456789abcdefULL);
    SAME(200, "%.3s|%10s|%-10s|%c|%%", "abcdef", "right", "left", 'c');
    SAME(200, "%*d|%-*d|%.*s|%.*f", 6, 1, 6, 2, 2, "xyz", 3, 2.5);
    SAME(200, "%hd %hhd %ld %jd %td %u", (short)-3, (signed char)-4, -5L, (intmax_t)6, (ptrdiff_t)7, 4000000000u);
    for (size_t size = 1; size < 20; size++) SAME(size, "%s", test_dir()); /* which is longer */
    SAME(200, "%g %g %g %g", 0.1, 1e-5, 123456789.0, 1e100);
    SAME(200, "%g %f %e", INFINITY, -INFINITY, NAN);
    static const char *const FORMATS[] = {"%g",     "%.7g",     "%.15g", "%.3f", "%.0f",  "%e",
                                          "%10.4g", "%-12.3e|", "%+.2f", "%g|",  "%05.1f"};
    static const double VALUES[] = {0,     -0.0,           1,   0.5,    7, 0.00085, 0.012, 1e-7, 123456.7, 1e15,
                                    65504, 1.17549435e-38, 0.1, -273.16};
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        for (size_t k = 0; k < sizeof VALUES / sizeof *VALUES; k++) {
            char got[100], want[100];
            int n = core_snprintf(got, sizeof got, FORMATS[i], VALUES[k]),
                m = snprintf(want, sizeof want, FORMATS[i], VALUES[k]);
            test_check(n == m && !strcmp(got, want), "snprintf prints %.17g by '%s' as libc's", VALUES[k], FORMATS[i]);
            test_note("'%s', libc's '%s'", got, want);
        }
}

/* --- prompts --- */

static bool same_runes(const Runes *a, const Runes *b) {
    return a->count == b->count && (!a->count || !memcmp(a->at, b->at, a->count * sizeof *a->at));
}

static void prompts(void) {
    int flags = 0, differ = 0, taken = 0, refused = 0;
    for (uint32_t c = 0; c < 128; c++)
        if ((c >= ' ' && c <= '~') || c == '\n' || c == '\t') flags += core_unicode_flags(c) != unicode_flags(c);
    test_check(!flags, "ASCII characters are of libsd's classes");
    static const char *const REFUSED[] = {"caf\xc3\xa9", "a &amp; b", "&#65;", "bell\a",
                                          "\x1b[1m",     "del\x7f",   "\x80",  "cr\r"};
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        const char *at = ascii_refused(REFUSED[i]);
        test_check(at && (size_t)(at - REFUSED[i]) == strcspn(REFUSED[i], "&\xc3\a\x1b\x7f\x80\r"),
                   "text %d is refused at its place", (int)i);
    }
    test_check(!ascii_refused("Tom & Jerry, R & B &, a <b>  c_d 100% ~\n\tX") && !ascii_refused(NULL),
               "plain text is taken");
    uint64_t state = 3;
    Runes mine = {0}, its = {0};
    for (int i = 0; i < 20000; i++) {
        static const char SET[] = "abzAZ019 \t\n  .,:;'\"`^_-&<>#()[]|~!?/\\";
        char text[48];
        size_t n = chance(&state) % (sizeof text - 1);
        for (size_t k = 0; k < n; k++)
            text[k] = chance(&state) % 4 ? SET[chance(&state) % (sizeof SET - 1)] : (char)(' ' + chance(&state) % 95);
        text[n] = 0;
        if (ascii_refused(text)) {
            refused++;
            continue;
        }
        taken++;
        bool kept = i % 2;
        bool ok = kept ? core_text_clean_references_kept(text, n, &mine) && text_clean_references_kept(text, n, &its)
                       : core_text_clean(text, n, &mine) && text_clean(text, n, &its);
        if (ok && same_runes(&mine, &its)) continue;
        if (!differ++) test_note("'%s'", text);
    }
    test_check(!differ && taken > 10000 && refused > 100, "what is taken is cleaned as by libsd");
    test_note("%d differ; %d taken, %d refused", differ, taken, refused);
    core_runes_free(&mine);
    runes_free(&its);
}

static void merges(void) {
    Tokenizer *t = tokenizer_new(), *own = core_tokenizer_new();
    uint64_t state = 5;
    int bad = 0;
    for (int k = 0; k < BPE_MERGES; k += k < 2000 ? 1 : 97) {
        int32_t a[2], b[2];
        bpe_merged(k, a), core_bpe_merged(k, b);
        bad += a[0] != b[0] || a[1] != b[1] || core_bpe_pair(own, a[0], a[1]) != BPE_FIRST + k ||
               bpe_pair(t, a[0], a[1]) != BPE_FIRST + k;
        int32_t left = a[0], right = (int32_t)(chance(&state) % (BPE_FIRST + BPE_MERGES));
        bad += core_bpe_pair(own, left, right) != bpe_pair(t, left, right);
    }
    test_check(!bad, "pairs merge as in libsd");
    test_note("%d do not", bad);
    core_tokenizer_free(own);
    tokenizer_free(t);
}

/* --- the heap --- */

enum { BYTES = 1 << 20, BLOCKS = 200 };

static bool holds(const unsigned char *p, size_t size, unsigned char value) {
    for (size_t i = 0; i < size; i++)
        if (p[i] != value) return false;
    return true;
}

static void heap(void) {
    static unsigned char buffer[BYTES + 8];
    struct {
        unsigned char *at;
        size_t size;
    } blocks[BLOCKS] = {{0}};
    uint64_t state = 7;
    int damaged = 0, outside = 0, unaligned = 0, refused = 0;
    test_check(!core_malloc(1), "there is nothing before heap_begin");
    heap_begin(buffer + 4, BYTES);
    size_t all = heap_size();
    for (int i = 0; i < 60000; i++) {
        size_t k = chance(&state) % BLOCKS, size = 1 + chance(&state) % (chance(&state) % 8 ? 3000 : 40000);
        unsigned char *p = blocks[k].at, value = (unsigned char)k;
        bool wide = i % 5 == 0, grows = p && i % 7 == 0;
        if (p && !holds(p, blocks[k].size, value)) damaged++;
        if (grows) {
            unsigned char *q = core_realloc(p, size);
            if (!q) {
                refused++;
                continue;
            }
            damaged += !holds(q, size < blocks[k].size ? size : blocks[k].size, value);
            p = q;
        } else {
            core_free(p);
            p = wide ? core_aligned_alloc(HEAP_ALIGN, size) : i % 3 ? core_malloc(size) : core_calloc(size, 1);
            if (p && !wide && i % 3 == 0) damaged += !holds(p, size, 0);
        }
        blocks[k].at = p, blocks[k].size = p ? size : 0;
        if (!p) {
            refused++;
            continue;
        }
        outside += p < buffer + 4 || p + size > buffer + 4 + BYTES;
        unaligned += (uintptr_t)p % (wide && !grows ? HEAP_ALIGN : 2 * sizeof(size_t)) != 0;
        memset(p, value, size);
    }
    test_check(!damaged && !outside && !unaligned, "blocks lie in the buffer, apart from each other, aligned");
    test_note("%d damaged, %d outside, %d not aligned", damaged, outside, unaligned);
    test_check(refused > 0 && heap_peak() <= all && heap_used() <= heap_peak(), "what does not fit is refused");
    test_note("%d refused; used %zu, peak %zu of %zu", refused, heap_used(), heap_peak(), all);
    for (int k = 0; k < BLOCKS; k++) core_free(blocks[k].at);
    test_check(heap_used() == 0, "all is given back");
    void *whole = core_malloc(all - 4 * HEAP_ALIGN);
    test_check(whole != NULL && !core_malloc(8 * HEAP_ALIGN), "and is one block again");
    test_check(core_realloc(whole, 8) == whole, "a block that shrinks stays where it is");
    void *rest = core_malloc(all - 8 * HEAP_ALIGN);
    test_check(rest != NULL, "and its rest is free");
    core_free(rest);
    test_check(!core_malloc(SIZE_MAX) && !core_malloc(SIZE_MAX - 8) && !core_calloc(SIZE_MAX / 2, 4) &&
                   !core_aligned_alloc(64, SIZE_MAX - 70),
               "sizes that do not exist are refused");
    core_free(whole);
    core_free(NULL);
    heap_begin(NULL, 100);
    test_check(!core_malloc(1) && heap_size() == 0, "no buffer, no memory");
    heap_begin(buffer, 100);
    test_check(!core_malloc(1) && heap_size() == 0, "nor in one that is too small");
}

SUITE(core, .seconds = 1) {
    numbers();
    prints();
    prompts();
    merges();
    heap();
}
