/* guard.h: which calls are let in, by what their headers say. */
#ifndef SD_TOOLS_SERVER_HTTP_GUARD_H
#define SD_TOOLS_SERVER_HTTP_GUARD_H

#include "keys.h"

typedef struct {
    const Keys *keys;
    const char *listen;  /* the host that is listened on */
    const char *hosts;   /* further names for the Host header, by commas; NULL: none */
    const char *origins; /* pages that may call besides our own, by commas; NULL: none */
    bool any_host;       /* keys guard; no name is refused */
} Guard;

/* Whether a call may go on; it then has its key, and the origin that its answer may be shown to. Else it is answered:
 * 403 for a Host or Origin that is not ours, 401 without a key; and a preflight with 204 or 403. `open`: it needs no
 * key. */
bool guard_call(const Guard *g, Call *c, bool open);
/* Whether its body may be read as JSON: its type says so, or there is neither a type nor an Origin. Else: 415. */
bool guard_json(Call *c);

#endif
