#include "CImaging.h"

void scangate_fill(uint8_t *picture, size_t stride, size_t width, size_t height, const int32_t x[4], const int32_t y[4],
                   uint8_t value) {
    int32_t top = y[0], bottom = y[0];
    for (int corner = 1; corner < 4; corner++) {
        if (y[corner] < top) top = y[corner];
        if (y[corner] > bottom) bottom = y[corner];
    }
    if (top < 0) top = 0;
    if (bottom >= (int32_t)height) bottom = (int32_t)height - 1;
    for (int32_t row = top; row <= bottom; row++) {
        int64_t left = INT32_MAX, right = INT32_MIN;
        for (int corner = 0; corner < 4; corner++) {
            const int64_t x0 = x[corner], y0 = y[corner], x1 = x[(corner + 1) & 3], y1 = y[(corner + 1) & 3];
            if ((row < y0 && row < y1) || (row > y0 && row > y1)) continue;
            const int64_t first = y0 == y1 ? x0 : x0 + (x1 - x0) * (row - y0) / (y1 - y0), last = y0 == y1 ? x1 : first;
            if (first < left) left = first;
            if (last < left) left = last;
            if (first > right) right = first;
            if (last > right) right = last;
        }
        if (left < 0) left = 0;
        if (right >= (int64_t)width) right = (int64_t)width - 1;
        for (int64_t at = left; at <= right; at++) picture[(size_t)row * stride + (size_t)at] = value;
    }
}

// Runs of 1:1:3:1:1, each within 60 % of a module.
static int is_finder(const int32_t run[5], int32_t least) {
    const int32_t sum = run[0] + run[1] + run[2] + run[3] + run[4];
    if (sum < least) return 0;
    for (int index = 0; index < 5; index++) {
        const int32_t wanted = index == 2 ? 3 : 1, off = run[index] * 7 - wanted * sum;
        if ((off < 0 ? -off : off) * 10 > sum * (index == 2 ? 12 : 6)) return 0;
    }
    return 1;
}

// The five runs through a dark pixel, from it both ways by `stride` for at most `before` and `after` pixels; their sum
// where they are a finder, else 0. `middle` is how far the centre lies from the pixel.
static int32_t runs_through(const uint8_t *pixel, ptrdiff_t stride, int32_t before, int32_t after, int32_t longest,
                            int32_t least, int32_t *middle) {
    int32_t run[5] = {0}, up = 0, down = 1;
    for (int index = 2; index >= 0; index--)
        for (; up <= before && (pixel[-up * stride] == 0) == (index != 1) && run[index] <= longest; up++) run[index]++;
    for (int index = 2; index <= 4; index++)
        for (; down <= after && (pixel[down * stride] == 0) == (index != 3) && run[index] <= longest; down++)
            run[index]++;
    if (!is_finder(run, least)) return 0;
    const int32_t end = down - run[4] - run[3];  // just after the middle run
    *middle = end - run[2] + run[2] / 2;
    return run[0] + run[1] + run[2] + run[3] + run[4];
}

size_t scangate_finders(const uint8_t *binary, size_t stride, size_t width, size_t height, size_t step, int32_t least,
                        scangate_finder *finders, size_t most) {
    size_t count = 0;
    for (size_t y = step / 2; y < height; y += step) {
        const uint8_t *row = binary + y * stride;
        int32_t run[5] = {0};
        size_t begin = 0;
        for (size_t x = 1; x <= width; x++) {
            if (x < width && row[x] == row[x - 1]) continue;
            // A run ends before x.
            run[0] = run[1], run[1] = run[2], run[2] = run[3], run[3] = run[4], run[4] = (int32_t)(x - begin);
            begin = x;
            if (row[x - 1] != 0 || run[0] == 0 || !is_finder(run, least)) continue;
            const int32_t across = run[0] + run[1] + run[2] + run[3] + run[4];
            int32_t column = (int32_t)x - run[4] - run[3] - run[2] / 2 - 1, off = 0, aside = 0;
            if (row[column] != 0) continue;
            const int32_t along = runs_through(row + column, (ptrdiff_t)stride, (int32_t)y, (int32_t)(height - 1 - y),
                                               across, least, &off);
            if (along * 2 < across || along > across * 2) continue;
            const int32_t centre = (int32_t)y + off;
            if (centre < 0 || centre >= (int32_t)height) continue;
            // Along the row through the middle again: it was the edge of one, or not even that.
            const uint8_t *pixel = binary + (size_t)centre * stride + column;
            if (*pixel != 0 || !runs_through(pixel, 1, column, (int32_t)width - 1 - column, across, least, &aside)) continue;
            column += aside;
            size_t known = 0;
            for (; known < count; known++) {
                const int32_t dx = finders[known].x - column, dy = finders[known].y - centre, near = across / 2;
                if (dx > -near && dx < near && dy > -near && dy < near) break;
            }
            if (known < count) continue;
            if (count == most) return count;
            finders[count++] = (scangate_finder){column, centre, (across + along) / 2};
        }
    }
    return count;
}
