/*
 * System calls, one function each under the kernel's name: arguments in, result out, {op, errno} thrown.
 * No policy here. src/host/sys.ts declares the same list for TypeScript and documents the results.
 */
#include "call.h"

JSValue podwire_sys(JSContext *ctx)
{
    JSValue object = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, object, podwire_files, podwire_files_count);
    JS_SetPropertyFunctionList(ctx, object, podwire_sockets, podwire_sockets_count);
    JS_SetPropertyFunctionList(ctx, object, podwire_process, podwire_process_count);
    JS_SetPropertyFunctionList(ctx, object, podwire_text, podwire_text_count);
    return object;
}
