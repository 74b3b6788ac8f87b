#include "palette.h"

const Colour PALETTE[SHAPES_COLOURS] = {
    {"red", NULL, {222, 38, 46}},         {"orange", NULL, {240, 126, 24}},      {"yellow", NULL, {252, 220, 58}},
    {"green", NULL, {46, 164, 70}},       {"cyan", "turquoise", {62, 206, 222}}, {"blue", NULL, {38, 88, 214}},
    {"purple", "violet", {134, 58, 180}}, {"pink", NULL, {248, 142, 190}},       {"brown", NULL, {126, 74, 38}},
    {"black", NULL, {22, 22, 26}},        {"grey", "gray", {138, 142, 148}},     {"white", NULL, {250, 250, 250}},
};

const char *shapes_colour_name(int colour) { return PALETTE[colour].name; }
const uint8_t *shapes_colour_rgb(int colour) { return PALETTE[colour].rgb; }
