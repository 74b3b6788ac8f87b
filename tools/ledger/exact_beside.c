#include "exact_beside.h"

#include "generated.h"
#include "made_nets.h"
#include "sd/load/control.h"
#include "sd/load/upscaler.h"

#include <stdlib.h>
#include <string.h>

static bool open_control(ExactBeside *b, const ExactPicture *p, const LedgerTable *t, SdModel *m, SdRequest *r,
                         Error *e) {
    bool image = p->control == EXACT_IP_ADAPTER || p->control == EXACT_IP_ADAPTER_PLUS;
    size_t size;
    b->bytes[0] = image ? made_ip_adapter(&m->config, p->control != EXACT_IP_ADAPTER, &size, e)
                  : p->control == EXACT_CONTROLNET ? made_controlnet(&m->config, &size, e)
                                                   : made_t2i_adapter(&m->config, &size, e);
    b->net = b->bytes[0] ? control_open_memory("a control", b->bytes[0], size, image, m, e) : NULL;
    if (!b->net) return false;
    if (!t->gpu) b->net->m.ops = t->op;
    uint32_t crc = gen_crc("shown");
    for (uint64_t i = 0; i < sizeof b->shown; i++) b->shown[i] = (uint8_t)(gen_mixed(crc, i) >> 24);
    b->control = p->how;
    b->control.net = b->net, b->control.image = b->shown;
    b->control.width = EXACT_SHOWN_W, b->control.height = EXACT_SHOWN_H;
    r->controls = &b->control, r->control_count = 1;
    return true;
}

static bool is_network(const char *upscaler) {
    return upscaler && (!strcmp(upscaler, EXACT_RRDBNET) || !strcmp(upscaler, EXACT_COMPACT));
}

static bool open_upscaler(ExactBeside *b, const char *name, const LedgerTable *t, const SdOptions *o, SdRequest *r,
                          Error *e) {
    EsrganConfig k = strcmp(name, EXACT_COMPACT) ? micro_rrdbnet_config() : micro_compact_config();
    size_t size;
    b->bytes[1] = made_upscaler(&k, &size, e);
    b->upscaler = b->bytes[1] ? upscaler_open_memory(name, b->bytes[1], size, o, e) : NULL;
    if (b->upscaler && !t->gpu) b->upscaler->m->ops = t->op;
    r->upscaler = b->upscaler;
    return b->upscaler != NULL;
}

bool exact_beside_open(ExactBeside *b, const ExactPicture *p, const LedgerTable *t, const SdOptions *o, SdModel *m,
                       SdRequest *r, Error *e) {
    *b = (ExactBeside){.net = NULL};
    if (p->hires) {
        r->hires_upscaler = p->hires, r->hires_steps = 2, r->strength = 0.7;
        if (p->hires_width) r->hires_width = p->hires_width, r->hires_height = p->hires_height;
        else r->hires_scale = 2;
    }
    const char *upscaler = p->hires ? p->hires : p->sd_upscale;
    return (!p->control || open_control(b, p, t, m, r, e)) &&
           (!is_network(upscaler) || open_upscaler(b, upscaler, t, o, r, e));
}

void exact_beside_close(ExactBeside *b) {
    sd_close_control(b->net);
    sd_upscaler_close(b->upscaler);
    for (int i = 0; i < 2; i++) free(b->bytes[i]);
}
