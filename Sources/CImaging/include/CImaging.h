// Loops over pixels, in C so that the compiler vectorises them. Imported by Imaging only.
//
// Planes are 8-bit luma, row by row, `stride` bytes from one row to the next; results (`to`) are without gaps. Nothing here
// allocates: scratch memory is the caller's, its size beside each function. No side is longer than 2^24 pixels.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Half the size, each pixel the mean of four: `to` has (width / 2) * (height / 2) pixels.
void scangate_halve(const uint8_t *from, size_t stride, size_t width, size_t height, uint8_t *to);
// A third of the size, each pixel the mean of nine: (width / 3) * (height / 3) pixels. `scratch`: width of uint16_t.
void scangate_third(const uint8_t *from, size_t stride, size_t width, size_t height, uint16_t *scratch, uint8_t *to);
// Twice the size, between the pixels bilinear: (2 * width) * (2 * height). `scratch`: width of uint16_t.
void scangate_double(const uint8_t *from, size_t stride, size_t width, size_t height, uint16_t *scratch, uint8_t *to);
// One and a half times the size, bilinear: (width * 3 / 2) * (height * 3 / 2). `scratch`: width + 1 of uint16_t.
void scangate_half_more(const uint8_t *from, size_t stride, size_t width, size_t height, uint16_t *scratch, uint8_t *to);
// The luma of YUYV, which is every other byte of `from`.
void scangate_yuyv_luma(const uint8_t *from, size_t stride, size_t width, size_t height, uint8_t *to);
// Black for white.
void scangate_invert(const uint8_t *from, size_t stride, size_t width, size_t height, uint8_t *to);
// 255 where a pixel is brighter than the mean of the block * block around it less `offset`, else 0; the picture's edge
// goes on beyond it. The same as OpenCV's adaptiveThreshold(ADAPTIVE_THRESH_MEAN_C, THRESH_BINARY). `block` is odd, at
// most 1023. `scratch`: 2 * (width + block) of uint32_t.
void scangate_threshold(const uint8_t *from, size_t stride, size_t width, size_t height, unsigned block, int offset,
                        uint32_t *scratch, uint8_t *to);
// Convolves rows and columns with weights of a sum of 256, the middle one first, `weights[0] + 2 * (the others)`; the
// picture's edge goes on beyond it. `radius` is at most 16. `scratch`: width + 2 * radius of uint8_t.
void scangate_blur(const uint8_t *from, size_t stride, size_t width, size_t height, const uint16_t *weights,
                   unsigned radius, uint8_t *scratch, uint8_t *to);
// `to` becomes from + amount / 16 * (from - to): with a blurred picture in `to`, a sharper one.
void scangate_sharpen(const uint8_t *from, size_t stride, size_t width, size_t height, int amount, uint8_t *to);
// The variance of the Laplacian (the sum of the four neighbours less four times the pixel) on every `step`th row.
double scangate_sharpness(const uint8_t *from, size_t stride, size_t width, size_t height, size_t step);
// Paints a quadrangle of corners (x, y), clockwise or not, what of it lies in the picture.
void scangate_fill(uint8_t *picture, size_t stride, size_t width, size_t height, const int32_t x[4], const int32_t y[4],
                   uint8_t value);

typedef struct {
    int32_t x, y, size;  // its centre and its width, in pixels
} scangate_finder;
// Where in a black and white picture the corner marks of QR codes seem to be: dark, light, dark, light, dark as
// 1:1:3:1:1, both along a row (every `step`th is looked at) and along the column through its middle; `least` pixels wide
// or more. At most `most`.
size_t scangate_finders(const uint8_t *binary, size_t stride, size_t width, size_t height, size_t step, int32_t least,
                        scangate_finder *finders, size_t most);
