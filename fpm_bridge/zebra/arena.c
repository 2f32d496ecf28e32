// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A message has thousands of parts and lives as long as it is worked on, so its parts come from one block; what does not
 * fit comes from the heap. The block is allocated for the first message: a module that nobody talks to needs none.
 */
#include "module.h"

#include <stdalign.h>
#include <stddef.h>

#include "arena.h"

#define ARENA_SIZE (1 << 19)	/* holds a batch of BERTH_MAX_OPERATIONS */

DEFINE_MTYPE_STATIC(BERTH, BERTH_ARENA, "berth message");

static struct {
	size_t used;
	bool spilled;
	uint8_t *bytes;
} arena;

static void *arena_alloc(void *unused, size_t size)
{
	size_t at = arena.used;

	(void)unused;
	if (size > ARENA_SIZE - at) {
		arena.spilled = true;
		return malloc(size);
	}
	arena.used = MIN(at + ((size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1)), (size_t)ARENA_SIZE);
	return arena.bytes + at;
}

static void arena_free(void *unused, void *p)
{
	(void)unused;
	if ((uint8_t *)p < arena.bytes || (uint8_t *)p >= arena.bytes + ARENA_SIZE)
		free(p);
}

static ProtobufCAllocator arena_allocator = {.alloc = arena_alloc, .free = arena_free};

Berth__Fpm__Message *berth_message_unpack(const uint8_t *body, size_t len)
{
	if (!arena.bytes)
		arena.bytes = XMALLOC(MTYPE_BERTH_ARENA, ARENA_SIZE);
	arena.used = 0;
	arena.spilled = false;
	return berth__fpm__message__unpack(&arena_allocator, len, body);
}

void berth_message_free(Berth__Fpm__Message *m)
{
	if (arena.spilled)
		berth__fpm__message__free_unpacked(m, &arena_allocator);
}

void berth_arena_fini(void)
{
	XFREE(MTYPE_BERTH_ARENA, arena.bytes);
}
