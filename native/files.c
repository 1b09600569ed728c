/* Files and directories. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "call.h"

CALL(open)
{
    UNUSED;
    const char *path = podwire_path(ctx, "open", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    /* Not musl's open(), which sets FD_CLOEXEC by a second call, for old kernels. */
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, podwire_number(ctx, argv[1]) | O_CLOEXEC, argc > 2 ? podwire_number(ctx, argv[2]) : 0);
    return fd < 0 ? podwire_fail(ctx, "open", path) : JS_NewInt32(ctx, fd);
}

CALL(close)
{
    UNUSED;
    return podwire_done(ctx, close(podwire_number(ctx, argv[0])), "close", NULL);
}

CALL(read)
{
    UNUSED;
    int64_t wanted = podwire_integer(ctx, argv[1]);
    size_t length = wanted < 0 ? 0 : wanted > (int64_t)sizeof podwire_received ? sizeof podwire_received : (size_t)wanted;
    ssize_t n;
    do
        n = read(podwire_number(ctx, argv[0]), podwire_received, length);
    while (n < 0 && errno == EINTR);
    return n < 0 ? podwire_fail(ctx, "read", NULL) : JS_NewArrayBufferCopy(ctx, podwire_received, (size_t)n);
}

CALL(write)
{
    UNUSED;
    int fd = podwire_number(ctx, argv[0]);
    size_t left;
    const char *text = JS_IsString(argv[1]) ? JS_ToCStringLen(ctx, &left, argv[1]) : NULL;
    const uint8_t *data = text ? (const uint8_t *)text : podwire_bytes(ctx, argv[1], &left);
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
    return podwire_done(ctx, fsync(podwire_number(ctx, argv[0])), "fsync", NULL);
}

CALL(fchmod)
{
    UNUSED;
    return podwire_done(ctx, fchmod(podwire_number(ctx, argv[0]), (mode_t)podwire_number(ctx, argv[1])), "fchmod", NULL);
}

CALL(ftruncate)
{
    UNUSED;
    return podwire_done(ctx, ftruncate(podwire_number(ctx, argv[0]), podwire_integer(ctx, argv[1])), "ftruncate", NULL);
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
    return fstat(podwire_number(ctx, argv[0]), &st) < 0 ? podwire_fail(ctx, "fstat", NULL) : stat_object(ctx, &st);
}

CALL(stat)
{
    UNUSED;
    struct stat st;
    const char *path = podwire_path(ctx, "stat", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    return stat(path, &st) < 0 ? podwire_fail(ctx, "stat", path) : stat_object(ctx, &st);
}

CALL(lstat)
{
    UNUSED;
    struct stat st;
    const char *path = podwire_path(ctx, "lstat", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    return lstat(path, &st) < 0 ? podwire_fail(ctx, "lstat", path) : stat_object(ctx, &st);
}

CALL(fstatfs)
{
    UNUSED;
    struct statfs fs;
    return fstatfs(podwire_number(ctx, argv[0]), &fs) < 0 ? podwire_fail(ctx, "fstatfs", NULL) : JS_NewInt64(ctx, (int64_t)fs.f_type);
}

static void on_alarm(int signal) { (void)signal; }

/* flock(2) has no timeout: a timer's signal interrupts it, repeatedly in case one arrives before the call. */
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
    int fd = podwire_number(ctx, argv[0]), operation = podwire_number(ctx, argv[1]), timeout = podwire_number(ctx, argv[2]);
    int result = flock(fd, operation | LOCK_NB);
    if (result < 0 && errno == EWOULDBLOCK && timeout > 0)
        result = flock_until(fd, operation, timeout);
    return podwire_done(ctx, result, "flock", NULL);
}

CALL(mkdir)
{
    UNUSED;
    const char *path = podwire_path(ctx, "mkdir", argv[0]);
    return path ? podwire_done(ctx, mkdir(path, (mode_t)podwire_number(ctx, argv[1])), "mkdir", path) : JS_EXCEPTION;
}

CALL(rmdir)
{
    UNUSED;
    const char *path = podwire_path(ctx, "rmdir", argv[0]);
    return path ? podwire_done(ctx, rmdir(path), "rmdir", path) : JS_EXCEPTION;
}

CALL(unlink)
{
    UNUSED;
    const char *path = podwire_path(ctx, "unlink", argv[0]);
    return path ? podwire_done(ctx, unlink(path), "unlink", path) : JS_EXCEPTION;
}

static JSValue two_paths(JSContext *ctx, JSValueConst *argv, const char *op, int (*call)(const char *, const char *))
{
    const char *from = podwire_path(ctx, op, argv[0]);
    const char *to = from ? podwire_path(ctx, op, argv[1]) : NULL;
    return to ? podwire_done(ctx, call(from, to), op, to) : JS_EXCEPTION;
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
    const char *path = podwire_path(ctx, "readlink", argv[0]);
    if (!path)
        return JS_EXCEPTION;
    ssize_t n = readlink(path, target, sizeof target);
    return n < 0 ? podwire_fail(ctx, "readlink", path) : JS_NewStringLen(ctx, target, (size_t)n);
}

CALL(utimensat)
{
    UNUSED;
    const char *path = podwire_path(ctx, "utimensat", argv[0]);
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = podwire_integer(ctx, argv[1]) } };
    return path ? podwire_done(ctx, utimensat(AT_FDCWD, path, times, 0), "utimensat", path) : JS_EXCEPTION;
}

CALL(access)
{
    UNUSED;
    const char *path = podwire_path(ctx, "access", argv[0]);
    return path ? podwire_done(ctx, access(path, podwire_number(ctx, argv[1])), "access", path) : JS_EXCEPTION;
}

CALL(getdents)
{
    UNUSED;
    const char *path = podwire_path(ctx, "getdents", argv[0]);
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

const JSCFunctionListEntry podwire_files[] = {
    JS_CFUNC_DEF("open", 3, sys_open),
    JS_CFUNC_DEF("close", 1, sys_close),
    JS_CFUNC_DEF("read", 2, sys_read),
    JS_CFUNC_DEF("write", 2, sys_write),
    JS_CFUNC_DEF("fsync", 1, sys_fsync),
    JS_CFUNC_DEF("fchmod", 2, sys_fchmod),
    JS_CFUNC_DEF("ftruncate", 2, sys_ftruncate),
    JS_CFUNC_DEF("fstat", 1, sys_fstat),
    JS_CFUNC_DEF("stat", 1, sys_stat),
    JS_CFUNC_DEF("lstat", 1, sys_lstat),
    JS_CFUNC_DEF("fstatfs", 1, sys_fstatfs),
    JS_CFUNC_DEF("flock", 3, sys_flock),
    JS_CFUNC_DEF("mkdir", 2, sys_mkdir),
    JS_CFUNC_DEF("rmdir", 1, sys_rmdir),
    JS_CFUNC_DEF("unlink", 1, sys_unlink),
    JS_CFUNC_DEF("rename", 2, sys_rename),
    JS_CFUNC_DEF("link", 2, sys_link),
    JS_CFUNC_DEF("symlink", 2, sys_symlink),
    JS_CFUNC_DEF("readlink", 1, sys_readlink),
    JS_CFUNC_DEF("utimensat", 2, sys_utimensat),
    JS_CFUNC_DEF("access", 2, sys_access),
    JS_CFUNC_DEF("getdents", 1, sys_getdents),
};
const int podwire_files_count = sizeof podwire_files / sizeof podwire_files[0];
