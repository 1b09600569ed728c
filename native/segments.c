/* The compiled segments in this binary, loaded on demand by name, unless the heap image has them. */
#include <string.h>

#include "host.h"

JSModuleDef *podwire_load(JSContext *ctx, const char *file)
{
    Heap *heap = &podwire_heap;
    for (unsigned i = 0; i < heap->loaded_count; i++)
        if (strcmp(heap->loaded[i].name, file) == 0)
            return heap->loaded[i].module;
    const Segment *segment = podwire_segments;
    while (segment->name && strcmp(segment->name, file) != 0)
        segment++;
    if (!segment->name || heap->loaded_count == PODWIRE_LOADED) {
        JS_ThrowReferenceError(ctx, segment->name ? "no room for segment %s" : "no segment %s in this program", file);
        return NULL;
    }
    JSValue module = JS_ReadObject(ctx, segment->code, segment->size, JS_READ_OBJ_BYTECODE);
    if (JS_IsException(module))
        return NULL;
    unsigned at = heap->loaded_count++;
    heap->loaded[at].name = js_strdup(ctx, file);
    heap->loaded[at].module = JS_VALUE_GET_PTR(module);
    return heap->loaded[at].module;
}

JSValue podwire_run(JSContext *ctx, JSModuleDef *module)
{
    JSValue value = JS_MKPTR(JS_TAG_MODULE, module);
    if (JS_ResolveModule(ctx, value) < 0)
        return JS_EXCEPTION;
    /* The engine takes over the reference. */
    return JS_EvalFunction(ctx, JS_DupValue(ctx, value));
}

JSModuleDef *podwire_import(JSContext *ctx, const char *file, void *opaque)
{
    (void)opaque;
    return podwire_load(ctx, file);
}
