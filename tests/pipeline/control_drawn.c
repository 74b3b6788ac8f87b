#include "control_drawn.h"

#include "pipeline.h"

#include <stdio.h>
#include <string.h>

ControlDrawn control_drawn(SdModel *m, SdControlNet *net, SdControl c, void (*change)(SdRequest *r, SdControl *c),
                           Error *e) {
    ControlDrawn d = {.ok = false};
    SdResult out = {0};
    SdRequest r = pipeline_request("Euler", 42, CONTROL_SIDE, CONTROL_SIDE);
    r.steps = 2, r.controls = &c, r.control_count = net ? 1 : 0;
    if (change) change(&r, &c);
    d.ok = m && !e->code && sd_plan(m, &r, &d.plan, e) && sd_txt2img(m, &r, &out, e);
    d.exact = m && sd_exact(m);
    for (int i = 0; d.ok && i < out.count && i < 2; i++) memcpy(d.rgb[i], out.pictures[i].rgb, sizeof d.rgb[i]);
    snprintf(d.text, sizeof d.text, "%s", d.ok ? out.pictures[0].parameters : e->text);
    sd_free(&out);
    sd_close_control(net);
    sd_close(m);
    return d;
}

bool control_drawn_same(const ControlDrawn *a, const ControlDrawn *b) {
    return a->ok && b->ok && !memcmp(a->rgb[0], b->rgb[0], sizeof a->rgb[0]);
}
