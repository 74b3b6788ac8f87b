#include "option.h"

bool option_next(OptionCursor *k, Option *o) {
    for (; k->next && k->next->kind == OPT_ROWS; k->next++, k->row = 0) {
        if (!k->next->row(k->row++, o)) continue;
        o->at += k->next->at;
        return true;
    }
    if (!k->next || k->next->kind == OPT_END) return false;
    *o = *k->next++;
    return true;
}
