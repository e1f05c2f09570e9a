/* `wb:native`: what the prelude, and nothing else, calls in C. */
#ifndef NATIVE_H
#define NATIVE_H

#include "quickjs.h"

/* Registers the module with the context; the prelude imports it by name. */
JSModuleDef *native_module(JSContext *ctx, int argc, char **argv);

/* The Dock's part of it (dock.c). */
int dock_add_exports(JSContext *ctx, JSModuleDef *m);
int dock_set_exports(JSContext *ctx, JSModuleDef *m);

/* The bytes of an ArrayBuffer or a view; they stay valid until JavaScript runs
 * again. Returns NULL with a TypeError pending for anything else. */
uint8_t *native_bytes(JSContext *ctx, JSValueConst v, size_t *len);

#endif
