/* files_yaml.c: YAML as configurations of models have it. */
#include "files.h"
#include "tests/harness/test.h"
#include "weights/files/yaml.h"

#include <stdlib.h>
#include <string.h>

static const char TEXT[] = "# a comment\r\n"
                           "model:\r\n"
                           "  target: ldm.models.LatentDiffusion\n"
                           "  params:\n"
                           "    parameterization: \"v\"  # not eps\n"
                           "    linear_start: 0.00085\n"
                           "    monitor: val/loss_simple_ema\n"
                           "    conditioning_key: 'cross # attn'\n"
                           "    use_ema: False\n"
                           "    none:\n"
                           "    empty: []\n"
                           "    attention_resolutions: [ 4, 2, 1 ]\n"
                           "    ch_mult:\n"
                           "    - 1\n"
                           "    - 2.5\n"
                           "    - x y\n"
                           "    ddconfig:\n"
                           "      z_channels: 4\n"
                           "    emb_models:\n"
                           "      - target: a\n"
                           "        params:\n"
                           "          layer: 1\n\n"
                           "      # the next\n"
                           "      - params:\n"
                           "          x: 2\n"
                           "    flat:\n"
                           "    - k: 1\n"
                           "      l: 2\n"
                           "    - k: 3\n"
                           "  after: ~\n"
                           "other: {}\n";

static const char JSON[] =
    "{\"model\":null,\"model.target\":\"ldm.models.LatentDiffusion\",\"model.params\":null,"
    "\"model.params.parameterization\":\"v\",\"model.params.linear_start\":0.00085,"
    "\"model.params.monitor\":\"val/loss_simple_ema\",\"model.params.conditioning_key\":\"cross # attn\","
    "\"model.params.use_ema\":false,\"model.params.none\":null,\"model.params.empty\":[],"
    "\"model.params.attention_resolutions\":[4,2,1],\"model.params.ch_mult\":[1,2.5,\"x y\"],"
    "\"model.params.ddconfig\":null,\"model.params.ddconfig.z_channels\":4,"
    "\"model.params.emb_models\":null,\"model.params.emb_models.0.target\":\"a\","
    "\"model.params.emb_models.0.params\":null,\"model.params.emb_models.0.params.layer\":1,"
    "\"model.params.emb_models.1.params\":null,\"model.params.emb_models.1.params.x\":2,"
    "\"model.params.flat\":null,\"model.params.flat.0.k\":1,\"model.params.flat.0.l\":2,"
    "\"model.params.flat.1.k\":3,\"model.after\":null,\"other\":{}}";

static bool same(const Json *a, const Json *b) {
    bool ok = a && b && a->count == b->count;
    for (int32_t i = 0; ok && i < a->count; i++) {
        const JsonNode *x = &a->nodes[i], *y = &b->nodes[i];
        ok = x->type == y->type && x->count == y->count && !x->key == !y->key && (!x->key || !strcmp(x->key, y->key)) &&
             !x->text == !y->text && (!x->text || !strcmp(x->text, y->text));
    }
    return ok;
}

void files_yaml(void) {
    static const char *const REFUSED[][2] = {{"a:\n\tb: 1\n", "line 2"},
                                             {"a: &x 1\n", "line 1"},
                                             {"a: |\n  text\n", "line 1"},
                                             {"a\n", "line 1"},
                                             {"- a\n", "line 1"},
                                             {"a: 1\n\n- b\n", "line 3"},
                                             {"a:\n- x\n- b: 1\n", "line 3"},
                                             {"a: 1\n- b: 1\n", "line 2"},
                                             {"a:\n- b: 1\n- x\n", "line 3"},
                                             {"a: [1,\n 2]\n", "line 1"},
                                             {"a: [[1]]\n", "line 1"},
                                             {"a: {b: 1}\n", "line 1"},
                                             {"a: 1\n---\nb: 2\n", "line 2"},
                                             {"a: \1true\n", "line 1"}};
    Error e = {0};
    Json *yaml = yaml_parse("YAML", TEXT, &e), *json = json_parse("JSON", JSON, sizeof JSON - 1, &e);
    test_check(same(yaml, json), "YAML as JSON");
    test_note("%s", e.text);
    json_free(yaml);
    json_free(json);
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        Error no = {0};
        yaml = yaml_parse("YAML", REFUSED[i][0], &no);
        test_check(!yaml && no.code == ERR_FORMAT && holds(no.text, REFUSED[i][1]), "YAML %zu is refused", i);
        test_note("%s", no.text);
        json_free(yaml);
    }
}
