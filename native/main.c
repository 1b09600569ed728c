/*
 * The native host: one QuickJS context that runs compiled modules from the binary itself, without an event loop. The build calls it as
 * `PROGRAM --image FILE [SEGMENT…]`, which dumps a heap image and exits (native/image.c).
 * (Modules, not scripts: a module's top-level names are bound once, a script's are looked up for each closure.)
 * A script that throws, or leaves a rejected promise, ends with a CNI error on stdout and status 1:
 * the main() that qjsc generates would exit 0 without output, which a runtime takes for success.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum {
    /* An ADD uses 1 MB, a pass of a node with 10,000 dual-stack peers 90. */
    MEMORY_LIMIT = 256 << 20,
    STACK_LIMIT = 512 << 10,
};

/* The number of unhandled rejected promises, and the first one's reason. */
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
    /* The engine's parts that scripts may use; without Date, RegExp, Proxy, eval and import() most of its attack surface is left out. */
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

/* Reports an error that the script did not catch. */
static int report(JSContext *ctx, JSValue error)
{
    /* After running out of memory the report itself needs some. */
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

/* Runs pending jobs and reports what is unhandled; returns the exit status. `result` is negative where an exception is pending. */
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
    /* A module that throws gives a rejected promise. */
    if (rejected > 0)
        return report(ctx, reason_of_rejection);
    return 0;
}

int main(int argc, char **argv)
{
    /* A closed stdout must be an EPIPE that can be reported, not a SIGPIPE. */
    signal(SIGPIPE, SIG_IGN);
    podwire_arena_prepare();
    JSContext *ctx = podwire_heap.context;
    int making = !ctx && argc > 2 && strcmp(argv[1], "--image") == 0;
    if (ctx)
        /* The stack of the build was at another address. */
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
    /* No JS_FreeContext: exit frees everything at once. */
    _exit(status);
}
