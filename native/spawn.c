/* Runs one program to its end with its standard streams on pipes: fed and drained together, so that neither side can block the other. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

typedef struct {
    char *data;
    size_t length, capacity;
} Buffer;

enum { IN, OUT, ERR, STREAMS, OUTPUT_LIMIT = 16 << 20 };

typedef struct {
    int ends[STREAMS][2]; /* [child's, ours], -1 where closed */
    const char *input;
    size_t input_left;
    Buffer output[STREAMS];
    int64_t deadline; /* milliseconds of CLOCK_MONOTONIC, 0 for none */
} Streams;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void shut_all(Streams *s)
{
    for (int i = 0; i < STREAMS; i++) {
        shut(&s->ends[i][0]);
        shut(&s->ends[i][1]);
    }
}

static int open_pipes(Streams *s, int capture_stderr)
{
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (i == ERR && !capture_stderr)
            continue;
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -1;
        s->ends[i][0] = ends[i == IN ? 0 : 1];
        s->ends[i][1] = ends[i == IN ? 1 : 0];
        if (fcntl(s->ends[i][1], F_SETFL, O_NONBLOCK) < 0)
            return -1;
    }
    return 0;
}

/*
 * In the child, which shares the parent's memory until it has executed: only system calls here, and no return but by execve. What fails leaves its errno in
 * `*error`. A parent killed before prctl(2) has taken effect sends no signal: getppid(2) has changed by then.
 */
static void become(Streams *s, const char *file, char **args, char **env, pid_t parent, volatile int *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent)
        _exit(127);
    /* We ignore SIGPIPE; a program we run must not inherit that. */
    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < STREAMS; i++) {
        int fd = s->ends[i][0];
        /* dup2 onto itself would leave FD_CLOEXEC set. */
        if (fd >= 0 && (fd == i ? fcntl(fd, F_SETFD, 0) : dup2(fd, i)) < 0) {
            *error = errno;
            _exit(127);
        }
    }
    execve(file, args, env);
    *error = errno;
    _exit(127);
}

/* The program ends with us: one that went on after we were killed could commit its rules or its lease after the runtime's DEL. */
static int start(Streams *s, const char *file, char **args, char **env, pid_t *pid)
{
    volatile int error = 0;
    pid_t parent = getpid();
    sigset_t all, before;
    /* No handler may run in memory that two processes share. */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    *pid = vfork();
    if (*pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        become(s, file, args, env, parent, &error);
    }
    if (*pid < 0)
        error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < STREAMS; i++)
        shut(&s->ends[i][0]);
    if (error == 0)
        return 0;
    if (*pid > 0)
        waitpid(*pid, NULL, 0);
    errno = error;
    return -1;
}

static void feed(Streams *s)
{
    ssize_t n = write(s->ends[IN][1], s->input, s->input_left);
    if (n > 0) {
        s->input += n;
        s->input_left -= (size_t)n;
    }
    /* EPIPE: the program does not want the rest. */
    if (s->input_left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&s->ends[IN][1]);
}

static void drain(int *fd, Buffer *b)
{
    if (b->capacity - b->length < 4096) {
        size_t capacity = b->capacity ? 2 * b->capacity : 16384;
        char *data = capacity > OUTPUT_LIMIT ? NULL : realloc(b->data, capacity);
        if (!data) {
            shut(fd);
            return;
        }
        b->data = data;
        b->capacity = capacity;
    }
    ssize_t n = read(*fd, b->data + b->length, b->capacity - b->length);
    if (n > 0)
        b->length += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        shut(fd);
}

/* Returns 0 when all streams are closed, -1 when the deadline came first. */
static int exchange(Streams *s)
{
    while (s->ends[IN][1] >= 0 || s->ends[OUT][1] >= 0 || s->ends[ERR][1] >= 0) {
        struct pollfd fds[STREAMS];
        for (int i = 0; i < STREAMS; i++)
            fds[i] = (struct pollfd){ .fd = s->ends[i][1], .events = i == IN ? POLLOUT : POLLIN };
        int64_t left = s->deadline ? s->deadline - now() : -1;
        if (s->deadline && left <= 0)
            return -1;
        if (poll(fds, STREAMS, (int)left) < 0 && errno != EINTR)
            return -1;
        if (fds[IN].revents)
            feed(s);
        for (int i = OUT; i < STREAMS; i++)
            if (fds[i].revents)
                drain(&s->ends[i][1], &s->output[i]);
    }
    return 0;
}

/* A NULL-terminated copy of an array of strings; lives as long as the process. */
static char **strings(JSContext *ctx, JSValueConst object, const char *name)
{
    JSValue array = JS_GetPropertyStr(ctx, object, name);
    JSValue length_value = JS_GetPropertyStr(ctx, array, "length");
    uint32_t length = 0;
    JS_ToUint32(ctx, &length, length_value);
    char **list = calloc(length + 1, sizeof *list);
    for (uint32_t i = 0; list && i < length; i++)
        list[i] = (char *)JS_ToCString(ctx, JS_GetPropertyUint32(ctx, array, i));
    JS_FreeValue(ctx, array);
    return list;
}

static int integer(JSContext *ctx, JSValueConst object, const char *name)
{
    int value = 0;
    JS_ToInt32(ctx, &value, JS_GetPropertyStr(ctx, object, name));
    return value;
}

JSValue podwire_spawn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    (void)self, (void)argc;
    JSValueConst program = argv[0];
    const char *file = JS_ToCString(ctx, JS_GetPropertyStr(ctx, program, "file"));
    char **args = strings(ctx, program, "args");
    char **env = strings(ctx, program, "env");
    Streams s = { .ends = { { -1, -1 }, { -1, -1 }, { -1, -1 } } };
    s.input = JS_ToCStringLen(ctx, &s.input_left, JS_GetPropertyStr(ctx, program, "stdin"));
    if (!file || !args || !env || !s.input)
        return JS_ThrowOutOfMemory(ctx);
    int timeout = integer(ctx, program, "timeout");
    s.deadline = timeout > 0 ? now() + timeout : 0;

    pid_t pid;
    if (open_pipes(&s, integer(ctx, program, "captureStderr")) < 0 || start(&s, file, args, env, &pid) < 0) {
        int error = errno;
        shut_all(&s);
        errno = error;
        return podwire_fail(ctx, "execve", file);
    }
    int timed_out = exchange(&s) < 0;
    shut_all(&s);
    if (timed_out)
        kill(pid, SIGKILL);
    int status = 0;
    struct rusage usage = { 0 };
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    JSValue exit = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, exit, "status", JS_NewInt32(ctx, WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    JS_SetPropertyStr(ctx, exit, "signal", JS_NewInt32(ctx, WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    JS_SetPropertyStr(ctx, exit, "timedOut", JS_NewBool(ctx, timed_out));
    JS_SetPropertyStr(ctx, exit, "maxrss", JS_NewInt64(ctx, usage.ru_maxrss));
    JS_SetPropertyStr(ctx, exit, "stdout", JS_NewStringLen(ctx, s.output[OUT].data ? s.output[OUT].data : "", s.output[OUT].length));
    JS_SetPropertyStr(ctx, exit, "stderr", JS_NewStringLen(ctx, s.output[ERR].data ? s.output[ERR].data : "", s.output[ERR].length));
    free(s.output[OUT].data);
    free(s.output[ERR].data);
    return exit;
}
