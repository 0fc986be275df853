/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The path of a file as a process sees it, read while the process runs: it may be gone before user
 * space can ask /proc. bpf_d_path is not allowed in these programs. */
#ifndef SNISCOPE_PATH_H
#define SNISCOPE_PATH_H

/* What was written behind a record: the components from the last to the first, each with a NUL. */
struct path_tail {
	__u32 length;
	bool truncated;
};

struct path_cursor {
	struct dentry *dentry;
	struct vfsmount *mount;
	struct dentry *root;
	struct vfsmount *root_mount;
};

/* Starts at a file of `dentry` and `mount`; the process's root directory is the path's beginning.
 */
static __always_inline void cursor_start(struct path_cursor *cursor, struct task_struct *task,
					 struct dentry *dentry, struct vfsmount *mount)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	cursor->dentry = dentry;
	cursor->mount = mount;
	cursor->root = BPF_CORE_READ(fs, root.dentry);
	cursor->root_mount = BPF_CORE_READ(fs, root.mnt);
}

/* Steps over mount points; false at the root. */
static __always_inline bool cursor_settle(struct path_cursor *cursor)
{
	/* Mounts stacked on one another are rare, and each is one step. */
	for (int i = 0; i < 4; i++) {
		/* BPF_CORE_READ would relocate the cursor's own fields: it gets locals. */
		struct dentry *dentry = cursor->dentry;
		struct vfsmount *at = cursor->mount;
		struct mount *mount, *parent;

		if (!dentry || (dentry == cursor->root && at == cursor->root_mount))
			return false;
		if (dentry != BPF_CORE_READ(at, mnt_root))
			return dentry != BPF_CORE_READ(dentry, d_parent);
		mount = (void *)at - bpf_core_field_offset(struct mount, mnt);
		parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return false;
		cursor->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		cursor->mount = (void *)parent + bpf_core_field_offset(struct mount, mnt);
	}
	return false;
}

/* Appends the path's components at `offset` of `tail`, at most `components` of them, which clang
 * must see as a constant. The verifier does not relate an offset to the room behind it: `tail` is
 * larger than `capacity`, which is a power of two, by one component. */
static __always_inline struct path_tail write_path(struct path_cursor *cursor, char *tail,
						   __u32 offset, __u32 capacity, int components)
{
	struct path_tail result = { .truncated = true };
	__u32 start = offset;

	for (int i = 0; i < components; i++) {
		struct dentry *dentry;
		const unsigned char *name;
		__u64 place;
		long length;

		if (!cursor_settle(cursor)) {
			result.truncated = false;
			break;
		}
		if (offset >= capacity)
			break;
		dentry = cursor->dentry;
		name = BPF_CORE_READ(dentry, d_name.name);
		place = offset;
		LIMIT_BITS(place, capacity - 1);
		length = bpf_probe_read_kernel_str(tail + place, SNISCOPE_COMPONENT_CAPACITY, name);
		if (length <= 0)
			break;
		offset += length;
		cursor->dentry = BPF_CORE_READ(dentry, d_parent);
	}
	result.length = offset - start;
	return result;
}

#endif
