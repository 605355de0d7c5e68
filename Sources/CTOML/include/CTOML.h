// TOML 1.0 through toml++, as a flat list of nodes. Imported by TOML only.
// Plain C: no exception and no C++ type crosses this border.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum scangate_toml_kind {
    SCANGATE_TOML_STRING = 1,
    SCANGATE_TOML_INTEGER,
    SCANGATE_TOML_REAL,
    SCANGATE_TOML_BOOLEAN,
    SCANGATE_TOML_DATE_TIME,
    SCANGATE_TOML_ARRAY,
    SCANGATE_TOML_TABLE,
};

// A value in pre-order: a table or array is followed by `children` values, each with its own. Lines and columns count
// from 1; 0 where the parser does not say. Texts are UTF-8, not terminated, and live as long as the document.
typedef struct {
    int32_t kind;
    uint32_t line, column;
    uint32_t key_line, key_column;
    const char *key;  // NULL outside a table
    size_t key_size;
    const char *text;  // of a string; of a date or time as TOML writes it
    size_t text_size;
    int64_t integer;  // also a boolean's 0 or 1
    double real;
    size_t children;
} scangate_toml_node;

typedef struct scangate_toml scangate_toml;

// Parses a text. NULL only where memory is short; otherwise free it with scangate_toml_free.
scangate_toml *scangate_toml_parse(const char *text, size_t size);
void scangate_toml_free(scangate_toml *document);

// The first mistake, or NULL where there is none; then the nodes are there, the root table first.
const char *scangate_toml_error(const scangate_toml *document, uint32_t *line, uint32_t *column);
const scangate_toml_node *scangate_toml_nodes(const scangate_toml *document, size_t *count);

#ifdef __cplusplus
}
#endif
