/* Sockets and namespaces. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "call.h"

CALL(socket)
{
    UNUSED;
    int fd = socket(podwire_number(ctx, argv[0]), podwire_number(ctx, argv[1]) | SOCK_CLOEXEC, podwire_number(ctx, argv[2]));
    return fd < 0 ? podwire_fail(ctx, "socket", NULL) : JS_NewInt32(ctx, fd);
}

CALL(bind)
{
    UNUSED;
    size_t length;
    const uint8_t *address = podwire_bytes(ctx, argv[1], &length);
    if (!address)
        return JS_EXCEPTION;
    return podwire_done(ctx, bind(podwire_number(ctx, argv[0]), (const struct sockaddr *)address, (socklen_t)length), "bind", NULL);
}

CALL(connect)
{
    UNUSED;
    size_t length;
    const uint8_t *address = podwire_bytes(ctx, argv[1], &length);
    if (!address)
        return JS_EXCEPTION;
    return podwire_done(ctx, connect(podwire_number(ctx, argv[0]), (const struct sockaddr *)address, (socklen_t)length), "connect", NULL);
}

CALL(listen)
{
    UNUSED;
    return podwire_done(ctx, listen(podwire_number(ctx, argv[0]), podwire_number(ctx, argv[1])), "listen", NULL);
}

CALL(accept)
{
    UNUSED;
    int fd;
    do
        fd = accept4(podwire_number(ctx, argv[0]), NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? podwire_fail(ctx, "accept", NULL) : JS_NewInt32(ctx, fd);
}

CALL(setsockopt)
{
    UNUSED;
    int value = podwire_number(ctx, argv[3]);
    return podwire_done(ctx, setsockopt(podwire_number(ctx, argv[0]), podwire_number(ctx, argv[1]), podwire_number(ctx, argv[2]), &value, sizeof value), "setsockopt", NULL);
}

CALL(send)
{
    UNUSED;
    size_t length;
    const uint8_t *data = podwire_bytes(ctx, argv[1], &length);
    if (!data)
        return JS_EXCEPTION;
    ssize_t n;
    do
        n = send(podwire_number(ctx, argv[0]), data, length, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? podwire_fail(ctx, "send", NULL) : JS_NewInt32(ctx, (int32_t)n);
}

CALL(recv)
{
    UNUSED;
    ssize_t n;
    do
        n = recv(podwire_number(ctx, argv[0]), podwire_received, sizeof podwire_received, MSG_TRUNC);
    while (n < 0 && errno == EINTR);
    if (n > (ssize_t)sizeof podwire_received) {
        errno = EMSGSIZE;
        n = -1;
    }
    return n < 0 ? podwire_fail(ctx, "recv", NULL) : JS_NewArrayBufferCopy(ctx, podwire_received, (size_t)n);
}

CALL(poll)
{
    UNUSED;
    enum { MOST = 256 };
    struct pollfd fds[MOST];
    uint32_t count = 0;
    JSValue length = JS_GetPropertyStr(ctx, argv[0], "length");
    if (JS_ToUint32(ctx, &count, length) < 0)
        return JS_EXCEPTION;
    if (count > MOST) {
        errno = EINVAL;
        return podwire_fail(ctx, "poll", NULL);
    }
    int events = podwire_number(ctx, argv[2]);
    for (uint32_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = podwire_number(ctx, JS_GetPropertyUint32(ctx, argv[0], i)), .events = (short)(events ? events : POLLIN) };
    /* EINTR counts as nothing to read: the caller polls again. */
    if (poll(fds, count, podwire_number(ctx, argv[1])) < 0 && errno != EINTR)
        return podwire_fail(ctx, "poll", NULL);
    JSValue ready = JS_NewArray(ctx);
    for (uint32_t i = 0, n = 0; i < count; i++)
        if (fds[i].revents)
            JS_SetPropertyUint32(ctx, ready, n++, JS_NewInt32(ctx, fds[i].fd));
    return ready;
}

CALL(setns)
{
    UNUSED;
    return podwire_done(ctx, setns(podwire_number(ctx, argv[0]), podwire_number(ctx, argv[1])), "setns", NULL);
}

const JSCFunctionListEntry podwire_sockets[] = {
    JS_CFUNC_DEF("socket", 3, sys_socket),
    JS_CFUNC_DEF("bind", 2, sys_bind),
    JS_CFUNC_DEF("connect", 2, sys_connect),
    JS_CFUNC_DEF("listen", 2, sys_listen),
    JS_CFUNC_DEF("accept", 1, sys_accept),
    JS_CFUNC_DEF("setsockopt", 4, sys_setsockopt),
    JS_CFUNC_DEF("send", 2, sys_send),
    JS_CFUNC_DEF("recv", 1, sys_recv),
    JS_CFUNC_DEF("poll", 3, sys_poll),
    JS_CFUNC_DEF("setns", 2, sys_setns),
};
const int podwire_sockets_count = sizeof podwire_sockets / sizeof podwire_sockets[0];
