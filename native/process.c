/* The process: arguments, environment, clocks, random bytes, segments. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

CALL(getenv)
{
    UNUSED;
    const char *name = JS_ToCString(ctx, argv[0]);
    const char *value = name ? getenv(name) : NULL;
    JS_FreeCString(ctx, name);
    return value ? JS_NewString(ctx, value) : JS_UNDEFINED;
}

CALL(environ)
{
    UNUSED;
    JSValue list = JS_NewArray(ctx);
    for (uint32_t i = 0; environ[i]; i++)
        JS_SetPropertyUint32(ctx, list, i, JS_NewString(ctx, environ[i]));
    return list;
}

CALL(exit)
{
    UNUSED;
    fflush(NULL);
    _exit(podwire_number(ctx, argv[0]));
}

CALL(load)
{
    UNUSED;
    char file[64];
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name)
        return JS_EXCEPTION;
    snprintf(file, sizeof file, "%s.js", name);
    JSModuleDef *module = podwire_load(ctx, file);
    if (!module)
        return JS_EXCEPTION;
    JSValue result = podwire_run(ctx, module);
    if (JS_IsException(result))
        return result;
    /* No module awaits, so it has run to its end; an exception is the promise's reason. */
    if (JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED)
        return JS_Throw(ctx, JS_PromiseResult(ctx, result));
    return JS_GetModuleNamespace(ctx, module);
}

CALL(getrandom)
{
    UNUSED;
    uint8_t data[256];
    size_t length = (size_t)podwire_integer(ctx, argv[0]);
    if (length > sizeof data) {
        errno = EINVAL;
        return podwire_fail(ctx, "getrandom", NULL);
    }
    ssize_t n = getrandom(data, length, 0);
    return n < 0 ? podwire_fail(ctx, "getrandom", NULL) : JS_NewArrayBufferCopy(ctx, data, (size_t)n);
}

CALL(getpid)
{
    UNUSED;
    return JS_NewInt32(ctx, getpid());
}

CALL(clock_gettime)
{
    UNUSED;
    struct timespec t;
    if (clock_gettime(podwire_number(ctx, argv[0]), &t) < 0)
        return podwire_fail(ctx, "clock_gettime", NULL);
    return JS_NewFloat64(ctx, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

CALL(nanosleep)
{
    UNUSED;
    int64_t milliseconds = podwire_integer(ctx, argv[0]);
    struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
    return JS_UNDEFINED;
}

const JSCFunctionListEntry podwire_process[] = {
    JS_CFUNC_DEF("getenv", 1, sys_getenv),
    JS_CFUNC_DEF("environ", 0, sys_environ),
    JS_CFUNC_DEF("exit", 1, sys_exit),
    JS_CFUNC_DEF("load", 1, sys_load),
    JS_CFUNC_DEF("getrandom", 1, sys_getrandom),
    JS_CFUNC_DEF("getpid", 0, sys_getpid),
    JS_CFUNC_DEF("clock_gettime", 1, sys_clock_gettime),
    JS_CFUNC_DEF("nanosleep", 1, sys_nanosleep),
    JS_CFUNC_DEF("spawn", 1, podwire_spawn),
};
const int podwire_process_count = sizeof podwire_process / sizeof podwire_process[0];
