/* server.h: the parts of the suite `server`. */
#ifndef SD_TESTS_SERVER_PARTS_H
#define SD_TESTS_SERVER_PARTS_H

#include "client.h"

#define T "/sdapi/v1/txt2img"
#define SMALL "\"steps\":1,\"seed\":5" /* members of a small request */
#define NO_TYPE "Content-Type: -\r\n"

/* One request, one reply: as reply_check wants it. */
typedef struct {
    const char *name, *method, *path, *headers, *body;
    int status;
    const char *wanted;
} Case;
void server_cases(const Served *s, const Case *cases, size_t count);

void server_nap(void);
/* Until nothing is waiting and nothing at work, for some seconds. */
void wait_idle(const Served *s, const char *name);
void server_webui(const Served *s);
void server_forms(const Served *s);
void server_hires(const Served *s);
void server_controls(const Served *s);
void server_openai(const Served *s);
void server_jobs(const Served *s);
void server_restarts(void);
void server_more(void);
void server_load(const Served *s);
void server_image_prompt(void);

#endif
