/* files_torch.c: PyTorch's files: the same numbers from each way of saving them; cuts, changed bits, attacks. */
#include "attacks.h"
#include "files.h"
#include "made_torch.h"
#include "tests/harness/test.h"
#include "weights/formats/byte_order.h"
#include "weights/formats/formats.h"

#include <stdlib.h>
#include <string.h>

static WeightFile *open_tight(const char *bytes, size_t size, char **copy, Error *e) {
    *copy = malloc(size ? size : 1); /* of the exact size: AddressSanitizer watches */
    if (!*copy) abort();
    memcpy(*copy, bytes, size);
    return weight_file_open_memory("FILE", *copy, size, e);
}

/* --- the same numbers --- */

static bool same_numbers(const WeightFile *f, const WeightFile *g) {
    bool ok = f->count == g->count;
    for (size_t i = 0; ok && i < f->count; i++) {
        const FileTensor *t = &f->tensors[i], *u = weight_file_find(g, t->name);
        int64_t n = file_tensor_count(t);
        double a[64], b[64];
        ok = u && u->dtype == t->dtype && u->nd == t->nd && !memcmp(u->n, t->n, sizeof t->n) && n <= 64 &&
             file_tensor_f64(f, t, 0, n, a) && file_tensor_f64(g, u, 0, n, b) && !memcmp(a, b, (size_t)n * sizeof *a);
    }
    return ok;
}

static void same(const WeightFile *f) {
    for (int how = 0; how < 8; how++) {
        size_t size;
        char *bytes = made_torch(f, how, &size), *copy;
        Error e = {0};
        WeightFile *g = open_tight(bytes, size, &copy, &e);
        bool ok = g && !strcmp(g->format, how & MADE_OLD ? "PyTorch before 1.6" : "PyTorch zip");
        test_check(ok && same_numbers(f, g), "PyTorch's file, way %d", how);
        test_note("%s", e.text);
        const FileTensor *a = ok ? weight_file_find(g, "a") : NULL;
        float two[2];
        test_check(a && file_tensor_is_plain(a) == !(how & MADE_TURNED || host_is_big_endian()) &&
                       file_tensor_read(g, a, 2, 2, F32, two) && two[0] == 2 && two[1] == 3,
                   "PyTorch's file, way %d: a piece of a matrix", how);
        weight_file_close(g);
        free(copy);
        free(bytes);
    }
}

/* Every cut is refused; every changed bit is refused, or leaves a list within the file. */
static void broken(const WeightFile *f, int how) {
    size_t size, kept = 0;
    char *bytes = made_torch(f, how | MADE_NESTED, &size), *copy;
    for (size_t n = 0; n < size; n++) {
        Error e = {0};
        WeightFile *g = open_tight(bytes, n, &copy, &e);
        if (g || e.code != ERR_FORMAT || !strchr(e.text, ';')) test_check(false, "way %d, cut to %zu", how, n);
        weight_file_close(g);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        Error e = {0};
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        WeightFile *g = open_tight(bytes, size, &copy, &e);
        bool ok = g ? !e.code : e.code == ERR_FORMAT;
        for (size_t i = 0; g && i < g->count; i++) {
            const FileTensor *t = &g->tensors[i];
            double x;
            ok = ok && t->begin <= t->end && t->end <= size;
            for (int64_t k = 0; ok && k < file_tensor_count(t); k++) file_tensor_f64(g, t, k, 1, &x);
        }
        if (!ok) test_check(false, "way %d, bit %zu: %s", how, bit, e.text);
        kept += g != NULL;
        weight_file_close(g);
        free(copy);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    test_check(kept > 0 && kept < 8 * size, "way %d: %zu of %zu changed bits are noticed", how, 8 * size - kept,
               8 * size);
    free(bytes);
}

/* --- files that attack --- */

void files_attack(const Attack *a) {
    Error e = {0};
    char *copy;
    double begin = test_seconds();
    WeightFile *f = open_tight(a->bytes, a->size, &copy, &e);
    bool ok = a->words ? !f && e.code == ERR_FORMAT && !strncmp(e.text, "FILE: ", 6) && strchr(e.text, ';') : f != NULL;
    test_check(ok && (!a->words || holds(e.text, a->words)) && test_seconds() - begin < 2, "%s", a->name);
    test_note("%s", f ? "opened" : e.text);
    weight_file_close(f);
    free(copy);
    free(a->bytes);
}

void files_torch(void) {
    Error e = {0};
    WeightFile *f = weight_file_open(test_path("small.safetensors"), &e);
    if (!test_check(f != NULL, "the small file opens")) return;
    same(f);
    broken(f, 0);
    broken(f, MADE_OLD);
    weight_file_close(f);
    Attack a;
    for (size_t i = 0; attack_torch(i, &a); i++) files_attack(&a);
}
