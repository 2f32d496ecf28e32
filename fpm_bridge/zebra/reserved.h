/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What no container can have, as in core/reserved.cpp: a test holds the two together, so this file knows no FRR.
 */
#ifndef BERTH_RESERVED_H
#define BERTH_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct berth_reserved_range {
	uint8_t size;	/* of an address: 4 or 16 */
	uint8_t length; /* of the prefix */
	uint8_t first, second; /* bytes of the address; the others are zero */
};

static const struct berth_reserved_range berth_reserved_ranges[] = {
	{4, 8, 0, 0}, /* this network */
	{4, 8, 127, 0}, /* loopback */
	{4, 16, 169, 254}, /* link-local */
	{4, 3, 224, 0}, /* multicast, reserved and the broadcast */
	{16, 8, 0, 0}, /* ::, ::1, and IPv4 in IPv6 */
	{16, 10, 0xfe, 0x80}, /* link-local */
	{16, 8, 0xff, 0}, /* multicast */
};

/* Does the prefix share an address with one of them, be it inside of it or around it? */
static inline bool berth_is_reserved(const uint8_t *address, unsigned int size, unsigned int length)
{
	size_t n = sizeof(berth_reserved_ranges) / sizeof(berth_reserved_ranges[0]);

	for (size_t i = 0; i < n; i++) {
		const struct berth_reserved_range *range = &berth_reserved_ranges[i];
		unsigned int bits = range->length < length ? range->length : length;
		uint16_t mask = (uint16_t)(0xffff0000u >> bits);
		uint16_t theirs = (uint16_t)(range->first << 8 | range->second);
		uint16_t ours = (uint16_t)(address[0] << 8 | address[1]);

		if (range->size == size && ((ours ^ theirs) & mask) == 0)
			return true;
	}
	return false;
}

#endif
