/* number.c: strtod without a locale, correctly rounded, by whole numbers as long as they are (libc.h). */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORDS = 48, MOST_DIGITS = 40, MOST_POWER = 400 }; /* 10^440 has 1462 bits */

typedef struct {
    uint32_t at[WORDS]; /* the lowest first */
    int count;          /* without zeros on top */
} Big;

static void times(Big *b, uint32_t by, uint32_t plus) {
    uint64_t carry = plus;
    for (int i = 0; i < b->count; i++, carry >>= 32) b->at[i] = (uint32_t)(carry += (uint64_t)b->at[i] * by);
    if (carry) b->at[b->count++] = (uint32_t)carry;
}

static int bits_of(const Big *b) {
    int n = b->count * 32;
    for (uint32_t top = b->count ? b->at[b->count - 1] : 1; b->count && !(top & 0x80000000u); top <<= 1) n--;
    return n;
}

static int compare(const Big *a, const Big *b) {
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (int i = a->count; i--;)
        if (a->at[i] != b->at[i]) return a->at[i] < b->at[i] ? -1 : 1;
    return 0;
}

static void subtract(Big *a, const Big *b) {
    int64_t borrow = 0;
    for (int i = 0; i < a->count; i++, borrow >>= 32) {
        borrow += (int64_t)a->at[i] - (i < b->count ? b->at[i] : 0);
        a->at[i] = (uint32_t)borrow;
    }
    while (a->count && !a->at[a->count - 1]) a->count--;
}

static void shift_up(Big *b, int bits) {
    for (; bits >= 16; bits -= 16) times(b, 1u << 16, 0);
    times(b, 1u << bits, 0);
}

/* m 2^power, m < 2^64 and not 0, rounded to nearest, ties to even; `more`: m is a little larger than that. */
static double round_to_double(uint64_t m, int power, bool more) {
    int drop = 0;
    while (m >> drop >= (UINT64_C(1) << 53)) drop++;
    if (power + drop < -1074) drop = -1074 - power;
    if (drop > 63) return 0;
    uint64_t kept = drop ? m >> drop : m, half = drop ? UINT64_C(1) << (drop - 1) : 0;
    uint64_t rest = drop ? m & ((half << 1) - 1) : 0;
    if (rest > half || (half && rest == half && (more || kept & 1))) kept++;
    double v = (double)kept; /* exact, and so are the steps of two below, but for overflow */
    for (power += drop; power > 0 && v < 0x1p1023; power--) v *= 2;
    if (power > 0) return v * 2;
    for (; power < 0; power++) v /= 2;
    return v;
}

/* digits 10^exponent */
static double value_of(Big *n, int exponent) {
    Big d = {{1}, 1};
    if (!n->count) return 0;
    for (int i = 0; i < exponent; i++) times(n, 10, 0);
    for (int i = 0; i > exponent; i--) times(&d, 10, 0);
    /* q = n 2^up / d has 62 or 63 bits */
    int up = 62 - (bits_of(n) - bits_of(&d));
    uint64_t q = 0;
    int shift = up;
    if (shift < 0) shift_up(&d, -shift), shift = 0;
    /* the quotient bit by bit, from the highest */
    int steps = 0;
    while (compare(n, &d) >= 0 && steps < 64) shift_up(&d, 1), steps++; /* d 2^steps > n */
    for (int left = steps; left > 0; left--) {
        shift_up(n, 1);
        q <<= 1;
        if (compare(n, &d) >= 0) subtract(n, &d), q |= 1;
    }
    for (; shift > 0; shift--) {
        shift_up(n, 1);
        q <<= 1;
        if (compare(n, &d) >= 0) subtract(n, &d), q |= 1;
    }
    return round_to_double(q, -up, n->count > 0);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static const char *after_sign(const char *p, bool *negative) {
    while (*p == ' ' || (*p >= '\t' && *p <= '\r')) p++;
    *negative = *p == '-';
    return p + (*p == '-' || *p == '+');
}

double core_strtod(const char *text, char **end) {
    bool negative, any = false, point = false;
    const char *p = after_sign(text, &negative);
    Big n = {.count = 0};
    int digits = 0, exponent = 0;
    for (; is_digit(*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (digits < MOST_DIGITS) {
            times(&n, 10, (uint32_t)(*p - '0'));
            digits += n.count > 0;
            exponent -= point;
        } else exponent += !point; /* digits beyond those of any halfway case that is written here */
    }
    if (end) *end = (char *)(uintptr_t)text;
    if (!any) return 0;
    if (*p == 'e' || *p == 'E') {
        bool down = p[1] == '-';
        const char *q = p + 1 + (p[1] == '-' || p[1] == '+');
        int e = 0;
        if (is_digit(*q)) {
            for (; is_digit(*q); q++) e = e < 100000 ? e * 10 + *q - '0' : e;
            exponent += down ? -e : e;
            p = q;
        }
    }
    if (end) *end = (char *)(uintptr_t)p;
    double v = exponent > MOST_POWER    ? (n.count ? 1e300 * 1e300 : 0)
               : exponent < -MOST_POWER ? 0
                                        : value_of(&n, exponent);
    return negative ? -v : v;
}

long core_strtol(const char *text, char **end, int base) {
    bool negative, any = false;
    const char *p = after_sign(text, &negative);
    long v = 0;
    for (; is_digit(*p); p++, any = true) {
        int digit = *p - '0';
        v = v > (__LONG_MAX__ - digit) / base ? __LONG_MAX__ : v * base + digit;
    }
    if (end) *end = (char *)(uintptr_t)(any ? p : text);
    return negative ? -v : v;
}

struct lconv *core_localeconv(void) {
    static struct lconv point = {.decimal_point = (char *)(uintptr_t) "."};
    return &point;
}
