/* Text: not system calls, but what an engine without TextEncoder and crypto needs from its host. */
#include <string.h>

#include "call.h"

CALL(strerror)
{
    UNUSED;
    return JS_NewString(ctx, strerror(podwire_number(ctx, argv[0])));
}

CALL(decodeUtf8)
{
    UNUSED;
    size_t size, offset = (size_t)podwire_integer(ctx, argv[1]), length = (size_t)podwire_integer(ctx, argv[2]);
    uint8_t *data = JS_GetArrayBuffer(ctx, &size, argv[0]);
    if (!data && size != 0)
        return JS_EXCEPTION;
    if (offset > size || length > size - offset)
        return JS_ThrowRangeError(ctx, "decodeUtf8: %zu bytes at %zu of %zu", length, offset, size);
    return JS_NewStringLen(ctx, length ? (const char *)data + offset : "", length);
}

CALL(encodeUtf8)
{
    UNUSED;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    JSValue result = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    return result;
}

CALL(sha512)
{
    UNUSED;
    char hex[129];
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    podwire_sha512_hex((const uint8_t *)text, length, hex);
    JS_FreeCString(ctx, text);
    return JS_NewStringLen(ctx, hex, 128);
}

const JSCFunctionListEntry podwire_text[] = {
    JS_CFUNC_DEF("strerror", 1, sys_strerror),
    JS_CFUNC_DEF("decodeUtf8", 3, sys_decodeUtf8),
    JS_CFUNC_DEF("encodeUtf8", 1, sys_encodeUtf8),
    JS_CFUNC_DEF("sha512", 1, sys_sha512),
};
const int podwire_text_count = sizeof podwire_text / sizeof podwire_text[0];
