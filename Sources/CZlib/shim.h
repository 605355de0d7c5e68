// zlib. Imported by Gzip only.
#pragma once
#include <zlib.h>

// deflateInit2 and inflateInit2 are macros; 15 + 16 asks for a gzip header (zlib.h).
static inline int scangate_deflate_init(z_stream *s, int level) {
    return deflateInit2(s, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
static inline int scangate_inflate_init(z_stream *s) { return inflateInit2(s, 15 + 16); }
