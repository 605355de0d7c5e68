// xkbcommon's keymaps and states. Imported by Keymap only.
#pragma once
#include <stdarg.h>
#include <xkbcommon/xkbcommon.h>

static inline void scangate_xkb_silent(struct xkb_context *c, enum xkb_log_level l, const char *f, va_list a) { (void)c; (void)l; (void)f; (void)a; }

// A context that looks into one directory, and takes nothing from the environment: no names, no paths, no log level.
static inline struct xkb_context *scangate_xkb_context(const char *directory) {
    struct xkb_context *c = xkb_context_new(
        (enum xkb_context_flags)(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES));
    if (!c) return NULL;
    xkb_context_set_log_fn(c, scangate_xkb_silent);
    if (xkb_context_include_path_append(c, directory) == 1) return c;
    xkb_context_unref(c);
    return NULL;
}
