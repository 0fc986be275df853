// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reports each executable mapping of a file, as PERF_RECORD_MMAP2 does: for whoever may load BPF
 * programs and may not open perf events of the whole system. */
#include "kernel.h"
#include "abi/events.h"
#include "path.h"

/* linux/mm.h */
#define VM_EXEC 0x4
/* linux/fs.h: the file is a struct backing_file (Linux 6.6). */
#define FMODE_BACKING (1 << 25)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* Some five thousand mappings, as many as a busy host makes while a session begins. */
	__uint(max_entries, 1 << 20);
} records SEC(".maps");

/* Mappings that found no room in the ring buffer. */
__u64 lost;

struct scratch {
	struct sniscope_file_mapped record;
	char tail[SNISCOPE_MAPPED_CAPACITY + SNISCOPE_COMPONENT_CAPACITY];
};

/* One for each processor is enough: the kernel runs no second call of a program of this type on a
 * processor while one is under way there. It counts the calls that it leaves out for that
 * (recursion_misses of bpf_prog_info), and user space reads that count. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* The kernel calls it for every new mapping and change of protection; perf's own reports come from
 * it. */
SEC("fentry/perf_event_mmap")
int BPF_PROG(file_mapped, struct vm_area_struct *mapping)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file *file = BPF_CORE_READ(mapping, vm_file);
	struct sniscope_file_mapped *record;
	struct path_cursor cursor;
	struct path_tail path;
	struct scratch *scratch;
	struct dentry *dentry;
	struct vfsmount *mount;
	struct inode *inode;
	__u32 size, slot = 0;

	if (!file || !(BPF_CORE_READ(mapping, vm_flags) & VM_EXEC))
		return 0;
	scratch = bpf_map_lookup_elem(&scratches, &slot);
	if (!scratch)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	mount = BPF_CORE_READ(file, f_path.mnt);
	inode = BPF_CORE_READ(file, f_inode);
	if (bpf_core_field_exists(struct backing_file, user_path) &&
	    BPF_CORE_READ(file, f_mode) & FMODE_BACKING) {
		struct backing_file *backing = (struct backing_file *)file;

		dentry = BPF_CORE_READ(backing, user_path.dentry);
		mount = BPF_CORE_READ(backing, user_path.mnt);
		inode = BPF_CORE_READ(dentry, d_inode);
	}
	record = &scratch->record;
	record->type = SNISCOPE_FILE_MAPPED;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->time = bpf_ktime_get_ns();
	record->start = BPF_CORE_READ(mapping, vm_start);
	record->end = BPF_CORE_READ(mapping, vm_end);
	record->device = BPF_CORE_READ(inode, i_sb, s_dev);
	record->inode = BPF_CORE_READ(inode, i_ino);
	cursor_start(&cursor, task, dentry, mount);
	path = write_path(&cursor, scratch->tail, 0, SNISCOPE_MAPPED_CAPACITY,
			  SNISCOPE_MAPPED_COMPONENTS);
	record->path_length = path.length;
	record->path_truncated = path.truncated;
	size = sizeof(*record) + path.length;
	if (size > sizeof(*scratch))
		size = sizeof(*scratch);
	if (bpf_ringbuf_output(&records, record, size, 0))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
