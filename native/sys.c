/*
 * The system calls, one function each under the kernel's name: arguments in, result out, {op, errno} thrown.
 * No decision is taken here. src/host/sys.ts is the same list for TypeScript and says what each returns.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define CALL(name) static JSValue sys_##name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
#define UNUSED ((void)self, (void)argc, (void)argv)

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

static JSValue done(JSContext *ctx, int result, const char *op, const char *path)
{
    return result < 0 ? podwire_fail(ctx, op, path) : JS_UNDEFINED;
}

static int64_t integer(JSContext *ctx, JSValueConst value)
{
    int64_t n = 0;
    JS_ToInt64(ctx, &n, value);
    return n;
}

static int number(JSContext *ctx, JSValueConst value) { return (int)integer(ctx, value); }

/* Not freed by the callers: the process outlives a path by microseconds.
   A path with a NUL inside would silently name another file: EINVAL. NULL with an exception pending on failure. */
static const char *path_of(JSContext *ctx, const char *op, JSValueConst value)
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

/* The bytes of a Uint8Array; NULL with an exception pending for anything else. */
static const uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t offset, size, element;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &element);
    if (JS_IsException(buffer))
        return NULL;
    uint8_t *data = JS_GetArrayBuffer(ctx, &size, buffer);
    /* The array itself keeps its buffer alive for the length of the call. */
    JS_FreeValue(ctx, buffer);
    return data ? data + offset : (const uint8_t *)"";
}

/* What read and recv fill before its true length is known; the kernel sends at most 32 KiB of a dump at once. Only pages that are touched become resident. */
static uint8_t received[256 << 10];

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
    _exit(number(ctx, argv[0]));
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
    /* Nothing here awaits, so the module has run to its end; what it threw is the promise's reason. */
    if (JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED)
        return JS_Throw(ctx, JS_PromiseResult(ctx, result));
    return JS_GetModuleNamespace(ctx, module);
}

/* Files */

CALL(open)
{
    UNUSED;
    const char *path = path_of(ctx, "open", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    /* Not musl's open(), which asks old kernels for FD_CLOEXEC once more each time. */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, number(ctx, argv[1]) | O_CLOEXEC, argc > 2 ? number(ctx, argv[2]) : 0);
    return fd < 0 ? podwire_fail(ctx, "open", path) : JS_NewInt32(ctx, fd);
}

CALL(close)
{
    UNUSED;
    return done(ctx, close(number(ctx, argv[0])), "close", NULL);
}

