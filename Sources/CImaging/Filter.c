#include "CImaging.h"
#include "Clones.h"

// Prefix sums are one addition after the other; all else is vectors.
CLONES void scangate_threshold(const uint8_t *restrict from, size_t stride, size_t width, size_t height, unsigned block,
                               int offset, uint32_t *restrict scratch, uint8_t *restrict to) {
    if (!width || !height) return;
    const size_t radius = block / 2;
    const int area = (int)(block * block);
    uint32_t *restrict columns = scratch;                  // width: sums of a block's height
    uint32_t *restrict sums = scratch + width;             // width + block: of columns, from `radius` left of the first
    for (size_t x = 0; x < width; x++) columns[x] = from[x] * (uint32_t)(radius + 1);
    for (size_t y = 1; y <= radius; y++) {
        const uint8_t *row = from + (y < height ? y : height - 1) * stride;
        for (size_t x = 0; x < width; x++) columns[x] += row[x];
    }
    for (size_t y = 0; y < height; y++, to += width) {
        uint32_t sum = 0;
        for (size_t x = 0; x <= radius; x++, sum += columns[0]) sums[x] = sum;
        // sums[x + radius] is what lies left of column x; radius copies of the first column were counted above.
        sum -= columns[0];
        for (size_t x = 0; x < width; x++) {
            sums[x + radius] = sum;
            sum += columns[x];
        }
        for (size_t x = width + radius; x < width + block; x++, sum += columns[width - 1]) sums[x] = sum;
        const uint8_t *row = from + y * stride;
        // pixel > round(sum / area) - offset, without dividing; the area is odd, so there is no half.
        for (size_t x = 0; x < width; x++) {
            int twice = (int)(sums[x + block] - sums[x]) * 2;
            to[x] = ((row[x] + offset) * 2 - 1) * area > twice ? 255 : 0;
        }
        const uint8_t *leaves = from + (y > radius ? y - radius : 0) * stride;
        const uint8_t *comes = from + (y + radius + 1 < height ? y + radius + 1 : height - 1) * stride;
        for (size_t x = 0; x < width; x++) columns[x] += (uint32_t)comes[x] - leaves[x];
    }
}

CLONES void scangate_blur(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                          const uint16_t *restrict weights, unsigned radius, uint8_t *restrict scratch,
                          uint8_t *restrict to) {
    if (!width || !height) return;
    uint8_t *restrict middle = scratch + radius;
    for (size_t y = 0; y < height; y++, to += width) {
        const uint8_t *row = from + y * stride;
        const uint8_t *near[33];
        for (unsigned away = 1; away <= radius; away++) {
            near[2 * away - 2] = from + (y >= away ? y - away : 0) * stride;
            near[2 * away - 1] = from + (y + away < height ? y + away : height - 1) * stride;
        }
        // In strips that stay in registers and the nearest cache.
        for (size_t begin = 0; begin < width; begin += 64) {
            const size_t count = width - begin < 64 ? width - begin : 64;
            uint16_t sum[64];
            for (size_t x = 0; x < count; x++) sum[x] = (uint16_t)(row[begin + x] * weights[0] + 128);
            for (unsigned away = 1; away <= radius; away++) {
                const uint8_t *above = near[2 * away - 2] + begin, *below = near[2 * away - 1] + begin;
                const uint16_t weight = weights[away];
                for (size_t x = 0; x < count; x++) sum[x] += (uint16_t)((above[x] + below[x]) * weight);
            }
            for (size_t x = 0; x < count; x++) middle[begin + x] = (uint8_t)(sum[x] >> 8);
        }
        for (unsigned x = 0; x < radius; x++) {
            scratch[x] = middle[0];
            middle[width + x] = middle[width - 1];
        }
        for (size_t begin = 0; begin < width; begin += 64) {
            const size_t count = width - begin < 64 ? width - begin : 64;
            uint16_t sum[64];
            for (size_t x = 0; x < count; x++) sum[x] = (uint16_t)(middle[begin + x] * weights[0] + 128);
            for (unsigned away = 1; away <= radius; away++) {
                const uint8_t *left = middle + begin - away, *right = middle + begin + away;
                const uint16_t weight = weights[away];
                for (size_t x = 0; x < count; x++) sum[x] += (uint16_t)((left[x] + right[x]) * weight);
            }
            for (size_t x = 0; x < count; x++) to[begin + x] = (uint8_t)(sum[x] >> 8);
        }
    }
}

CLONES void scangate_sharpen(const uint8_t *restrict from, size_t stride, size_t width, size_t height, int amount,
                             uint8_t *restrict to) {
    for (size_t y = 0; y < height; y++, from += stride, to += width)
        for (size_t x = 0; x < width; x++) {
            short pixel = from[x], value = (short)(pixel + (((pixel - to[x]) * amount) >> 4));
            to[x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
}
