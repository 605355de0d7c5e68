#include "CImaging.h"
#include "Clones.h"

CLONES void scangate_yuyv_luma(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                               uint8_t *restrict to) {
    for (size_t y = 0; y < height; y++, from += stride, to += width)
        for (size_t x = 0; x < width; x++) to[x] = from[2 * x];
}

CLONES void scangate_invert(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                            uint8_t *restrict to) {
    for (size_t y = 0; y < height; y++, from += stride, to += width)
        for (size_t x = 0; x < width; x++) to[x] = 255 - from[x];
}

CLONES double scangate_sharpness(const uint8_t *from, size_t stride, size_t width, size_t height, size_t step) {
    if (width < 3 || height < 3) return 0;
    int64_t sum = 0, squares = 0, count = 0;
    for (size_t y = 1; y + 1 < height; y += step) {
        const uint8_t *row = from + y * stride, *above = row - stride, *below = row + stride;
        // In stretches whose sums fit 32 bits: 1020^2 * 2048 < 2^31.
        for (size_t begin = 1; begin + 1 < width; begin += 2048) {
            const size_t end = begin + 2048 < width - 1 ? begin + 2048 : width - 1;
            int32_t part = 0, parts = 0;
            for (size_t x = begin; x < end; x++) {
                int32_t value = above[x] + below[x] + row[x - 1] + row[x + 1] - 4 * row[x];
                part += value;
                parts += value * value;
            }
            sum += part;
            squares += parts;
            count += (int64_t)(end - begin);
        }
    }
    const double mean = (double)sum / (double)count;
    return (double)squares / (double)count - mean * mean;
}
