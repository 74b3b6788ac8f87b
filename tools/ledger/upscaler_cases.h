/* upscaler_cases.h: the table of upscalers whose outputs are in tests/golden/upscalers.safetensors, under their names, as
 * spandrel computes them. Use it as cases.h.
 *
 *   RRDBNET(name, names, H, W, channels, growth, blocks, ups, gather)     growth 32 is spandrel's only one
 *     names OLD, MID or NEW; x [1,3,H,W], y [1,3,H*S,W*S], S = 2^ups / gather
 *   COMPACT(name, H, W, channels, convs, scale)       x [1,3,H,W], y [1,3,H*scale,W*scale]
 *
 * Weights are "NAME." and the part's name in a file of these names, by the rule for weights; the input is "NAME.x",
 * x / 6 + 0.5. */
#ifndef RRDBNET
#define RRDBNET(...)
#endif
#ifndef COMPACT
#define COMPACT(...)
#endif

/* RRDBNET(name,    names, H,  W,  channels, growth, blocks, ups, gather) */
RRDBNET(up_x4,      NEW,   29, 34, 32,       32,     1,      2,   1)
RRDBNET(up_x4_mid,  MID,   7,  10, 16,       32,     2,      2,   1)
RRDBNET(up_x8_old,  OLD,   6,  5,  16,       32,     1,      3,   1)
RRDBNET(up_x1_old,  OLD,   30, 9,  16,       32,     1,      0,   1)
RRDBNET(up_x2,      NEW,   21, 17, 32,       32,     1,      2,   2)
RRDBNET(up_x1,      NEW,   18, 27, 16,       32,     1,      2,   4)
COMPACT(up_compact, 31, 18, 32, 3, 4)

#undef RRDBNET
#undef COMPACT
