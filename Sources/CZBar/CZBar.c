#include "CZBar.h"
#include <dlfcn.h>
#include <iconv.h>
#include <stdlib.h>
#include <zbar.h>

_Static_assert(SCANGATE_ZBAR_PARTIAL == ZBAR_PARTIAL && SCANGATE_ZBAR_QR == ZBAR_QRCODE, "zbar.h");
_Static_assert(SCANGATE_ZBAR_EAN8 == ZBAR_EAN8 && SCANGATE_ZBAR_EAN13 == ZBAR_EAN13 && SCANGATE_ZBAR_ITF == ZBAR_I25 &&
               SCANGATE_ZBAR_DATABAR == ZBAR_DATABAR && SCANGATE_ZBAR_DATABAR_EXPANDED == ZBAR_DATABAR_EXP &&
               SCANGATE_ZBAR_CODABAR == ZBAR_CODABAR && SCANGATE_ZBAR_CODE39 == ZBAR_CODE39 &&
               SCANGATE_ZBAR_CODE93 == ZBAR_CODE93 && SCANGATE_ZBAR_CODE128 == ZBAR_CODE128, "zbar.h");
_Static_assert(SCANGATE_ZBAR_ENABLE == ZBAR_CFG_ENABLE && SCANGATE_ZBAR_BINARY == ZBAR_CFG_BINARY &&
               SCANGATE_ZBAR_INVERTED == ZBAR_CFG_TEST_INVERTED, "zbar.h");

// Types come from zbar's own header, so that a wrong call does not compile.
#define CALLS(X) \
    X(zbar_image_scanner_create) X(zbar_image_scanner_destroy) X(zbar_image_scanner_set_config) X(zbar_scan_image) \
    X(zbar_image_create) X(zbar_image_destroy) X(zbar_image_set_format) X(zbar_image_set_size) \
    X(zbar_image_set_data) X(zbar_image_first_symbol) X(zbar_symbol_next) X(zbar_symbol_get_type) \
    X(zbar_symbol_get_data) X(zbar_symbol_get_data_length) X(zbar_symbol_get_loc_size) X(zbar_symbol_get_loc_x) \
    X(zbar_symbol_get_loc_y) X(zbar_symbol_get_components) X(zbar_set_verbosity)

static struct {
#define POINTER(name) __typeof__(&name) name;
    CALLS(POINTER)
} call;

const char *scangate_zbar_load(void) {
    static void *library;
    if (library) return NULL;
    void *opened = dlopen("libzbar.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!opened) return dlerror();
#define RESOLVE(name) \
    if (!(call.name = (__typeof__(&name))dlsym(opened, #name))) return dlerror();
    CALLS(RESOLVE)
    call.zbar_set_verbosity(0);
    // With each code zbar opens these converters, though it is to convert nothing. Once open and never closed, their
    // tables are in memory: scanning opens no file, and works in a sandbox that has none.
    static const char *const tables[] = {"ISO8859-1", "SJIS", "BIG-5", "UTF-8"};
    for (size_t index = 0; index < sizeof tables / sizeof *tables; index++) (void)iconv_open("UTF-8", tables[index]);
    library = opened;
    return NULL;
}

struct scangate_zbar {
    zbar_image_scanner_t *scanner;
    zbar_image_t *image;
    const zbar_symbol_t *symbol;
};

scangate_zbar *scangate_zbar_make(void) {
    scangate_zbar *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->scanner = call.zbar_image_scanner_create();
    self->image = call.zbar_image_create();
    if (!self->scanner || !self->image) {
        scangate_zbar_free(self);
        return NULL;
    }
    call.zbar_image_scanner_set_config(self->scanner, 0, ZBAR_CFG_ENABLE, 0);
    return self;
}

void scangate_zbar_free(scangate_zbar *self) {
    if (self->image) call.zbar_image_destroy(self->image);
    if (self->scanner) call.zbar_image_scanner_destroy(self->scanner);
    free(self);
}

int scangate_zbar_set(scangate_zbar *self, int symbology, int config, int value) {
    return call.zbar_image_scanner_set_config(self->scanner, symbology, config, value);
}

int scangate_zbar_scan(scangate_zbar *self, const uint8_t *luma, unsigned width, unsigned height) {
    self->symbol = NULL;
    call.zbar_image_set_format(self->image, 'Y' | '8' << 8 | '0' << 16 | (unsigned long)'0' << 24);
    call.zbar_image_set_size(self->image, width, height);
    call.zbar_image_set_data(self->image, luma, (unsigned long)width * height, NULL);
    return call.zbar_scan_image(self->scanner, self->image);
}

int scangate_zbar_next(scangate_zbar *self, int position, scangate_zbar_symbol *symbol) {
    self->symbol = position == 0 ? call.zbar_image_first_symbol(self->image) : call.zbar_symbol_next(self->symbol);
    if (!self->symbol) return 0;
    symbol->symbology = call.zbar_symbol_get_type(self->symbol);
    symbol->data = (const uint8_t *)call.zbar_symbol_get_data(self->symbol);
    symbol->size = call.zbar_symbol_get_data_length(self->symbol);
    symbol->points = call.zbar_symbol_get_loc_size(self->symbol);
    symbol->joined = call.zbar_symbol_get_components(self->symbol) != NULL;
    return 1;
}

void scangate_zbar_point(const scangate_zbar *self, unsigned index, int *x, int *y) {
    *x = call.zbar_symbol_get_loc_x(self->symbol, index);
    *y = call.zbar_symbol_get_loc_y(self->symbol, index);
}
