/* networks_kinds.c: which parts make a kind, and whether their shapes fit each other. */
#include "networks_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sets of roles. */
#define R(role) (1ull << (role))
#define COMMON (R(NET_ALPHA) | R(NET_SCALE) | R(NET_DORA) | R(NET_DIFF_B))
_Static_assert(NET_ROLES <= 64, "a set of roles is a word");

/* GLoRA's files name the four in one of two ways: W' = W + W a2 a1 + b2 b1, which the webui reads, and LyCORIS' since
 * its version 3: W' = W + scale (W a1 a2 + b1 b2). The rank is less than what it stands between. */
static bool glora_swapped(const NetworkModule *m) {
    const FileTensor *t = m->part[NET_GA2];
    return t->nd >= 2 && t->n[0] < t->n[1];
}

bool network_product(const Network *n, const NetworkModule *m, int which, Product *p) {
    const FileTensor *const *t = m->part;
    const WeightFile *f = n->file;
    switch (m->kind) {
    case NETWORK_LORA: return product_init(p, f, t[NET_UP], t[NET_DOWN], t[NET_MID], false);
    case NETWORK_LOHA:
        return which ? product_init(p, f, t[NET_W2A], t[NET_W2B], t[NET_T2], t[NET_T2] != NULL)
                     : product_init(p, f, t[NET_W1A], t[NET_W1B], t[NET_T1], t[NET_T1] != NULL);
    case NETWORK_LOKR:
        if (which && t[NET_K2]) return product_init(p, f, t[NET_K2], NULL, NULL, false);
        if (which) return product_init(p, f, t[NET_K2A], t[NET_K2B], t[NET_KT2], t[NET_KT2] != NULL);
        if (t[NET_K1]) return product_init(p, f, t[NET_K1], NULL, NULL, false);
        return product_init(p, f, t[NET_K1A], t[NET_K1B], NULL, false);
    case NETWORK_FULL: return product_init(p, f, t[NET_DIFF], NULL, NULL, false);
    case NETWORK_NORM: return product_init(p, f, t[NET_NORM], NULL, NULL, false);
    case NETWORK_GLORA:
        if (glora_swapped(m))
            return which ? product_init(p, f, t[NET_GA1], t[NET_GA2], NULL, false)
                         : product_init(p, f, t[NET_GB1], t[NET_GB2], NULL, false);
        return which ? product_init(p, f, t[NET_GA2], t[NET_GA1], NULL, false)
                     : product_init(p, f, t[NET_GB2], t[NET_GB1], NULL, false);
    default: return false;
    }
}

static bool check_product(const Network *n, NetworkModule *m) {
    Product p;
    if (!network_product(n, m, 0, &p)) return false;
    m->rank = p.rank;
    if (p.mid && m->kind == NETWORK_LORA) m->rank = p.b->n[0]; /* lora_down's */
    return true;
}

static bool check_loha(const Network *n, NetworkModule *m) {
    Product a, b;
    if (!network_product(n, m, 0, &a) || !network_product(n, m, 1, &b)) return false;
    m->rank = m->part[NET_W1B]->n[0];
    return a.rows == b.rows && a.columns == b.columns;
}

static bool check_lokr(const Network *n, NetworkModule *m) {
    Product a, b;
    if (!network_product(n, m, 0, &a) || !network_product(n, m, 1, &b)) return false;
    m->rank = m->part[NET_K2B] ? m->part[NET_K2B]->n[0] : m->part[NET_K1B] ? m->part[NET_K1B]->n[0] : 0;
    return true;
}

static bool check_glora(const Network *n, NetworkModule *m) {
    Product a, b;
    if (!network_product(n, m, 0, &b) || !network_product(n, m, 1, &a)) return false;
    m->rank = b.rank;
    return a.rows == a.columns; /* of W @ a2 @ a1 */
}

static bool check_full(const Network *n, NetworkModule *m) {
    Product p;
    return network_product(n, m, 0, &p);
}

static bool check_bias(const Network *n, NetworkModule *m) {
    Product p;
    return product_init(&p, n->file, m->part[NET_DIFF_B], NULL, NULL, false);
}

static bool check_ia3(const Network *n, NetworkModule *m) {
    Product p;
    return product_init(&p, n->file, m->part[NET_IA3], NULL, NULL, false) &&
           file_tensor_count(m->part[NET_ON_INPUT]) == 1;
}

static bool check_oft(const Network *n, NetworkModule *m) {
    const FileTensor *t = m->part[NET_OFT] ? m->part[NET_OFT] : m->part[NET_OFT_DIAG];
    Product p;
    bool butterfly = t->nd == 4;
    if (butterfly) m->kind = NETWORK_BOFT;
    if (m->part[NET_RESCALE] && !product_init(&p, n->file, m->part[NET_RESCALE], NULL, NULL, false)) return false;
    m->rank = t->nd > 2 ? t->n[0] : 0;
    return product_init(&p, n->file, t, NULL, NULL, false) && (t->nd == 3 || butterfly) &&
           t->n[t->nd - 1] == t->n[t->nd - 2] && t->n[t->nd - 1] > 0;
}

int64_t network_oft_side(const NetworkModule *m) {
    const FileTensor *t = m->part[NET_OFT_R];
    int64_t s = t->nd == 2 ? (int64_t)lrint((1 + sqrt(1 + 8 * (double)t->n[1])) / 2) : 0;
    return s > 1 && s <= 4096 && s * (s - 1) / 2 == t->n[1] ? s : 0;
}

static bool check_oft_inputs(const Network *n, NetworkModule *m) {
    Product p;
    return product_init(&p, n->file, m->part[NET_OFT_R], NULL, NULL, false) && network_oft_side(m);
}

