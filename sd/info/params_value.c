/* params_value.c: values of the table of settings. */
#include "params.h"

double param_number(const Param *p, const SdRequest *r) {
    const void *at = (const char *)r + p->at;
    switch (p->type) {
    case PARAM_INT: return *(const int *)at;
    case PARAM_ENUM: return *(const unsigned *)at; /* enums without negative words */
    case PARAM_INT64: return (double)*(const int64_t *)at;
    case PARAM_DOUBLE: return *(const double *)at;
    case PARAM_BOOL: return *(const bool *)at;
    default: return 0;
    }
}

void param_set_number(const Param *p, SdRequest *r, double v) {
    void *at = (char *)r + p->at;
    switch (p->type) {
    case PARAM_INT: *(int *)at = (int)v; break;
    case PARAM_ENUM: *(unsigned *)at = (unsigned)(int64_t)v; break;
    case PARAM_INT64: *(int64_t *)at = (int64_t)v; break;
    case PARAM_DOUBLE: *(double *)at = v; break;
    case PARAM_BOOL: *(bool *)at = v != 0; break;
    default: break;
    }
}

double param_high(const Param *p) { return p->type == PARAM_ENUM ? words_count(p->value) - 1 : p->high; }

bool param_admits(const Param *p, double v) { return (v >= p->low && v <= param_high(p)) || v == p->standard; }
