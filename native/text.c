/* Text: UTF-8, hex and hashes, as the engine has no TextEncoder and no crypto. */
#include <stdio.h>
#include <string.h>

#include "call.h"

CALL(strerror)
{
    UNUSED;
    return JS_NewString(ctx, strerror(podwire_number(ctx, argv[0])));
}

/* Reads the arguments (buffer, offset, length). False: an exception is pending. */
static int bytes_of(JSContext *ctx, JSValueConst *argv, const char *name, const uint8_t **bytes, size_t *length)
{
    size_t size, offset = (size_t)podwire_integer(ctx, argv[1]);
    *length = (size_t)podwire_integer(ctx, argv[2]);
    *bytes = JS_GetArrayBuffer(ctx, &size, argv[0]);
    if (!*bytes && size != 0)
        return 0;
    if (offset > size || *length > size - offset) {
        JS_ThrowRangeError(ctx, "%s: %zu bytes at %zu of %zu", name, *length, offset, size);
        return 0;
    }
    /* The address of an empty buffer may be NULL. */
    *bytes = *length ? *bytes + offset : (const uint8_t *)"";
    return 1;
}

CALL(decodeUtf8)
{
    UNUSED;
    const uint8_t *bytes;
    size_t length;
    if (!bytes_of(ctx, argv, "decodeUtf8", &bytes, &length))
        return JS_EXCEPTION;
    return JS_NewStringLen(ctx, (const char *)bytes, length);
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

static const char digits[] = "0123456789abcdef";

CALL(hex)
{
    UNUSED;
    const uint8_t *bytes;
    size_t length;
    if (!bytes_of(ctx, argv, "hex", &bytes, &length))
        return JS_EXCEPTION;
    char small[1024], *text = 2 * length <= sizeof small ? small : js_malloc(ctx, 2 * length);
    if (!text)
        return JS_EXCEPTION;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    JSValue result = JS_NewStringLen(ctx, text, 2 * length);
    if (text != small)
        js_free(ctx, text);
    return result;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void free_bytes(JSRuntime *rt, void *opaque, void *data)
{
    (void)opaque;
    js_free_rt(rt, data);
}

CALL(unhex)
{
    UNUSED;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    uint8_t *data = js_malloc(ctx, length / 2 + 1);
    int wrong = length % 2 != 0;
    for (size_t i = 0; data && i < length / 2; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        wrong |= high < 0 || low < 0;
        data[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    JS_FreeCString(ctx, text);
    if (!data)
        return JS_EXCEPTION;
    if (wrong) {
        js_free(ctx, data);
        return JS_ThrowRangeError(ctx, "unhex: not an even number of lower-case hex digits");
    }
    return JS_NewArrayBuffer(ctx, data, length / 2, free_bytes, NULL, 0);
}

static uint64_t mixed(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two independent lanes, each a multiply and fold of eight bytes at a time. */
CALL(fingerprint)
{
    UNUSED;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    uint64_t a = 0x9e3779b97f4a7c15 ^ length, b = 0xc2b2ae3d27d4eb4f;
    for (size_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text + i, length - i < 8 ? length - i : 8);
        a = mixed(a ^ word, 0xa0761d6478bd642f) + i;
        b = mixed(b + word, 0xe7037ed1a0b428db) ^ a;
    }
    JS_FreeCString(ctx, text);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)mixed(a, 0x8ebc6af09c88c6e3), (unsigned long long)mixed(b, 0x589965cc75374cc3));
    return JS_NewStringLen(ctx, hex, 32);
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

CALL(sha256)
{
    UNUSED;
    char hex[65];
    if (podwire_sha256_file(podwire_number(ctx, argv[0]), podwire_received, PODWIRE_RECEIVED, hex) < 0)
        return podwire_fail(ctx, "read", NULL);
    return JS_NewStringLen(ctx, hex, 64);
}

const JSCFunctionListEntry podwire_text[] = {
    JS_CFUNC_DEF("strerror", 1, sys_strerror),
    JS_CFUNC_DEF("decodeUtf8", 3, sys_decodeUtf8),
    JS_CFUNC_DEF("encodeUtf8", 1, sys_encodeUtf8),
    JS_CFUNC_DEF("hex", 3, sys_hex),
    JS_CFUNC_DEF("unhex", 1, sys_unhex),
    JS_CFUNC_DEF("fingerprint", 1, sys_fingerprint),
    JS_CFUNC_DEF("sha512", 1, sys_sha512),
    JS_CFUNC_DEF("sha256", 1, sys_sha256),
};
const int podwire_text_count = sizeof podwire_text / sizeof podwire_text[0];
