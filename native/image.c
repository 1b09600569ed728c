/*
 * The heap image: the engine once the program's code is loaded, dumped at build time and linked in at the same addresses
 * (build/native.sh, docs/decisions/0005). A run starts from it. A program without an image loads its code at each start.
 */
#include <stdio.h>
#include <sys/time.h>

#include "host.h"

/* Only the engine calls this, to seed Math.random: an image must not depend on its build's time. Random numbers come from getrandom. */
int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    *time = (struct timeval){ 0 };
    return 0;
}

int podwire_read_ahead(JSContext *ctx, char **segments)
{
    /* The program itself is loaded now and runs when it is called. */
    JSModuleDef *program = podwire_load(ctx, "main.js");
    if (!program || JS_ResolveModule(ctx, JS_MKPTR(JS_TAG_MODULE, program)) < 0)
        return -1;
    for (; *segments; segments++) {
        JSModuleDef *module = podwire_load(ctx, *segments);
        if (!module || JS_IsException(podwire_run(ctx, module)))
            return -1;
    }
    for (unsigned i = 0; i < podwire_heap.loaded_count; i++)
        puts(podwire_heap.loaded[i].name);
    return 0;
}

int podwire_write_image(JSContext *ctx, const char *path)
{
    if (podwire_heap.end != podwire_heap_end) {
        fputs("image: the program needs a larger heap than build/native.sh gives it\n", stderr);
        return 1;
    }
    podwire_heap.context = ctx;
    size_t size = (size_t)(podwire_heap.next - (char *)&podwire_heap);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(&podwire_heap, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    return 0;
}
