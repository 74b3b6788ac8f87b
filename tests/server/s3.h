/* s3.h: a bucket's server that checks signatures (Amazon's Signature Version 4) and can be told to fail. */
#ifndef SD_TESTS_SERVER_S3_H
#define SD_TESTS_SERVER_S3_H

#include <stdbool.h>
#include <sys/types.h>

#define S3_ID "AKIAIOSFODNN7EXAMPLE"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

typedef struct {
    pid_t process;
    int port;
    char dir[512]; /* objects, '/' being '_' in their names; "log": a line for each request */
} S3;

/* Puts go to /pictures/...; port 0: any. False: it cannot be started. */
bool s3_start(S3 *s, const char *dir, int port);
void s3_stop(S3 *s);
/* What it does from now on: "ok", "503" (SlowDown), "drop" (closes connections). */
void s3_mode(const S3 *s, const char *mode);

#endif
