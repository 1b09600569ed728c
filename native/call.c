/* Reads arguments, throws errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call.h"

uint8_t podwire_received[PODWIRE_RECEIVED];

JSValue podwire_fail(JSContext *ctx, const char *op, const char *path)
{
    int code = errno;
    char text[512];
    snprintf(text, sizeof text, "%s%s%s: %s", op, path ? " " : "", path ? path : "", strerror(code));
    JSValue error = JS_NewError(ctx);
    JS_SetPropertyStr(ctx, error, "name", JS_NewString(ctx, "SysError"));
    JS_SetPropertyStr(ctx, error, "message", JS_NewString(ctx, text));
    JS_SetPropertyStr(ctx, error, "op", JS_NewString(ctx, op));
    JS_SetPropertyStr(ctx, error, "errno", JS_NewInt32(ctx, code));
    return JS_Throw(ctx, error);
}

JSValue podwire_done(JSContext *ctx, int result, const char *op, const char *path)
{
    return result < 0 ? podwire_fail(ctx, op, path) : JS_UNDEFINED;
}

int64_t podwire_integer(JSContext *ctx, JSValueConst value)
{
    int64_t n = 0;
    JS_ToInt64(ctx, &n, value);
    return n;
}

int podwire_number(JSContext *ctx, JSValueConst value) { return (int)podwire_integer(ctx, value); }

const char *podwire_path(JSContext *ctx, const char *op, JSValueConst value)
{
    size_t length;
    const char *path = JS_ToCStringLen(ctx, &length, value);
    if (path && strlen(path) != length) {
        errno = EINVAL;
        podwire_fail(ctx, op, path);
        JS_FreeCString(ctx, path);
        return NULL;
    }
    return path;
}

const uint8_t *podwire_bytes(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t offset, size, element;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &element);
    if (JS_IsException(buffer))
        return NULL;
    uint8_t *data = JS_GetArrayBuffer(ctx, &size, buffer);
    /* The array holds a reference to its buffer during the call. */
    JS_FreeValue(ctx, buffer);
    return data ? data + offset : (const uint8_t *)"";
}
