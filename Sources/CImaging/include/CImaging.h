// Loops over pixels, in C so that the compiler vectorises them. Imported by Imaging only.
//
// Planes are 8-bit luma, row by row, `stride` bytes from one row to the next; nothing here allocates.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Half the size, each pixel the mean of four: `to` has (width / 2) * (height / 2) pixels, without gaps.
void scangate_halve(const uint8_t *from, size_t stride, size_t width, size_t height, uint8_t *to);
// The luma of YUYV, which is every other byte of `from`; `to` without gaps.
void scangate_yuyv_luma(const uint8_t *from, size_t stride, size_t width, size_t height, uint8_t *to);