/* In the order in which the webui tries them. */
static const struct {
    NetworkKind kind;
    uint64_t needs, may; /* besides COMMON */
    bool (*check)(const Network *n, NetworkModule *m);
} KINDS[] = {
    {NETWORK_LORA, R(NET_UP) | R(NET_DOWN), R(NET_MID) | R(NET_UP_BIAS), check_product},
    {NETWORK_LOHA, R(NET_W1A) | R(NET_W1B) | R(NET_W2A) | R(NET_W2B), R(NET_T1) | R(NET_T2), check_loha},
    {NETWORK_IA3, R(NET_IA3) | R(NET_ON_INPUT), 0, check_ia3},
    {NETWORK_LOKR, R(NET_K1) | R(NET_K2), 0, check_lokr},
    {NETWORK_LOKR, R(NET_K1) | R(NET_K2A) | R(NET_K2B), R(NET_KT2), check_lokr},
    {NETWORK_LOKR, R(NET_K1A) | R(NET_K1B) | R(NET_K2), 0, check_lokr},
    {NETWORK_LOKR, R(NET_K1A) | R(NET_K1B) | R(NET_K2A) | R(NET_K2B), R(NET_KT2), check_lokr},
    {NETWORK_FULL, R(NET_DIFF), 0, check_full},
    {NETWORK_NORM, R(NET_NORM), R(NET_NORM_B), check_full},
    {NETWORK_GLORA, R(NET_GA1) | R(NET_GA2) | R(NET_GB1) | R(NET_GB2), 0, check_glora},
    {NETWORK_OFT, R(NET_OFT), R(NET_RESCALE), check_oft},
    {NETWORK_OFT, R(NET_OFT_DIAG), R(NET_RESCALE), check_oft},
    {NETWORK_OFT_INPUTS, R(NET_OFT_R), 0, check_oft_inputs},
    {NETWORK_FULL, R(NET_DIFF_B), 0, check_bias},
};

bool network_check(const Network *n, NetworkModule *m, Error *e) {
    const char *path = n->file->path;
    uint64_t has = 0;
    for (int i = 0; i < NET_ROLES; i++) has |= m->part[i] ? R(i) : 0;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (KINDS[i].needs & ~has || has & ~(KINDS[i].needs | KINDS[i].may | COMMON)) continue;
        m->kind = KINDS[i].kind;
        if (KINDS[i].check(n, m)) return true;
        return error_set(e, ERR_FORMAT,
                         "%s: the shapes or types of %.*s.* do not fit each other; download the file again", path,
                         m->key_size, m->key);
    }
    return error_set(
        e, ERR_FORMAT,
        "%s: %.*s.* has parts of no kind that is known (LoRA, LoHa, LoKr, IA3, full, norm, GLoRA, OFT), or "
        "lacks some; download the file again",
        path, m->key_size, m->key);
}

double network_scale(const NetworkModule *m, double own) {
    if (!isnan(own)) return own;
    bool scaled = m->kind == NETWORK_LORA || m->kind == NETWORK_LOHA || m->kind == NETWORK_LOKR ||
                  (m->kind == NETWORK_GLORA && glora_swapped(m));
    return scaled && m->rank && !isnan(m->alpha) ? m->alpha / (double)m->rank : 1;
}

const char *network_kind_name(NetworkKind k) {
    static const char *const NAMES[NETWORK_KINDS] = {"LoRA", "LoHa",  "IA3", "LoKr", "full",
                                                     "norm", "GLoRA", "OFT", "BOFT", "OFT of inputs"};
    return NAMES[k];
}

/* How names of modules begin that no Stable Diffusion has. */
static const struct {
    const char *begin, *family;
} OTHERS[] = {
    {"unet_double_blocks_", "Flux"},
    {"unet_single_blocks_", "Flux"},
    {"unet_transformer_single_transformer_blocks_", "Flux"},
    {"unet_single_transformer_blocks_", "Flux"},
    {"unet_joint_blocks_", "SD 3"},
    {"unet_transformer_transformer_blocks_", "SD 3 or the like"},
    {"unet_transformer_blocks_", "SD 3 or the like"},
    {"unet_blocks_", "another kind of model"},
    {"unet_layers_", "Lumina or the like"},
    {"unet_down_blocks_0_motion_modules_", "AnimateDiff"},
};

const char *network_family(const Network *n) {
    const char *base = weight_file_meta(n->file, "ss_base_model_version"), *v2 = weight_file_meta(n->file, "ss_v2");
    if (base && !strncmp(base, "sdxl", 4)) return "SDXL";
    if (v2 && !strcmp(v2, "True")) return "SD 2.x";
    if (base && !strncmp(base, "sd_v2", 5)) return "SD 2.x";
    if (base && !strncmp(base, "sd_v1", 5)) return "SD 1.x";
    for (size_t i = 0; i < n->count; i++)
        for (size_t k = 0; k < sizeof OTHERS / sizeof *OTHERS; k++)
            if (!strncmp(n->modules[i].name, OTHERS[k].begin, strlen(OTHERS[k].begin))) return OTHERS[k].family;
    static const char KEYS[] = "attn2_to_k";
    for (size_t i = 0; i < n->count; i++) {
        const NetworkModule *m = &n->modules[i];
        size_t size = strlen(m->name);
        Product p;
        if (m->of == NETWORK_TEXT_2) return "SDXL";
        if (size < sizeof KEYS || strcmp(m->name + size - (sizeof KEYS - 1), KEYS)) continue;
        if (!network_product(n, m, 0, &p) || m->kind == NETWORK_LOKR || m->kind == NETWORK_GLORA) continue;
        return p.columns == 768 ? "SD 1.x" : p.columns == 1024 ? "SD 2.x" : p.columns == 2048 ? "SDXL" : NULL;
    }
    return NULL;
}
