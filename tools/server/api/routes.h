/* routes.h: the table of what the server answers. A route is a handler and a row of its table. */
#ifndef SD_TOOLS_SERVER_API_ROUTES_H
#define SD_TOOLS_SERVER_API_ROUTES_H

#include "tools/server/serve.h"

/* Sets c->answer, or puts a job into the queue that c waits for. */
typedef void Handler(Serve *s, Call *c);

enum {
    ROUTE_JSON = 1 << 0,   /* the body is JSON: c->json, which may be an empty object */
    ROUTE_OPEN = 1 << 1,   /* needs no key */
    ROUTE_BELOW = 1 << 2,  /* also paths below this one */
    ROUTE_OPENAI = 1 << 3, /* errors have OpenAI's form */
};

typedef struct Route {
    const char *method, *path;
    Handler *handle;
    int flags;
    const char *summary;
    /* Of the body, or of the query where there is none: "name:type,...", a type's first letter, `!`: it must be there;
     * "@txt2img", "@img2img": the table of settings. NULL: nothing, or nothing that is fixed. */
    const char *takes;
} Route;

/* Tables, which end with path NULL. */
extern const Route WEBUI_ROUTES[], WEBUI_LISTS[], EXTRA_ROUTES[], CONTROL_ROUTES[], DESCRIBE_ROUTES[],
    PHOTOSHOP_ROUTES[], NATIVE_ROUTES[], TOKEN_ROUTES[], CARD_ROUTES[], STYLE_ROUTES[], OPENAI_ROUTES[], PAGE_ROUTES[],
    HEALTH_ROUTES[], OPENAPI_ROUTES[];

/* Puts a job into the queue for a call; answers 503 or 429 where that cannot be. */
void route_add(Serve *s, Call *c, Job *j);
/* The same for a job that `waits` waits for, or nobody (NULL); whether it was taken. */
bool route_put(Serve *s, Call *c, Job *j, Call *waits);
/* Answers with what is wrong. */
void route_fault(Call *c, const Fault *f);

#endif
