/*
 * The native host: one QuickJS context, compiled modules out of the binary itself, no event loop. Called `PROGRAM --image FILE [SEGMENT…]` by the
 * build, it gets ready and stops there (native/image.c).
 * (Modules and not scripts: the names of their top level are bound once, where a function's would be looked up for every closure.)
 * A script that throws, or leaves a rejected promise behind, ends with a CNI error on stdout and status 1:
 * the generated main() of qjsc would exit 0 and print nothing, which a runtime takes for success.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum {
    /* A pod takes 1 MB, a pass of a node with 10,000 peers of both families 90. */
    MEMORY_LIMIT = 256 << 20,
    STACK_LIMIT = 512 << 10,
};

/* Unhandled rejected promises, and the reason of the first. */
static int rejected;
static JSValue reason_of_rejection;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *opaque)
{
    (void)promise, (void)opaque;
    if (handled)
        rejected--;
    else if (rejected++ == 0)
        reason_of_rejection = JS_DupValue(ctx, reason);
}

static JSContext *new_context(void)
{
    JSRuntime *rt = JS_NewRuntime2(&podwire_arena, NULL);
    if (!rt)
        return NULL;
    JS_SetMemoryLimit(rt, MEMORY_LIMIT);
    JS_SetMaxStackSize(rt, STACK_LIMIT);
    JS_SetGCThreshold(rt, 8 << 20);
    JS_SetModuleLoaderFunc(rt, NULL, podwire_import, NULL);
    JS_SetHostPromiseRejectionTracker(rt, on_rejection, NULL);
    JSContext *ctx = JS_NewContextRaw(rt);
    if (!ctx)
        return NULL;
    /* What the scripts may use; Date, RegExp, Proxy, eval and modules are left out, and with them most of the engine's attack surface. */
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    JS_SetPropertyStr(ctx, JS_GetGlobalObject(ctx), "__sys", podwire_sys(ctx));
    return ctx;
}

static const char *property(JSContext *ctx, JSValueConst object, const char *name)
{
    JSValue value = JS_GetPropertyStr(ctx, object, name);
    if (JS_IsException(value) || JS_IsUndefined(value))
        return NULL;
    return JS_ToCString(ctx, value);
}

/* The last resort: an error that the script did not turn into an answer. */
static int report(JSContext *ctx, JSValue error)
{
    /* The limit has served its purpose, and the report needs room. */
    JS_SetMemoryLimit(JS_GetRuntime(ctx), 2 * (size_t)MEMORY_LIMIT);
    const char *text = JS_ToCString(ctx, error);
    const char *stack = JS_IsObject(error) ? property(ctx, error, "stack") : NULL;
    if (!getenv("CNI_COMMAND")) {
        fprintf(stderr, "podwire: %s\n%s", text ? text : "unknown error", stack ? stack : "");
        return 1;
    }
    JSValue answer = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, answer, "cniVersion", JS_NewString(ctx, "1.1.0"));
    JS_SetPropertyStr(ctx, answer, "code", JS_NewInt32(ctx, 999));
    JS_SetPropertyStr(ctx, answer, "msg", JS_NewString(ctx, text ? text : "unknown error"));
    if (stack)
        JS_SetPropertyStr(ctx, answer, "details", JS_NewString(ctx, stack));
    const char *json = JS_ToCString(ctx, JS_JSONStringify(ctx, answer, JS_UNDEFINED, JS_NewInt32(ctx, 4)));
    fputs(json ? json : "{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"out of memory\"}", stdout);
    return 1;
}

static int run(JSContext *ctx, int argc, char **argv)
{
    JSValue arguments = JS_NewArray(ctx);
    for (int i = 0; i < argc; i++)
        JS_SetPropertyUint32(ctx, arguments, (uint32_t)i, JS_NewString(ctx, argv[i]));
    JS_SetPropertyStr(ctx, JS_GetPropertyStr(ctx, JS_GetGlobalObject(ctx), "__sys"), "argv", arguments);
    JSModuleDef *program = podwire_load(ctx, "main.js");
    return program && !JS_IsException(podwire_run(ctx, program)) ? 0 : -1;
}

/* The jobs that a script has left, and what it leaves unhandled; the exit status. `result` is negative where an exception is pending. */
static int settle(JSContext *ctx, int result)
{
    if (result < 0)
        return report(ctx, JS_GetException(ctx));
    JSContext *job;
    int pending;
    while ((pending = JS_ExecutePendingJob(JS_GetRuntime(ctx), &job)) > 0)
        ;
    if (pending < 0)
        return report(ctx, JS_GetException(ctx));
    /* A module that throws is a promise that is rejected. */
    if (rejected > 0)
        return report(ctx, reason_of_rejection);
    return 0;
}

int main(int argc, char **argv)
{
    /* A reader that went away must be an EPIPE that can be reported, not a death by SIGPIPE. */
    signal(SIGPIPE, SIG_IGN);
    podwire_arena_prepare();
    JSContext *ctx = podwire_heap.context;
    int making = !ctx && argc > 2 && strcmp(argv[1], "--image") == 0;
    if (ctx)
        /* The build's stack was elsewhere. */
        JS_UpdateStackTop(JS_GetRuntime(ctx));
    else
        ctx = new_context();
    if (!ctx) {
        fputs("{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"out of memory\"}", stdout);
        return 1;
    }
    int status = settle(ctx, making ? podwire_read_ahead(ctx, argv + 3) : run(ctx, argc, argv));
    if (making && status == 0)
        status = podwire_write_image(ctx, argv[2]);
    fflush(NULL);
    /* The kernel frees faster than the engine does. */
    _exit(status);
}
