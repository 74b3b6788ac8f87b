/* values.h: settings of the table as they stand in JSON. Clients were written for pydantic v1, which turns "20" into
 * 20, 12.5 into 12, "True" into true and null into the default; so do we. Everything else of another type is refused.
 */
#ifndef SD_TOOLS_SERVER_API_VALUES_H
#define SD_TOOLS_SERVER_API_VALUES_H

#include "sd/info/params.h"

#include <jansson.h>

/* Why a request cannot be served. */
typedef struct {
    int status;     /* of HTTP; 0: nothing is wrong */
    char param[64]; /* the key that is wrong; "": none */
    char text[700];
} Fault;

/* Sets f, unless it is set. Returns false. */
bool fault(Fault *f, int status, const char *param, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether two words are the same in any case of letters. */
bool value_same(const char *a, const char *b);

/* Values of any key. v NULL or null: *out stays. */
bool value_whole(const char *key, const json_t *v, int64_t low, int64_t high, int64_t *out, Fault *f);
bool value_bool(const char *key, const json_t *v, bool *out, Fault *f);
/* *out is v's. Numbers are no strings. */
bool value_string(const char *key, const json_t *v, const char **out, Fault *f);

/* Whether clients may give the row a value: files are the server's. */
bool value_given(const Param *p);
/* The row of that name in the webui's API, that clients may give; NULL: none. */
const Param *value_param(const char *json);
/* Sets the row to what v says; null leaves it. Strings are v's, which must outlive r. 404 `Sampler not found`, 422. An
 * unknown schedule type is Automatic, as in the webui. */
bool value_take(const Param *p, const char *key, const json_t *v, SdRequest *r, Fault *f);
/* The row's value as the webui writes it; of a row that is not given its default, or null where the model decides. */
json_t *value_json(const Param *p, const SdRequest *r);

#endif
