// zxing-cpp's reader. Imported by Decoding only.
// Plain C: no exception and no C++ type crosses this border.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One bit a kind of code, numbered as the header of zxing; CZXing.cpp has the compiler compare them.
enum {
    SCANGATE_ZXING_AZTEC = 1 << 0,
    SCANGATE_ZXING_CODABAR = 1 << 1,
    SCANGATE_ZXING_CODE39 = 1 << 2,
    SCANGATE_ZXING_CODE93 = 1 << 3,
    SCANGATE_ZXING_CODE128 = 1 << 4,
    SCANGATE_ZXING_DATABAR = 1 << 5,
    SCANGATE_ZXING_DATABAR_EXPANDED = 1 << 6,
    SCANGATE_ZXING_DATAMATRIX = 1 << 7,
    SCANGATE_ZXING_EAN8 = 1 << 8,
    SCANGATE_ZXING_EAN13 = 1 << 9,
    SCANGATE_ZXING_ITF = 1 << 10,
    SCANGATE_ZXING_PDF417 = 1 << 12,
    SCANGATE_ZXING_QR = 1 << 13,
    SCANGATE_ZXING_MICROQR = 1 << 16,
};

// How a picture becomes black and white.
enum {
    SCANGATE_ZXING_LOCAL = 0,   // by the mean around each pixel, zxing's own way
    SCANGATE_ZXING_GLOBAL = 1,  // by the histogram
    SCANGATE_ZXING_BINARY = 2,  // it is already: darker than 128 is black
};

typedef struct {
    uint32_t symbologies;
    int32_t binarizer;
    int32_t try_harder;  // look at more rows
    int32_t try_smaller; // and at the picture at a third of its size
} scangate_zxing_wish;

typedef struct {
    uint32_t symbology;
    int32_t x[4], y[4];  // clockwise as the code is read, its upper left first
    const uint8_t *data;
    size_t size;
    const char *text;  // UTF-8, where the code says of all of its bytes that are not ASCII how they are written; else NULL
    size_t text_size;
    int32_t part, parts;  // of a structured append, from 0; -1 for a whole code
    char aim[4];          // ]Q1
} scangate_zxing_code;

typedef struct scangate_zxing scangate_zxing;
// A reader; NULL where memory is short.
scangate_zxing *scangate_zxing_make(void);
void scangate_zxing_free(scangate_zxing *reader);
// Reads a picture of 8-bit luma. The number of codes, or -1 where memory is short or the library failed.
int scangate_zxing_read(scangate_zxing *reader, const uint8_t *luma, int width, int height, int stride,
                        scangate_zxing_wish wish);
// A code of the last picture; what it points to lives until the next one is read.
scangate_zxing_code scangate_zxing_get(const scangate_zxing *reader, int index);

#ifdef __cplusplus
}
#endif
