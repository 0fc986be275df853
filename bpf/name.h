/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a server name from the memory of the calling process. */
#ifndef SNISCOPE_NAME_H
#define SNISCOPE_NAME_H

/* Threads that bpf_copy_from_user holds: whoever lets it sleep for ever is named by this. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct sniscope_waiting);
} waiting SEC(".maps");

/* Below Linux 6.0 no uprobe program may sleep, so a page that is not there stays unread. */
const volatile bool may_sleep;

/* Brings the page at `address` in; it may sleep for as long as whoever owns the page lets it. */
static __always_inline void touch(const void *address)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = id;
	struct sniscope_waiting wait = { .pid = id >> 32, .since = bpf_ktime_get_ns() };
	char byte;

	bpf_map_update_elem(&waiting, &tid, &wait, BPF_ANY);
	bpf_copy_from_user(&byte, 1, address);
	bpf_map_delete_elem(&waiting, &tid);
}

static __always_inline const void *next_page(const void *address)
{
	return (const void *)(((__u64)address | (PAGE_SIZE - 1)) + 1);
}

static __always_inline long read_once(char *name, const void *address, __u32 length,
				      bool terminated)
{
	long result;

	if (terminated)
		return bpf_probe_read_user_str(name, SNISCOPE_NAME_CAPACITY, address);
	if (length > SNISCOPE_NAME_CAPACITY - 1)
		length = SNISCOPE_NAME_CAPACITY - 1;
	LIMIT_BITS(length, SNISCOPE_NAME_CAPACITY - 1);
	result = bpf_probe_read_user(name, length, address);
	return result ? result : length;
}

/* A name may lie on a page that the app has not touched yet, such as a literal in .rodata, or cross
 * into one: the plain read gives EFAULT there. Fetch the page by one byte, and read again. */
static __always_inline long read_name(char *name, const void *address, __u32 length,
				      bool terminated)
{
	long result = read_once(name, address, length, terminated);

	if (result != -EFAULT || !may_sleep)
		return result;
	touch(address);
	result = read_once(name, address, length, terminated);
	if (result != -EFAULT)
		return result;
	touch(next_page(address));
	return read_once(name, address, length, terminated);
}

#endif
