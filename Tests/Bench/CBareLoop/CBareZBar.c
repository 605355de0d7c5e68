#include <stdlib.h>
#include <string.h>
#include <zbar.h>
#include "CBareLoop.h"

int bare_zbar_read(const unsigned char *luma, unsigned width, unsigned height, unsigned char *out, size_t room, size_t *size) {
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    int count = -1;
    *size = 0;
    if (scanner && image) {
        zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
        zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
        zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
        zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
        zbar_image_set_size(image, width, height);
        zbar_image_set_data(image, luma, (unsigned long)width * height, NULL);
        count = zbar_scan_image(scanner, image);
        const zbar_symbol_t *symbol = zbar_image_first_symbol(image);
        if (symbol && zbar_symbol_get_data_length(symbol) <= room) {
            *size = zbar_symbol_get_data_length(symbol);
            memcpy(out, zbar_symbol_get_data(symbol), *size);
        }
    }
    if (image) zbar_image_destroy(image);
    if (scanner) zbar_image_scanner_destroy(scanner);
    return count;
}
