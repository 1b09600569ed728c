/* A function of `sys` is CALL(name) { UNUSED; … } with its arguments in argv; these read them and throw errors. */
#ifndef PODWIRE_CALL_H
#define PODWIRE_CALL_H

#include "host.h"

#define CALL(name) static JSValue sys_##name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
#define UNUSED ((void)self, (void)argc, (void)argv)

/* undefined, or throws errno where `result` is negative. `path` may be NULL. */
JSValue podwire_done(JSContext *ctx, int result, const char *op, const char *path);

int64_t podwire_integer(JSContext *ctx, JSValueConst value);
int podwire_number(JSContext *ctx, JSValueConst value);

/* Callers do not free it: the process ends microseconds later.
   A path with a NUL inside would silently name another file: EINVAL. NULL with an exception pending on failure. */
const char *podwire_path(JSContext *ctx, const char *op, JSValueConst value);

/* The bytes of a Uint8Array; NULL with an exception pending for anything else. */
const uint8_t *podwire_bytes(JSContext *ctx, JSValueConst value, size_t *length);

/* The buffer of read and recv; the kernel sends at most 32 KiB of a dump at once. Only pages that are touched become resident. */
enum { PODWIRE_RECEIVED = 256 << 10 };
extern uint8_t podwire_received[PODWIRE_RECEIVED];

/* The functions by subject. */
extern const JSCFunctionListEntry podwire_files[], podwire_sockets[], podwire_process[], podwire_text[];
extern const int podwire_files_count, podwire_sockets_count, podwire_process_count, podwire_text_count;

#endif
