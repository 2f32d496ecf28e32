/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPM's frame header (FRR, fpm/fpm.h): version 1, type 2 (protobuf), 16-bit big-endian length that counts the header. For
 * both ends, in C and in C++. Pure: no FRR header, no I/O, never trusts a length.
 */
#ifndef BERTH_FPM_FRAME_H
#define BERTH_FPM_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define BERTH_FRAME_HEADER 4
#define BERTH_FRAME_MAX 65535

enum berth_frame_status {
	BERTH_FRAME_READY,	/* *body and *body_len are set; drop *total bytes */
	BERTH_FRAME_MORE,	/* not all here yet */
	BERTH_FRAME_BAD,	/* *error says why; the stream can't be read on */
};

static inline enum berth_frame_status berth_frame_next(const uint8_t *data, size_t len, const uint8_t **body,
						       size_t *body_len, size_t *total, const char **error)
{
	size_t length;

	if (len >= 1 && data[0] != 1) {
		*error = "frame header: version is not 1";
		return BERTH_FRAME_BAD;
	}
	if (len >= 2 && data[1] != 2) {
		*error = "frame header: type is not 2 (protobuf)";
		return BERTH_FRAME_BAD;
	}
	if (len < BERTH_FRAME_HEADER)
		return BERTH_FRAME_MORE;
	length = (size_t)data[2] << 8 | data[3];
	if (length <= BERTH_FRAME_HEADER) {
		*error = "frame header: no body";
		return BERTH_FRAME_BAD;
	}
	if (len < length)
		return BERTH_FRAME_MORE;
	*body = data + BERTH_FRAME_HEADER;
	*body_len = length - BERTH_FRAME_HEADER;
	*total = length;
	return BERTH_FRAME_READY;
}

static inline void berth_frame_header(uint8_t *out, size_t body_len)
{
	size_t length = body_len + BERTH_FRAME_HEADER;

	out[0] = 1;
	out[1] = 2;
	out[2] = (uint8_t)(length >> 8);
	out[3] = (uint8_t)length;
}

#endif
