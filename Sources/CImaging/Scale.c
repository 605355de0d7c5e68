#include "CImaging.h"
#include "Clones.h"

CLONES void scangate_halve(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                           uint8_t *restrict to) {
    for (size_t y = 0; y + 1 < height; y += 2, to += width / 2) {
        const uint8_t *upper = from + y * stride, *lower = upper + stride;
        for (size_t x = 0; x < width / 2; x++) {
            unsigned sum = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
            to[x] = (uint8_t)((sum + 2) / 4);
        }
    }
}

CLONES void scangate_third(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                           uint16_t *restrict scratch, uint8_t *restrict to) {
    for (size_t y = 0; y + 2 < height; y += 3, to += width / 3) {
        const uint8_t *row = from + y * stride;
        for (size_t x = 0; x < width; x++) scratch[x] = row[x] + row[x + stride] + row[x + 2 * stride];
        for (size_t x = 0; x < width / 3; x++) {
            unsigned sum = scratch[3 * x] + scratch[3 * x + 1] + scratch[3 * x + 2];
            to[x] = (uint8_t)((sum + 4) * 7282 >> 16);  // / 9, exact up to 2299
        }
    }
}

// A row between two, by 256ths.
static inline void between(const uint8_t *restrict one, const uint8_t *restrict other, unsigned share, size_t width,
                           uint16_t *restrict to) {
    for (size_t x = 0; x < width; x++) to[x] = (uint16_t)(one[x] * (256 - share) + other[x] * share);
}

CLONES void scangate_double(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                            uint16_t *restrict scratch, uint8_t *restrict to) {
    if (!width) return;
    for (size_t y = 0; y < 2 * height; y++, to += 2 * width) {
        const uint8_t *near = from + y / 2 * stride;
        const uint8_t *far = y & 1 ? (y / 2 + 1 < height ? near + stride : near) : (y ? near - stride : near);
        between(near, far, 64, width, scratch);
        to[0] = (uint8_t)((scratch[0] + 128) >> 8);
        for (size_t x = 0; x + 1 < width; x++) {
            to[2 * x + 1] = (uint8_t)((scratch[x] * 3u + scratch[x + 1] + 512) >> 10);
            to[2 * x + 2] = (uint8_t)((scratch[x] + scratch[x + 1] * 3u + 512) >> 10);
        }
        to[2 * width - 1] = (uint8_t)((scratch[width - 1] + 128) >> 8);
    }
}

// Pixel i of the larger picture lies at (i + 1/2) * 2/3 - 1/2 of the smaller: 5/6 of the last and the first, the second
// between two, 1/6 of the next: in threes, -1/6, 1/2, 7/6.
CLONES void scangate_half_more(const uint8_t *restrict from, size_t stride, size_t width, size_t height,
                               uint16_t *restrict scratch, uint8_t *restrict to) {
    if (!width) return;
    const size_t wide = width * 3 / 2, high = height * 3 / 2;
    for (size_t y = 0; y < high; y++, to += wide) {
        size_t base = y / 3 * 2 + (y % 3 == 2);  // the nearest row, and its other neighbour by 256ths
        const uint8_t *row = from + base * stride, *other = row;
        unsigned share = y % 3 == 1 ? 128 : 43;
        if (y % 3 == 0 && base > 0) other = row - stride;
        if (y % 3 != 0 && base + 1 < height) other = row + stride;
        between(row, other, share, width, scratch);
        scratch[width] = scratch[width - 1];
        for (size_t x = 0; x < width / 2; x++) {
            unsigned one = scratch[2 * x], two = scratch[2 * x + 1], before = x ? scratch[2 * x - 1] : one;
            unsigned after = scratch[2 * x + 2];
            to[3 * x] = (uint8_t)((one * 213 + before * 43 + 32768) >> 16);
            to[3 * x + 1] = (uint8_t)((one + two + 256) >> 9);
            to[3 * x + 2] = (uint8_t)((two * 213 + after * 43 + 32768) >> 16);
        }
        if (width & 1) {
            const unsigned last = scratch[width - 1], before = width > 1 ? scratch[width - 2] : last;
            to[wide - 1] = (uint8_t)((last * 213 + before * 43 + 32768) >> 16);
        }
    }
}
