/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which server names are wanted, as far as a comparison can say: user space decides again about
 * each name that passes. */
#ifndef SNISCOPE_NAME_FILTER_H
#define SNISCOPE_NAME_FILTER_H

#define WORDS (SNISCOPE_PATTERN_LENGTH / 8)

const volatile bool filter_names;
/* Those that exclude come first. */
const volatile struct sniscope_name_pattern name_patterns[SNISCOPE_NAME_PATTERNS];
const volatile __u32 name_pattern_count;
/* In lower case: from the first byte on, or up to the last one where the end of names is compared.
 */
const volatile __u64 name_texts[SNISCOPE_NAME_PATTERNS][WORDS];
/* The bits of `name_texts` that count. */
const volatile __u64 name_masks[SNISCOPE_NAME_PATTERNS][WORDS];
/* Whether a name that no pattern matches is wanted. */
const volatile bool pass_other_names;

#define EACH_BYTE(value) (0x0101010101010101ULL * (value))

/* Eight bytes with the ASCII letters in lower case. */
static __always_inline __u64 lower_case(__u64 word)
{
	__u64 low = word & EACH_BYTE(0x7f);
	__u64 from_a = low + EACH_BYTE(0x80 - 'A');
	__u64 above_z = low + EACH_BYTE(0x7f - 'Z');

	return word | ((from_a ^ above_z) & ~word & EACH_BYTE(0x80)) >> 2;
}

/* - name: of 1 to 255 bytes, all of it; as many as a pattern has may be read behind its beginning
 * and before its end. */
static __always_inline bool wanted_name(const char *name, __u64 length)
{
	/* The beginning and the end. */
	__u64 parts[2][WORDS];
	const char *end;

	LIMIT_BITS(length, SNISCOPE_NAME_CAPACITY - 1);
	end = name + length;
	/* What is sent has no dot there, with some libraries. */
	if (end[-1] == '.')
		return true;
	for (int i = 0; i < WORDS; i++) {
		parts[0][i] = lower_case(((const __u64 *)name)[i]);
		parts[1][i] = lower_case(((const __u64 *)end)[i - WORDS]);
	}
	for (int i = 0; i < SNISCOPE_NAME_PATTERNS && i < name_pattern_count; i++) {
		const volatile struct sniscope_name_pattern *pattern = &name_patterns[i];
		const __u64 *part = parts[pattern->at_end];
		__u64 differences = 0;

		if (length < pattern->least || length > pattern->most)
			continue;
		for (int word = 0; word < WORDS; word++)
			differences |= (part[word] ^ name_texts[i][word]) & name_masks[i][word];
		if (!differences)
			return !pattern->excludes;
	}
	return pass_other_names;
}

#endif
