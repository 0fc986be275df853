/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* User and group ids as a process in a user namespace sees them itself. */
#ifndef SNISCOPE_USER_NAMESPACE_H
#define SNISCOPE_USER_NAMESPACE_H

/* Linux, include/linux/user_namespace.h: so many extents stand in the map itself; more are in an
 * array of up to 340, sorted by the host's ids. */
#define INLINE_EXTENTS 5
/* 340 extents are halved nine times. */
#define HALVINGS 9
/* What an id that the namespace does not map is seen as (/proc/sys/kernel/overflowuid). */
#define OVERFLOW_ID 65534

/* The kernel's map_id_up (kernel/user_namespace.c). The extents' lower ids are the host's, however
 * deep namespaces are nested. */
static __always_inline __u32 id_inside(struct uid_gid_map *map, __u32 id)
{
	__u32 count = BPF_CORE_READ(map, nr_extents);
	bool in_map = count <= INLINE_EXTENTS;
	void *extents = in_map ? (void *)map + bpf_core_field_offset(struct uid_gid_map, extent)
			       : BPF_CORE_READ(map, reverse);
	__u32 low = 0, high = count;

	for (int i = 0; i < HALVINGS; i++) {
		struct uid_gid_extent extent;
		__u32 at;

		if (low >= high)
			break;
		/* Those in the map are in no order. */
		at = in_map ? low : (low + high) / 2;
		if (bpf_probe_read_kernel(&extent, sizeof(extent), extents + at * sizeof(extent)))
			break;
		if (id - extent.lower_first < extent.count)
			return extent.first + (id - extent.lower_first);
		if (in_map || id > extent.lower_first)
			low = at + 1;
		else
			high = at;
	}
	return OVERFLOW_ID;
}

#endif
