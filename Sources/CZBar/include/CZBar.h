// zbar's image scanner, loaded when it is first asked for. Imported by Decoding only.
//
// Debian's libzbar brings X11, D-Bus, Video4Linux's converters and twenty more libraries with it. Linked, all of them would
// be in the daemon, which never decodes; loaded by the worker that does, they cost nothing anywhere else.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Loads the library: NULL, or what the dynamic linker says is wrong. The first call is to be alone; later ones are free.
const char *scangate_zbar_load(void);

// Numbers of zbar.h; CZBar.c has the compiler compare them.
enum {
    SCANGATE_ZBAR_PARTIAL = 1,
    SCANGATE_ZBAR_EAN8 = 8,
    SCANGATE_ZBAR_EAN13 = 13,
    SCANGATE_ZBAR_ITF = 25,
    SCANGATE_ZBAR_DATABAR = 34,
    SCANGATE_ZBAR_DATABAR_EXPANDED = 35,
    SCANGATE_ZBAR_CODABAR = 38,
    SCANGATE_ZBAR_CODE39 = 39,
    SCANGATE_ZBAR_QR = 64,
    SCANGATE_ZBAR_CODE93 = 93,
    SCANGATE_ZBAR_CODE128 = 128,
};
enum { SCANGATE_ZBAR_ENABLE = 0, SCANGATE_ZBAR_BINARY = 4, SCANGATE_ZBAR_INVERTED = 0x81 };

// Everything below only after scangate_zbar_load() has returned NULL.
typedef struct scangate_zbar scangate_zbar;
// A scanner with every symbology off and the cache off; NULL where memory is short.
scangate_zbar *scangate_zbar_make(void);
void scangate_zbar_free(scangate_zbar *scanner);
// Switches a symbology (its number in zbar.h) or, with 0, all of them; `config` is one of the above. 0 where it is known.
int scangate_zbar_set(scangate_zbar *scanner, int symbology, int config, int value);
// Scans rows of 8-bit luma without gaps, which are only read. The number of symbols, or -1.
int scangate_zbar_scan(scangate_zbar *scanner, const uint8_t *luma, unsigned width, unsigned height);

typedef struct {
    int symbology;
    const uint8_t *data;  // until the next scan
    size_t size;
    unsigned points;
    int joined;  // from several symbols of the picture
} scangate_zbar_symbol;
// The symbols of the last scan, one after the other, from `position` 0 on; false after the last.
int scangate_zbar_next(scangate_zbar *scanner, int position, scangate_zbar_symbol *symbol);
// A corner of the symbol that was asked for last.
void scangate_zbar_point(const scangate_zbar *scanner, unsigned index, int *x, int *y);
