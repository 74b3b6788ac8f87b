/* tiles.h: SD upscale: a picture is enlarged, drawn again in overlapping tiles by img2img, and joined.
 * Source: AUTOMATIC1111, scripts/sd_upscale.py.
 *
 *     picture ── enlarge.h ──> whole ── grid.h ──> tiles, batch_size at a time
 *     batch i ── generate, as img2img of these with the seeds from seed + i on ──> grid_put ──> the result
 *
 * All batches share one plan and, where memory allows, weights. The text is the first tile's.
 *
 * With a mask each tile has its part of it, and what is kept are the enlarged picture's bytes; tiles of which all is
 * kept are not drawn, and seeds count over those that are. (The webui lays the whole mask over every tile.) What a
 * ControlNet or an instruct-pix2pix model is shown is the tile's part, too. */
#ifndef SD_WORKFLOW_TILES_H
#define SD_WORKFLOW_TILES_H

#include "sd/sd.h"

bool tiles_draw(SdModel *m, const SdRequest *r, SdResult *out, Error *e);
bool tiles_plan(SdModel *m, const SdRequest *r, SdPlan *out, Error *e);
bool tiles_tell(SdModel *m, const SdRequest *r, char **text, Error *e);
/* Of the finished picture. */
void tiles_size(const SdRequest *r, int *width, int *height);

#endif
