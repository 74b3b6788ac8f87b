/* print.c: snprintf for messages (libc.h). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    char *at;
    size_t size, used; /* used: also what did not fit */
} Out;

static void put(Out *o, char c) {
    if (o->used + 1 < o->size) o->at[o->used] = c;
    o->used++;
}

typedef struct {
    bool left, zero, plus, space, other; /* - 0 + ' ' # */
    int width, precision;                /* precision -1: none */
    int length;                          /* -1 h, 0, 1 l, 2 ll, 3 z, t or j */
    char kind;
} Spec;

/* sign, then zeros, then digits, padded to the width. */
static void put_padded(Out *o, const Spec *s, const char *sign, int zeros, const char *text, int n) {
    int all = (int)strlen(sign) + zeros + n, fill = s->width > all ? s->width - all : 0;
    bool by_zeros = s->zero && !s->left;
    for (int i = 0; i < fill && !s->left && !by_zeros; i++) put(o, ' ');
    for (; *sign; sign++) put(o, *sign);
    for (int i = 0; i < zeros + (by_zeros ? fill : 0); i++) put(o, '0');
    for (int i = 0; i < n; i++) put(o, text[i]);
    for (int i = 0; i < fill && s->left; i++) put(o, ' ');
}

static const char *sign_of(const Spec *s, bool negative) {
    return negative ? "-" : s->plus ? "+" : s->space ? " " : "";
}

static void put_whole(Out *o, Spec *s, uint64_t v, const char *sign) {
    char text[24];
    unsigned base = s->kind == 'x' || s->kind == 'X' || s->kind == 'p' ? 16 : s->kind == 'o' ? 8 : 10;
    int at = sizeof text;
    for (; v; v /= base) {
        unsigned digit = (unsigned)(v % base);
        text[--at] = (char)(digit < 10 ? '0' + digit : (s->kind == 'X' ? 'A' : 'a') + digit - 10);
    }
    int n = (int)sizeof text - at, least = s->precision < 0 ? 1 : s->precision;
    if (s->precision >= 0) s->zero = false;
    put_padded(o, s, sign, least > n ? least - n : 0, text + at, n);
}

/* --- doubles --- */

enum { DIGITS = 17 };

static double power_of_ten(int n) {
    double p = 1, ten = n < 0 ? 0.1 : 10;
    for (int k = n < 0 ? -n : n; k; k /= 2, ten *= ten)
        if (k % 2) p *= ten;
    return p;
}

/* The first n digits of v > 0, rounded; returns the power of ten of the first one. */
static int digits_of(double v, int n, char *digits) {
    int exponent = 0;
    while (v >= 1e18) v /= 1e16, exponent += 16; /* steps whose powers are exact */
    while (v < 1e-14) v *= 1e16, exponent -= 16;
    int k = 0;
    while (v / power_of_ten(k) >= 10) k++;
    while (k > -20 && v * power_of_ten(-k) < 1) k--;
    double scaled = n - 1 - k >= 0 ? v * power_of_ten(n - 1 - k > 22 ? 22 : n - 1 - k) : v / power_of_ten(k - n + 1);
    if (n - 1 - k > 22) scaled *= power_of_ten(n - 1 - k - 22);
    uint64_t whole = (uint64_t)(scaled + 0.5), most = 1;
    for (int i = 0; i < n; i++) most *= 10;
    if (whole >= most) whole /= 10, k++;
    for (int i = n; i--; whole /= 10) digits[i] = (char)('0' + whole % 10);
    return exponent + k;
}

