/* The compiled code in this binary, segment by segment: read when it is asked for, by name. */
#include <string.h>

#include "host.h"

JSModuleDef *podwire_load(JSContext *ctx, const char *file)
{
    for (const Segment *segment = podwire_segments; segment->name; segment++) {
        if (strcmp(segment->name, file) != 0)
            continue;
        JSValue module = JS_ReadObject(ctx, segment->code, segment->size, JS_READ_OBJ_BYTECODE);
        return JS_IsException(module) ? NULL : JS_VALUE_GET_PTR(module);
    }
    JS_ThrowReferenceError(ctx, "no segment %s in this program", file);
    return NULL;
}

JSValue podwire_run(JSContext *ctx, JSModuleDef *module)
{
    JSValue value = JS_MKPTR(JS_TAG_MODULE, module);
    if (JS_ResolveModule(ctx, value) < 0)
        return JS_EXCEPTION;
    return JS_EvalFunction(ctx, value);
}

JSModuleDef *podwire_import(JSContext *ctx, const char *file, void *opaque)
{
    (void)opaque;
    return podwire_load(ctx, file);
}
