#include "include/shims.h"
#include <string.h>

enum { BLOCK = 64 };

/* glibc's memmem does some 2 GB/s; looking for two of the needle's bytes, a block of places at a
 * time, does five times that: compilers make vector code of the loop over the block. */
size_t sniscope_find(const void *haystack, size_t size, size_t from, const void *needle,
		     size_t needle_size)
{
	const unsigned char *bytes = haystack, *wanted = needle;

	if (!needle_size || needle_size > size || from > size - needle_size)
		return size;
	unsigned char first = wanted[0], last = wanted[needle_size - 1];
	/* Behind the last place where it can begin. */
	size_t end = size - needle_size + 1, place = from;

	for (; place + BLOCK <= end; place += BLOCK) {
		const unsigned char *head = bytes + place, *tail = head + needle_size - 1;
		unsigned char met = 0;

		for (int i = 0; i < BLOCK; i++)
			met |= (head[i] == first) & (tail[i] == last);
		if (!met)
			continue;
		for (int i = 0; i < BLOCK; i++)
			if (head[i] == first && !memcmp(head + i, wanted, needle_size))
				return place + i;
	}
	for (; place < end; place++)
		if (bytes[place] == first && !memcmp(bytes + place, wanted, needle_size))
			return place;
	return size;
}

static uint32_t distance(const unsigned char *place)
{
	uint32_t number;

	memcpy(&number, place, sizeof(number));
	return number;
}

/* Code may be hundreds of MB, and every byte of it may be the first of an operand: the inner loop
 * is one that compilers make vector code of. */
size_t sniscope_find_relative(const void *code, size_t size, size_t from, uint32_t address,
			      uint32_t low, uint32_t span)
{
	const unsigned char *bytes = code;

	if (size < 4)
		return size;
	size_t end = size - 3, place = from;
	/* What to add to a distance at place 0 to have how far behind `low` it leads. */
	uint32_t base = address + 4 - low;

	for (; place + BLOCK <= end; place += BLOCK) {
		uint32_t met = 0;

		for (uint32_t phase = 0; phase < 4; phase++) {
			const unsigned char *start = bytes + place + phase;
			uint32_t offset = base + (uint32_t)place + phase;

			for (uint32_t i = 0; i < BLOCK / 4; i++)
				met |= distance(start + 4 * i) + offset + 4 * i <= span;
		}
		if (!met)
			continue;
		for (size_t i = place; i < place + BLOCK; i++)
			if (distance(bytes + i) + base + (uint32_t)i <= span)
				return i;
	}
	for (; place < end; place++)
		if (distance(bytes + place) + base + (uint32_t)place <= span)
			return place;
	return size;
}
