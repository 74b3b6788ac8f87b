/* draw.c: a picture by sd_core, as a program that has the amalgamation beside it: draw MODEL OUT.ppm PROMPT. */
#include "sd_core.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMORY = 4 << 20, MOST = 64 << 20 };

int main(int argc, char **argv) {
    Error e = {0};
    unsigned char *file = aligned_alloc(64, MOST), *memory = malloc(MEMORY);
    FILE *in = argc == 4 ? fopen(argv[1], "rb") : NULL;
    if (!in || !file || !memory) return fprintf(stderr, "draw MODEL OUT.ppm PROMPT\n"), 2;
    size_t size = fread(file, 1, MOST, in);
    fclose(in);
    sd_core_memory(memory, MEMORY);
    SdModel *model = sd_open_memory(argv[1], file, size, NULL, &e);
    SdRequest request = sd_request(model);
    request.prompt = argv[3], request.seed = 1, request.steps = 2, request.cfg = 3, request.sampler = "Euler";
    SdResult result = {0};
    if (!sd_txt2img(model, &request, &result, &e)) return fprintf(stderr, "%s\n", e.text), 1;
    FILE *out = fopen(argv[2], "wb");
    if (!out) return 1;
    fprintf(out, "P6 %d %d 255\n", result.pictures[0].width, result.pictures[0].height);
    fwrite(result.pictures[0].rgb, 3, (size_t)(request.width * request.height), out);
    printf("%s: %zu bytes of memory\n", argv[2], sd_core_peak());
    return fclose(out) != 0;
}
