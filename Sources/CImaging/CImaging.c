#include "CImaging.h"

void scangate_halve(const uint8_t *restrict from, size_t stride, size_t width, size_t height, uint8_t *restrict to) {
    for (size_t y = 0; y + 1 < height; y += 2, to += width / 2) {
        const uint8_t *upper = from + y * stride, *lower = upper + stride;
        for (size_t x = 0; x < width / 2; x++) {
            unsigned sum = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
            to[x] = (uint8_t)((sum + 2) / 4);
        }
    }
}

void scangate_yuyv_luma(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                        uint8_t *restrict to) {
    for (size_t y = 0; y < height; y++, from += stride, to += width)
        for (size_t x = 0; x < width; x++) to[x] = from[2 * x];
}
