/* fuzz_yaml.c: YAML as models' configurations have it: an object whose keys are paths. */
#include "fuzz.h"

#include "weights/files/yaml.h"

#include <stdlib.h>
#include <string.h>

FUZZ(yaml) {
    Error e = {0};
    char *text = fuzz_text((FuzzBytes){data, size});
    Json *j = yaml_parse("it", text, &e);
    if (fuzz_verdict(j != NULL, &e)) {
        fuzz_require(j->nodes[0].type == JSON_OBJECT);
        for (int32_t i = j->nodes[0].child; i >= 0; i = j->nodes[i].next)
            fuzz_require((j->nodes[i].type != JSON_OBJECT || !j->nodes[i].count) && *j->nodes[i].key);
    }
    json_free(j);
    free(text);
}
