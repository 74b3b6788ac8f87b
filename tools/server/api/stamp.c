#include "stamp.h"

#include <stdio.h>
#include <time.h>

double stamp_now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
    int year, month, day, hour, minute, second, millisecond;
} Date;

/* The Gregorian calendar, its year beginning in March, by 400 years of 146097 days. (gmtime's result is shared.) */
static Date date(double seconds) {
    int64_t whole = (int64_t)seconds, days = whole / 86400 + 719468, rest = whole % 86400;
    int64_t era = days / 146097, day = days % 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
    Date d = {.day = (int)(in_year - (153 * month + 2) / 5 + 1), .month = (int)(month < 10 ? month + 3 : month - 9)};
    d.year = (int)(year + era * 400 + (d.month <= 2));
    d.hour = (int)(rest / 3600), d.minute = (int)(rest / 60 % 60), d.second = (int)(rest % 60);
    d.millisecond = (int)((seconds - (double)whole) * 1000);
    return d;
}

const char *stamp_iso(double seconds, char out[STAMP_SIZE]) {
    Date d = date(seconds);
    snprintf(out, STAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year % 10000, d.month, d.day, d.hour, d.minute,
             d.second, d.millisecond);
    return out;
}

const char *stamp_digits(double seconds, char out[STAMP_SIZE]) {
    Date d = date(seconds);
    snprintf(out, STAMP_SIZE, "%04d%02d%02d%02d%02d%02d", d.year % 10000, d.month, d.day, d.hour, d.minute, d.second);
    return out;
}

const char *stamp_day(double seconds, char out[STAMP_SIZE]) {
    Date d = date(seconds);
    snprintf(out, STAMP_SIZE, "%04d-%02d-%02d", d.year % 10000, d.month, d.day);
    return out;
}
