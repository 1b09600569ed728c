/* What the three parts of the native host share. */
#ifndef PODWIRE_HOST_H
#define PODWIRE_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "quickjs.h"

/* src/kernel builds netlink messages, whose order is the machine's, for little-endian ones. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "podwire is for little-endian machines");

enum { PODWIRE_LISTS = 518, PODWIRE_LOADED = 128 };

/*
 * The engine's memory, and at its head what leads to all that is in it. build/native.sh gives it its place, and where the build can run the
 * program, a content to begin with (native/image.c).
 */
typedef struct {
    char *next, *end;          /* native/arena.c: what is left of the piece that blocks are cut from; NULL before the first */
    void *freed[PODWIRE_LISTS];
    JSContext *context;        /* native/image.c: the engine that the build has set up, NULL where it has not */
    struct {
        const char *name;
        JSModuleDef *module;
    } loaded[PODWIRE_LOADED];  /* native/segments.c: what was read so far */
    unsigned loaded_count;
} Heap;
extern Heap podwire_heap;
extern char podwire_heap_end[];

/* native/image.c: reads the program, reads and runs the segments of these file names, and prints the names of all that was read on stdout. */
int podwire_read_ahead(JSContext *ctx, char **segments);

/* native/image.c: the heap as it is now, into a file. */
int podwire_write_image(JSContext *ctx, const char *path);

/* native/sys.c: the object that scripts know as __sys. */
JSValue podwire_sys(JSContext *ctx);

/* Written by build/native.sh: the compiled segments that no image holds; the last entry has no name. */
typedef struct {
    const char *name; /* as the other segments import it */
    const uint8_t *code;
    uint32_t size;
} Segment;
extern const Segment podwire_segments[];

/* native/segments.c: the segment of that file name as a module, read where it was not yet; NULL with an exception pending. */
JSModuleDef *podwire_load(JSContext *ctx, const char *file);

/* The same as QuickJS calls it, for imports between segments. */
JSModuleDef *podwire_import(JSContext *ctx, const char *file, void *opaque);

/* Runs a module's top level and those of its imports, each once. The value is a promise: rejected where one of them threw. */
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

/* native/sha256.c: of what is left in the file, 64 lower-case hex digits and a NUL; −1 with errno where it cannot be read. `buffer` is scratch. */
int podwire_sha256_file(int fd, uint8_t *buffer, size_t size, char hex[65]);

#endif
