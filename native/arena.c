/*
 * The engine's memory. A plugin lives for milliseconds and makes some ten thousand small objects: cutting them off one piece of memory
 * and keeping freed ones by size costs a fraction of what a general allocator does, and start-up is mostly allocation.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
    STEP = 16,
    SMALL = 1024,                /* above this malloc is as good */
    CHUNK = 256 << 10,
};

/* Stands before every block; the engine's own fields need no more than eight bytes of alignment. */
typedef struct {
    size_t size;
} Header;

static void *freed[SMALL / STEP + 1];
static char first_chunk[CHUNK] __attribute__((aligned(16)));
static char *next = first_chunk, *end = first_chunk + CHUNK;

static Header *header_of(const void *block) { return (Header *)block - 1; }

static size_t rounded(size_t size) { return (size + STEP - 1) & ~(size_t)(STEP - 1); }

static void *cut(size_t size)
{
    size_t needed = sizeof(Header) + size;
    if ((size_t)(end - next) < needed) {
        char *chunk = malloc(CHUNK);
        if (!chunk)
            return NULL;
        next = chunk;
        end = chunk + CHUNK;
    }
    Header *header = (Header *)next;
    next += needed;
    header->size = size;
    return header + 1;
}

static void *arena_malloc(JSMallocState *state, size_t wanted)
{
    size_t size = rounded(wanted);
    if (wanted > SIZE_MAX - 64 || size > state->malloc_limit || state->malloc_size > state->malloc_limit - size)
        return NULL;
    void *block;
    if (size <= SMALL) {
        block = freed[size / STEP];
        if (block)
            freed[size / STEP] = *(void **)block;
        else
            block = cut(size);
    } else {
        Header *header = malloc(sizeof(Header) + size);
        block = header ? header + 1 : NULL;
        if (header)
            header->size = size;
    }
    if (!block)
        return NULL;
    state->malloc_count++;
    state->malloc_size += size;
    return block;
}

static void arena_free(JSMallocState *state, void *block)
{
    if (!block)
        return;
    size_t size = header_of(block)->size;
    state->malloc_count--;
    state->malloc_size -= size;
    if (size > SMALL) {
        free(header_of(block));
        return;
    }
    *(void **)block = freed[size / STEP];
    freed[size / STEP] = block;
}

static void *arena_realloc(JSMallocState *state, void *block, size_t wanted)
{
    if (!block)
        return wanted ? arena_malloc(state, wanted) : NULL;
    if (!wanted) {
        arena_free(state, block);
        return NULL;
    }
    size_t size = header_of(block)->size;
    if (wanted <= size && size <= 2 * rounded(wanted))
        return block;
    void *moved = arena_malloc(state, wanted);
    if (!moved)
        return NULL;
    memcpy(moved, block, wanted < size ? wanted : size);
    arena_free(state, block);
    return moved;
}

static size_t arena_usable_size(const void *block) { return block ? header_of(block)->size : 0; }

const JSMallocFunctions podwire_arena = { arena_malloc, arena_free, arena_realloc, arena_usable_size };
