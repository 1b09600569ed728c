/*
 * The engine's allocator. A plugin runs for milliseconds and allocates some ten thousand small objects: a bump allocator over one region,
 * with free lists by size, costs a fraction of a general allocator, and start-up is mostly allocation.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h; musl 1.2.3 does not have it */
#endif

enum {
    STEP = 8,
    SMALL = 4096,         /* up to here one free list per step, above it one per power of two */
    LARGE = 128 << 10,    /* above this blocks are mapped by the kernel */
    CHUNK = 1 << 20,
    PREPARED = 96 << 10,  /* an ADD's memory */
    READING = 384 << 10,  /* in addition, where it has to read its code first */
    PAGE = 4096,
};
_Static_assert(PODWIRE_LISTS == SMALL / STEP + 1 + 5, "a list for each size of small blocks, one for each power of two up to LARGE");

/* The header of each block; the engine's own fields need at most eight bytes of alignment. */
typedef struct {
    size_t size;
} Header;

static Header *header_of(const void *block) { return (Header *)block - 1; }

static int log2_above(size_t size) { return 64 - __builtin_clzl(size - 1); }

static size_t rounded(size_t size)
{
    if (size <= SMALL || size > LARGE)
        return (size + STEP - 1) & ~(size_t)(STEP - 1);
    return (size_t)1 << log2_above(size);
}

/* The free list of a rounded size. */
static void **list_of(size_t size)
{
    return &podwire_heap.freed[size <= SMALL ? size / STEP : SMALL / STEP + (size_t)log2_above(size) - 12];
}

static void *cut(size_t size)
{
    Heap *heap = &podwire_heap;
    size_t needed = sizeof(Header) + size;
    if ((size_t)(heap->end - heap->next) < needed) {
        char *chunk = malloc(CHUNK);
        if (!chunk)
            return NULL;
        heap->next = chunk;
        heap->end = chunk + CHUNK;
    }
    Header *header = (Header *)heap->next;
    heap->next += needed;
    header->size = size;
    return header + 1;
}

static void *allocate(size_t size)
{
    if (size > LARGE) {
        Header *header = malloc(sizeof(Header) + size);
        if (!header)
            return NULL;
        header->size = size;
        return header + 1;
    }
    void **list = list_of(size);
    void *block = *list;
    if (!block)
        return cut(size);
    *list = *(void **)block;
    return block;
}

static void *arena_malloc(JSMallocState *state, size_t wanted)
{
    size_t size = rounded(wanted);
    if (wanted > SIZE_MAX / 2 || size > state->malloc_limit || state->malloc_size > state->malloc_limit - size)
        return NULL;
    void *block = allocate(size);
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
    if (size > LARGE) {
        free(header_of(block));
        return;
    }
    void **list = list_of(size);
    *(void **)block = *list;
    *list = block;
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

void podwire_arena_prepare(void)
{
    Heap *heap = &podwire_heap;
    size_t expected = PREPARED;
    if (!heap->context) {
        heap->next = (char *)(heap + 1);
        heap->end = podwire_heap_end;
        expected += READING;
    }
    char *page = (char *)(((uintptr_t)heap->next + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    /* One call instead of one page fault per page; a kernel before 5.14 does not support it and faults each in. */
    madvise(page, expected, MADV_POPULATE_WRITE);
}

const JSMallocFunctions podwire_arena = { arena_malloc, arena_free, arena_realloc, arena_usable_size };