static void put_double(Out *o, Spec *s, double v) {
    char text[64], digits[DIGITS + 1];
    bool negative = v < 0 || (v == 0 && 1 / v < 0);
    const char *sign = sign_of(s, negative);
    int n = 0, precision = s->precision < 0 ? 6 : s->precision, exponent = 0;
    char kind = (char)(s->kind | 32);
    if (v != v || v - v != 0) {
        s->zero = false;
        put_padded(o, s, sign, 0, v != v ? "nan" : "inf", 3);
        return;
    }
    if (negative) v = -v;
    memset(digits, '0', sizeof digits);
    if (kind == 'g' && !precision) precision = 1;
    int significant = kind == 'g' ? precision : precision + 1;
    if (v > 0) exponent = digits_of(v, DIGITS < significant ? DIGITS : significant, digits);
    if (kind == 'f' && v > 0) { /* digits after the point, not all digits */
        significant = exponent + 1 + precision;
        memset(digits, '0', sizeof digits);
        if (significant > 0) exponent = digits_of(v, DIGITS < significant ? DIGITS : significant, digits);
        else if (significant == 0 && v * power_of_ten(precision) > 0.5) digits[0] = '1', exponent = -precision;
        else exponent = 0;
    }
    bool scientific = kind == 'e' || (kind == 'g' && (exponent < -4 || exponent >= precision));
    if (kind == 'g') precision = scientific ? precision - 1 : precision - 1 - exponent;
    if (kind == 'g' && !s->other) { /* no zeros at the end */
        int last = scientific ? precision : precision + exponent;
        while (precision > 0 && (last >= DIGITS || (last >= 0 && digits[last] == '0') || last < 0)) precision--, last--;
    }
    if (precision > 30) precision = 30;
    int first = scientific ? 0 : exponent; /* the power of ten of the first digit that is shown */
    for (int p = first > 0 ? first : 0; p >= -precision && n < 56; p--) {
        int at = scientific ? -p : exponent - p;
        if (p == -1) text[n++] = '.';
        text[n++] = at >= 0 && at < DIGITS ? digits[at] : '0';
    }
    if (scientific) {
        int e = exponent < 0 ? -exponent : exponent;
        text[n++] = 'e', text[n++] = exponent < 0 ? '-' : '+';
        if (e >= 100) text[n++] = (char)('0' + e / 100);
        text[n++] = (char)('0' + e / 10 % 10), text[n++] = (char)('0' + e % 10);
    }
    put_padded(o, s, sign, 0, text, n);
}

/* --- the format --- */

static int number(const char **at, va_list *args) {
    int n = 0;
    if (**at == '*') return (*at)++, va_arg(*args, int);
    for (; **at >= '0' && **at <= '9'; (*at)++) n = n * 10 + **at - '0';
    return n;
}

static const char *read_spec(const char *at, Spec *s, va_list *args) {
    *s = (Spec){.precision = -1};
    for (;; at++) {
        if (*at == '-') s->left = true;
        else if (*at == '0') s->zero = true;
        else if (*at == '+') s->plus = true;
        else if (*at == ' ') s->space = true;
        else if (*at == '#') s->other = true;
        else break;
    }
    s->width = number(&at, args);
    if (s->width < 0) s->left = true, s->width = -s->width;
    if (*at == '.') at++, s->precision = number(&at, args);
    for (;; at++) {
        if (*at == 'l') s->length++;
        else if (*at == 'h') s->length = -1;
        else if (*at == 'z' || *at == 't') s->length = 3;
        else if (*at == 'j') s->length = 2;
        else break;
    }
    s->kind = *at;
    return *at ? at + 1 : at;
}

static void put_one(Out *o, Spec *s, va_list *args) {
    char c;
    int64_t v;
    const char *text;
    switch (s->kind) {
    case 'd':
    case 'i':
        v = s->length == 1   ? va_arg(*args, long)
            : s->length == 2 ? va_arg(*args, long long)
            : s->length == 3 ? va_arg(*args, ptrdiff_t)
                             : va_arg(*args, int);
        put_whole(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, sign_of(s, v < 0));
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_whole(o, s,
                  s->length == 1   ? va_arg(*args, unsigned long)
                  : s->length == 2 ? va_arg(*args, unsigned long long)
                  : s->length == 3 ? va_arg(*args, size_t)
                                   : va_arg(*args, unsigned),
                  "");
        break;
    case 'p': put_whole(o, s, (uintptr_t)va_arg(*args, void *), "0x"); break;
    case 'c':
        c = (char)va_arg(*args, int);
        put_padded(o, s, "", 0, &c, 1);
        break;
    case 's': {
        size_t n = 0, most = s->precision < 0 ? SIZE_MAX : (size_t)s->precision;
        text = va_arg(*args, const char *);
        while (n < most && text[n]) n++;
        put_padded(o, s, "", 0, text, (int)n);
        break;
    }
    case 'f':
    case 'e':
    case 'g':
    case 'F':
    case 'E':
    case 'G': put_double(o, s, va_arg(*args, double)); break;
    default: put(o, s->kind ? s->kind : '%'); break; /* %% */
    }
}

int core_vsnprintf(char *out, size_t size, const char *format, va_list args) {
    Out o = {out, size, 0};
    va_list rest;
    va_copy(rest, args);
    while (*format) {
        Spec s;
        if (*format != '%') {
            put(&o, *format++);
            continue;
        }
        format = read_spec(format + 1, &s, &rest);
        put_one(&o, &s, &rest);
    }
    va_end(rest);
    if (size) out[o.used < size ? o.used : size - 1] = 0;
    return (int)o.used;
}

int core_snprintf(char *out, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = core_vsnprintf(out, size, format, args);
    va_end(args);
    return n;
}
