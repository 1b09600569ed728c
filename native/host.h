/* What the three parts of the native host share. */
#ifndef PODWIRE_HOST_H
#define PODWIRE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* src/kernel builds netlink messages, whose order is the machine's, for little-endian ones. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "podwire is for little-endian machines");

/* native/sys.c: the object that scripts know as __sys. */
JSValue podwire_sys(JSContext *ctx, int argc, char **argv);

/* Written by build/native.sh: the compiled segments of the program, the first the one that runs; the last entry has no name. */
typedef struct {
    const char *name; /* as the other segments import it */
    const uint8_t *code;
    uint32_t size;
} Segment;
extern const Segment podwire_segments[];

/* native/segments.c: the segment of that file name, compiled code made a module; NULL with an exception pending. */
JSModuleDef *podwire_load(JSContext *ctx, const char *file);

/* The same as QuickJS calls it, for imports between segments. */
JSModuleDef *podwire_import(JSContext *ctx, const char *file, void *opaque);

/* Runs a module's top level and those of its imports. The value is a promise: rejected where one of them threw. */
JSValue podwire_run(JSContext *ctx, JSModuleDef *module);

/* native/spawn.c: runs a program to its end; see Spawn and Exit in src/host/sys.ts. */
JSValue podwire_spawn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* Throws {op, errno} with the C library's text for errno; `path` may be NULL. */
JSValue podwire_fail(JSContext *ctx, const char *op, const char *path);

/* native/arena.c: the engine's memory, and a call before the engine starts that has the kernel hand out its first pages at once. */
extern const JSMallocFunctions podwire_arena;
void podwire_arena_prepare(void);

/* native/sha512.c: 128 lower-case hex digits and a NUL. */
void podwire_sha512_hex(const uint8_t *data, size_t length, char hex[129]);

#endif
