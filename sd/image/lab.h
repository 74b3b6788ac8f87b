/* lab.h: bytes of RGB and of CIE L*a*b*, as OpenCV converts 8-bit pictures: by tables and integers. Source: OpenCV 4,
 * modules/imgproc/src/color_lab.cpp (RGB2Lab_b, Lab2RGBinteger). */
#ifndef SD_IMAGE_LAB_H
#define SD_IMAGE_LAB_H

#include <stdint.h>

enum { LAB_ROOTS = 3072, LAB_SRGB = 4096 };

typedef struct {
    uint16_t linear[256];          /* 2040 times a channel without its gamma */
    uint16_t root[LAB_ROOTS];      /* 32768 f(i / 2040), f of L*a*b* */
    int16_t light[256], grey[256]; /* of L: 16384 Y, 16384 f(Y) */
    uint8_t srgb[LAB_SRGB];        /* i / 4096 with its gamma */
} LabTables;

void lab_tables(LabTables *t);
void lab_of_rgb(const LabTables *t, uint8_t lab[3], const uint8_t rgb[3]);
void lab_to_rgb(const LabTables *t, uint8_t rgb[3], const uint8_t lab[3]);

#endif
