/* fuzz_diff.c: `sdc diff` of two files, with a file of pairs of names. Its JSON is JSON, and a file equals itself. */
#include "fuzz.h"

#include "weights/files/json.h"

#include <string.h>

FUZZ(diff) {
    FuzzBytes rest = {data, size};
    FuzzBytes a = fuzz_weights(fuzz_part(&rest)), b = fuzz_weights(fuzz_part(&rest)), names = fuzz_part(&rest);
    char a_path[1024], b_path[1024];
    strcpy(a_path, fuzz_file("a.safetensors", a));
    strcpy(b_path, fuzz_file("b.safetensors", b));
    const char *names_path = fuzz_file("names", names);
    FuzzRun r = names.size ? fuzz_sdc("diff", a_path, b_path, "--json", "--names", names_path, NULL)
                           : fuzz_sdc("diff", a_path, b_path, "--json", NULL);
    FuzzRun self = fuzz_sdc("diff", a_path, a_path, NULL);
    fuzz_require(*r.out || *r.err);
    if (*r.out) {
        Error e = {0};
        Json *j = json_parse("diff", r.out, strlen(r.out), &e);
        fuzz_require(j);
        json_free(j);
    }
    if (self.code) /* then there is a reason */
        fuzz_require(*self.err || strstr(self.out, "not finite") || strstr(self.out, "cannot be compared"));
    fuzz_sdc_free(&r);
    fuzz_sdc_free(&self);
    fuzz_weights_free(a);
    fuzz_weights_free(b);
}
