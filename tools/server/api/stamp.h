/* stamp.h: times of day as text, in UTC. */
#ifndef SD_TOOLS_SERVER_API_STAMP_H
#define SD_TOOLS_SERVER_API_STAMP_H

#include <stdint.h>

enum { STAMP_SIZE = 32 };

/* Seconds since the epoch, now. */
double stamp_now(void);
/* "2026-11-30T02:31:40.123Z"; "20261130023140"; "2026-11-30". */
const char *stamp_iso(double seconds, char out[STAMP_SIZE]);
const char *stamp_digits(double seconds, char out[STAMP_SIZE]);
const char *stamp_day(double seconds, char out[STAMP_SIZE]);

#endif
