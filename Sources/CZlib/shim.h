// zlib. Imported by Gzip only.
#pragma once
#include <zlib.h>

// deflateInit2 and inflateInit2 are macros; 16 more than the window's bits (9 to 15) ask for a gzip header (zlib.h).
static inline int scangate_deflate_init(z_stream *s, int level, int window_bits, int memory_level) {
    return deflateInit2(s, level, Z_DEFLATED, window_bits + 16, memory_level, Z_DEFAULT_STRATEGY);
}
static inline int scangate_inflate_init(z_stream *s) { return inflateInit2(s, 15 + 16); }