CALL(read)
{
    UNUSED;
    int64_t wanted = integer(ctx, argv[1]);
    size_t length = wanted < 0 ? 0 : wanted > (int64_t)sizeof received ? sizeof received : (size_t)wanted;
    ssize_t n;
    do
        n = read(number(ctx, argv[0]), received, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? podwire_fail(ctx, "read", NULL) : JS_NewArrayBufferCopy(ctx, received, (size_t)n);
}

CALL(write)
{
    UNUSED;
    int fd = number(ctx, argv[0]);
    size_t left;
    const char *text = JS_IsString(argv[1]) ? JS_ToCStringLen(ctx, &left, argv[1]) : NULL;
    const uint8_t *data = text ? (const uint8_t *)text : bytes_of(ctx, argv[1], &left);
    if (!data)
        return JS_EXCEPTION;
    ssize_t n = 0;
    while (left > 0 && ((n = write(fd, data, left)) >= 0 || errno == EINTR)) {
        if (n < 0)
            continue;
        data += n;
        left -= (size_t)n;
    }
    JSValue result = left > 0 ? podwire_fail(ctx, "write", NULL) : JS_UNDEFINED;
    if (text)
        JS_FreeCString(ctx, text);
    return result;
}

CALL(fsync)
{
    UNUSED;
    return done(ctx, fsync(number(ctx, argv[0])), "fsync", NULL);
}

CALL(ftruncate)
{
    UNUSED;
    return done(ctx, ftruncate(number(ctx, argv[0]), integer(ctx, argv[1])), "ftruncate", NULL);
}

static JSValue stat_object(JSContext *ctx, const struct stat *st)
{
    JSValue object = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, object, "dev", JS_NewInt64(ctx, (int64_t)st->st_dev));
    JS_SetPropertyStr(ctx, object, "ino", JS_NewInt64(ctx, (int64_t)st->st_ino));
    JS_SetPropertyStr(ctx, object, "mode", JS_NewUint32(ctx, st->st_mode));
    JS_SetPropertyStr(ctx, object, "size", JS_NewInt64(ctx, st->st_size));
    JS_SetPropertyStr(ctx, object, "mtime", JS_NewFloat64(ctx, (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9));
    return object;
}

CALL(fstat)
{
    UNUSED;
    struct stat st;
    return fstat(number(ctx, argv[0]), &st) < 0 ? podwire_fail(ctx, "fstat", NULL) : stat_object(ctx, &st);
}

CALL(stat)
{
    UNUSED;
    struct stat st;
    const char *path = path_of(ctx, "stat", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    return stat(path, &st) < 0 ? podwire_fail(ctx, "stat", path) : stat_object(ctx, &st);
}

CALL(lstat)
{
    UNUSED;
    struct stat st;
    const char *path = path_of(ctx, "lstat", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    return lstat(path, &st) < 0 ? podwire_fail(ctx, "lstat", path) : stat_object(ctx, &st);
}

CALL(fstatfs)
{
    UNUSED;
    struct statfs fs;
    return fstatfs(number(ctx, argv[0]), &fs) < 0 ? podwire_fail(ctx, "fstatfs", NULL) : JS_NewInt64(ctx, (int64_t)fs.f_type);
}

static void on_alarm(int signal) { (void)signal; }

/* flock(2) has no time limit of its own: a timer's signal interrupts it, again and again in case one came before the call. */
static int flock_until(int fd, int operation, int milliseconds)
{
    struct sigaction action = { .sa_handler = on_alarm }, before;
    struct itimerval off = { 0 };
    struct itimerval timer = {
        .it_value = { milliseconds / 1000, milliseconds % 1000 * 1000 },
        .it_interval = { 0, 20000 },
    };
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &timer, NULL);
    int result = flock(fd, operation);
    int error = result < 0 && errno == EINTR ? EAGAIN : errno;
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
    errno = error;
    return result;
}

CALL(flock)
{
    UNUSED;
    int fd = number(ctx, argv[0]), operation = number(ctx, argv[1]), timeout = number(ctx, argv[2]);
    int result = flock(fd, operation | LOCK_NB);
    if (result < 0 && errno == EWOULDBLOCK && timeout > 0)
        result = flock_until(fd, operation, timeout);
    return done(ctx, result, "flock", NULL);
}

CALL(mkdir)
{
    UNUSED;
    const char *path = path_of(ctx, "mkdir", argv[0]);
    return path ? done(ctx, mkdir(path, (mode_t)number(ctx, argv[1])), "mkdir", path) : JS_EXCEPTION;
}

CALL(rmdir)
{
    UNUSED;
    const char *path = path_of(ctx, "rmdir", argv[0]);
    return path ? done(ctx, rmdir(path), "rmdir", path) : JS_EXCEPTION;
}

CALL(unlink)
{
    UNUSED;
    const char *path = path_of(ctx, "unlink", argv[0]);
    return path ? done(ctx, unlink(path), "unlink", path) : JS_EXCEPTION;
}

static JSValue two_paths(JSContext *ctx, JSValueConst *argv, const char *op, int (*call)(const char *, const char *))
{
    const char *from = path_of(ctx, op, argv[0]);
    const char *to = from ? path_of(ctx, op, argv[1]) : NULL;
    return to ? done(ctx, call(from, to), op, to) : JS_EXCEPTION;
}

CALL(rename)
{
    UNUSED;
    return two_paths(ctx, argv, "rename", rename);
}

CALL(link)
{
    UNUSED;
    return two_paths(ctx, argv, "link", link);
}

CALL(symlink)
{
    UNUSED;
    return two_paths(ctx, argv, "symlink", symlink);
}

CALL(readlink)
{
    UNUSED;
    char target[4096];
    const char *path = path_of(ctx, "readlink", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    ssize_t n = readlink(path, target, sizeof target);
    return n < 0 ? podwire_fail(ctx, "readlink", path) : JS_NewStringLen(ctx, target, (size_t)n);
}

CALL(utimensat)
{
    UNUSED;
    const char *path = path_of(ctx, "utimensat", argv[0]);
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = integer(ctx, argv[1]) } };
    return path ? done(ctx, utimensat(AT_FDCWD, path, times, 0), "utimensat", path) : JS_EXCEPTION;
}

CALL(access)
{
    UNUSED;
    const char *path = path_of(ctx, "access", argv[0]);
    return path ? done(ctx, access(path, number(ctx, argv[1])), "access", path) : JS_EXCEPTION;
}

CALL(getdents)
{
    UNUSED;
    const char *path = path_of(ctx, "getdents", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    DIR *dir = opendir(path);
    if (!dir)
        return podwire_fail(ctx, "getdents", path);
    JSValue list = JS_NewArray(ctx);
    struct dirent *entry;
    uint32_t count = 0;
    while ((errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            JS_SetPropertyUint32(ctx, list, count++, JS_NewString(ctx, entry->d_name));
    int error = errno;
    closedir(dir);
    errno = error;
    return error ? podwire_fail(ctx, "getdents", path) : list;
}

/* Sockets and namespaces */

CALL(socket)
{
    UNUSED;
    int fd = socket(number(ctx, argv[0]), number(ctx, argv[1]) | SOCK_CLOEXEC, number(ctx, argv[2]));
    return fd < 0 ? podwire_fail(ctx, "socket", NULL) : JS_NewInt32(ctx, fd);
}

CALL(bind)
{
    UNUSED;
    size_t length;
    const uint8_t *address = bytes_of(ctx, argv[1], &length);
    if (!address)
        return JS_EXCEPTION;
    return done(ctx, bind(number(ctx, argv[0]), (const struct sockaddr *)address, (socklen_t)length), "bind", NULL);
}

CALL(setsockopt)
{
    UNUSED;
    int value = number(ctx, argv[3]);
    return done(ctx, setsockopt(number(ctx, argv[0]), number(ctx, argv[1]), number(ctx, argv[2]), &value, sizeof value), "setsockopt", NULL);
}

CALL(send)
{
    UNUSED;
    size_t length;
    const uint8_t *data = bytes_of(ctx, argv[1], &length);
    if (!data)
        return JS_EXCEPTION;
    ssize_t n;
    do
        n = send(number(ctx, argv[0]), data, length, 0);
    while (n < 0 && errno == EINTR);
    return done(ctx, (int)n, "send", NULL);
}

CALL(recv)
{
    UNUSED;
    ssize_t n;
    do
        n = recv(number(ctx, argv[0]), received, sizeof received, MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n > (ssize_t)sizeof received) {
        errno = EMSGSIZE;
        n = -1;
    }
    return n < 0 ? podwire_fail(ctx, "recv", NULL) : JS_NewArrayBufferCopy(ctx, received, (size_t)n);
}

CALL(setns)
{
    UNUSED;
    return done(ctx, setns(number(ctx, argv[0]), number(ctx, argv[1])), "setns", NULL);
}

/* Process, clock, chance */

CALL(getrandom)
{
    UNUSED;
    uint8_t data[256];
    size_t length = (size_t)integer(ctx, argv[0]);
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
    if (clock_gettime(number(ctx, argv[0]), &t) < 0)
        return podwire_fail(ctx, "clock_gettime", NULL);
    return JS_NewFloat64(ctx, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

CALL(nanosleep)
{
    UNUSED;
    int64_t milliseconds = integer(ctx, argv[0]);
    struct timespec left = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
    return JS_UNDEFINED;
}

/* Text: not system calls, but what an engine without TextEncoder and crypto needs from its host */

CALL(strerror)
{
    UNUSED;
    return JS_NewString(ctx, strerror(number(ctx, argv[0])));
}

CALL(decodeUtf8)
{
    UNUSED;
    size_t size, offset = (size_t)integer(ctx, argv[1]), length = (size_t)integer(ctx, argv[2]);
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

static const JSCFunctionListEntry calls[] = {
    JS_CFUNC_DEF("getenv", 1, sys_getenv),
    JS_CFUNC_DEF("environ", 0, sys_environ),
    JS_CFUNC_DEF("exit", 1, sys_exit),
    JS_CFUNC_DEF("load", 1, sys_load),
    JS_CFUNC_DEF("open", 3, sys_open),
    JS_CFUNC_DEF("close", 1, sys_close),
    JS_CFUNC_DEF("read", 2, sys_read),
    JS_CFUNC_DEF("write", 2, sys_write),
    JS_CFUNC_DEF("fsync", 1, sys_fsync),
    JS_CFUNC_DEF("ftruncate", 2, sys_ftruncate),
    JS_CFUNC_DEF("fstat", 1, sys_fstat),
    JS_CFUNC_DEF("stat", 1, sys_stat),
    JS_CFUNC_DEF("lstat", 1, sys_lstat),
    JS_CFUNC_DEF("fstatfs", 1, sys_fstatfs),
    JS_CFUNC_DEF("flock", 3, sys_flock),
    JS_CFUNC_DEF("mkdir", 2, sys_mkdir),
    JS_CFUNC_DEF("rmdir", 1, sys_rmdir),
    JS_CFUNC_DEF("rename", 2, sys_rename),
    JS_CFUNC_DEF("link", 2, sys_link),
    JS_CFUNC_DEF("symlink", 2, sys_symlink),
    JS_CFUNC_DEF("unlink", 1, sys_unlink),
    JS_CFUNC_DEF("readlink", 1, sys_readlink),
    JS_CFUNC_DEF("utimensat", 2, sys_utimensat),
    JS_CFUNC_DEF("access", 2, sys_access),
    JS_CFUNC_DEF("getdents", 1, sys_getdents),
    JS_CFUNC_DEF("socket", 3, sys_socket),
    JS_CFUNC_DEF("bind", 2, sys_bind),
    JS_CFUNC_DEF("setsockopt", 4, sys_setsockopt),
    JS_CFUNC_DEF("send", 2, sys_send),
    JS_CFUNC_DEF("recv", 1, sys_recv),
    JS_CFUNC_DEF("setns", 2, sys_setns),
    JS_CFUNC_DEF("getrandom", 1, sys_getrandom),
    JS_CFUNC_DEF("getpid", 0, sys_getpid),
    JS_CFUNC_DEF("clock_gettime", 1, sys_clock_gettime),
    JS_CFUNC_DEF("nanosleep", 1, sys_nanosleep),
    JS_CFUNC_DEF("spawn", 1, podwire_spawn),
    JS_CFUNC_DEF("strerror", 1, sys_strerror),
    JS_CFUNC_DEF("decodeUtf8", 3, sys_decodeUtf8),
    JS_CFUNC_DEF("encodeUtf8", 1, sys_encodeUtf8),
    JS_CFUNC_DEF("sha512", 1, sys_sha512),
};

JSValue podwire_sys(JSContext *ctx, int argc, char **argv)
{
    JSValue object = JS_NewObject(ctx);
    JSValue arguments = JS_NewArray(ctx);
    for (int i = 0; i < argc; i++)
        JS_SetPropertyUint32(ctx, arguments, (uint32_t)i, JS_NewString(ctx, argv[i]));
    JS_SetPropertyStr(ctx, object, "argv", arguments);
    JS_SetPropertyFunctionList(ctx, object, calls, sizeof calls / sizeof calls[0]);
    return object;
}
