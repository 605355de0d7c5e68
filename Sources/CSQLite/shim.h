// SQLite's interface, and the few parts of it that Swift cannot import. Imported by Database only.
#pragma once
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast macro: SQLite copies the bytes before the call returns.
static inline int scangate_bind_blob(sqlite3_stmt *s, int index, const void *bytes, int count) {
    return sqlite3_bind_blob(s, index, count == 0 ? "" : bytes, count, SQLITE_TRANSIENT);
}
static inline int scangate_bind_text(sqlite3_stmt *s, int index, const char *bytes, int count) {
    return sqlite3_bind_text(s, index, count == 0 ? "" : bytes, count, SQLITE_TRANSIENT);
}
// SQLITE_STATIC: the bytes stay where they are until the statement has run and the parameter is bound anew.
static inline int scangate_bind_static_blob(sqlite3_stmt *s, int index, const void *bytes, int count) {
    return sqlite3_bind_blob(s, index, count == 0 ? "" : bytes, count, SQLITE_STATIC);
}

// sqlite3_config is variadic. Without it each allocation takes a lock of the whole process to count it.
static inline int scangate_sqlite_stop_counting(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
