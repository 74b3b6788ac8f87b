/* In sd/guide/plain.c: merge_word(). */
/* bpe.c: the merging of a word's bytes into its tokens. */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>

/* In the vocabulary printable bytes come first, then the others, each in order. */
static bool prints(uint32_t b) { return (b >= 33 && b < 127) || (b >= 161 && b < 256 && b != 173); }

int32_t bpe_byte(uint8_t b) {
    if (prints(b)) return b < 127 ? b - 33 : b < 173 ? b - 161 + 94 : b - 174 + 106;
    return 188 + (b < 33 ? b : b < 161 ? b - 127 + 33 : 67);
}

/* The character that the vocabulary shows for a byte's id. */
static uint32_t byte_character(int32_t id) {
    if (id >= 188) return 256 + (uint32_t)(id - 188);
    return (uint32_t)(id < 94 ? id + 33 : id < 106 ? id - 94 + 161 : id - 106 + 174);
}

bool bpe_reserve(BpeWork *w, size_t count) {
    if (count <= w->capacity) return true;
    if (count > SIZE_MAX / 64) return false;
    size_t capacity = count < 32 ? 64 : count * 2;
    bpe_free(w);
    w->ids = malloc(capacity * sizeof *w->ids);
    w->left = malloc(capacity * sizeof *w->left);
    w->right = malloc(capacity * sizeof *w->right);
    w->heap = malloc(capacity * 2 * sizeof *w->heap); /* each merge pops one entry and pushes at most two */
    w->capacity = capacity;
    if (w->ids && w->left && w->right && w->heap) return true;
    bpe_free(w);
    return false;
}

void bpe_free(BpeWork *w) {
    free(w->ids);
    free(w->left);
    free(w->right);
    free(w->heap);
    *w = (BpeWork){0};
}

static void sift_down(uint64_t *heap, size_t count, size_t i) {
    uint64_t value = heap[i];
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= value) break;
        heap[i] = heap[child];
    }
    heap[i] = value;
}

static void push(uint64_t *heap, size_t *count, uint64_t value) {
    size_t i = (*count)++;
    for (; i && heap[(i - 1) / 2] > value; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = value;
}

/* A heap of (merged token, position) replaces the repeated search for the lowest rank: a token occurs only in later
 * merges, so no pair that a merge creates precedes the other occurrences of its own pair, and equal ranks are popped
 * from left to right. A popped entry whose pair is gone shows it by its token. */
size_t bpe_merge(const Tokenizer *t, BpeWork *w, size_t count) {
    enum { POSITION_BITS = 48 };
    const uint64_t position = (UINT64_C(1) << POSITION_BITS) - 1;
    int32_t *ids = w->ids;
    size_t *left = w->left, *right = w->right, entries = 0;
    for (size_t i = 0; i < count; i++) {
        left[i] = i - 1; /* SIZE_MAX for the first */
        right[i] = i + 1;
        int32_t merged = i + 1 < count ? bpe_pair(t, ids[i], ids[i + 1]) : -1;
        if (merged >= 0) w->heap[entries++] = (uint64_t)merged << POSITION_BITS | i;
    }
    for (size_t i = entries / 2; i--;) sift_down(w->heap, entries, i);
    while (entries) {
        uint64_t top = w->heap[0];
        w->heap[0] = w->heap[--entries];
        if (entries) sift_down(w->heap, entries, 0);
        size_t i = (size_t)(top & position), j = right[i];
        int32_t merged = (int32_t)(top >> POSITION_BITS);
        if (ids[i] < 0 || j >= count || bpe_pair(t, ids[i], ids[j]) != merged) continue;
        ids[i] = merged;
        ids[j] = -1;
        right[i] = right[j];
        if (right[i] < count) {
            left[right[i]] = i;
            int32_t next = bpe_pair(t, merged, ids[right[i]]);
            if (next >= 0) push(w->heap, &entries, (uint64_t)next << POSITION_BITS | i);
        }
        if (left[i] < count) {
            int32_t next = bpe_pair(t, ids[left[i]], merged);
            if (next >= 0) push(w->heap, &entries, (uint64_t)next << POSITION_BITS | left[i]);
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= 0) ids[kept++] = ids[i];
    return kept;
}

/* A token's bytes, as ids, from the first to the last. */
typedef struct {
    int32_t stack[192]; /* tokens left to spell, the next on top; no token is deeper than it is long */
    size_t depth;
} Spelling;

/* -1: no more */
static int32_t next_byte(Spelling *s) {
    while (s->depth) {
        int32_t id = s->stack[--s->depth];
        if (id < BPE_FIRST) return id;
        if (s->depth + 2 > sizeof s->stack / sizeof *s->stack) break;
        int32_t pair[2];
        bpe_merged(id - BPE_FIRST, pair);
        s->stack[s->depth++] = pair[1];
        s->stack[s->depth++] = pair[0];
    }
    return -1;
}

void bpe_spell(int32_t id, char *buf, size_t size) {
    size_t used = 0;
    const char *tail = "";
    Spelling s = {{id}, 1};
    while ((id = next_byte(&s)) >= 0) {
        uint8_t bytes[4];
        size_t n = utf8_encode(byte_character(id % BPE_END), bytes);
        if (id >= BPE_END) tail = "</w>"; /* only a token's last byte can end a word */
        if (n >= size - used) {
            tail = "";
            break;
        }
        memcpy(buf + used, bytes, n);
        used += n;
    }
    for (; *tail && used + 1 < size; tail++) buf[used++] = *tail;
    buf[used] = 0;
}

size_t bpe_text(int32_t id, char *buf, size_t size, bool *ends) {
    size_t used = 0;
    Spelling s = {{id}, 1};
    *ends = false;
    while ((id = next_byte(&s)) >= 0) {
        uint32_t c = byte_character(id % BPE_END), rest = c - 256;
        if (used < size) buf[used++] = (char)(c < 256 ? c : rest < 33 ? rest : rest < 67 ? rest - 33 + 127 : 173);
        *ends = id >= BPE_END;
    }
    return used;
}
