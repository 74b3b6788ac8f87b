/* server.h: the parts of the suite `server`. */
#ifndef SD_TESTS_SERVER_PARTS_H
#define SD_TESTS_SERVER_PARTS_H

#include "client.h"

#define T "/sdapi/v1/txt2img"
#define SMALL "\"steps\":1,\"seed\":5" /* members of a small request */
#define NO_TYPE "Content-Type: -\r\n"

void server_nap(void);
void server_webui(const Served *s);
void server_openai(const Served *s);
void server_jobs(const Served *s);
void server_restarts(void);

#endif
