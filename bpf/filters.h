/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose calls are wanted: user space fills the maps and sets the constants before the load. */
#ifndef SNISCOPE_FILTERS_H
#define SNISCOPE_FILTERS_H

/* Control groups: 1 a container that is wanted, or may be; 0 one that is not. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} containers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} processes SEC(".maps");

struct comm {
	char text[SNISCOPE_COMM_LENGTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct comm);
	__type(value, __u8);
} comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} users SEC(".maps");

const volatile bool filter_containers;
/* The verdict on whoever is in no known container. */
const volatile bool pass_outside;
/* 0: not known. */
const volatile __u32 host_mount_namespace;
const volatile bool filter_processes;
const volatile bool filter_comms;
const volatile bool filter_users;

/* A new control group may be that of a container that is wanted: its events pass until user space
 * has found out. */
static __always_inline void note_cgroup(__u64 id, bool created)
{
	__u8 undecided = 1;

	if (!filter_containers)
		return;
	if (created)
		bpf_map_update_elem(&containers, &id, &undecided, BPF_ANY);
	else
		bpf_map_delete_elem(&containers, &id);
}

static __always_inline bool wanted_container(struct task_struct *task)
{
	/* Descendants of a container's control group belong to it: the innermost known one decides.
	 */
	for (int level = 16; level >= 1; level--) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		__u8 *verdict;

		if (!id)
			continue;
		verdict = bpf_map_lookup_elem(&containers, &id);
		if (verdict)
			return *verdict;
	}
	/* A user without rights on control groups starts containers that have none of their own:
	 * user space tells those by their mount namespace. */
	return pass_outside ||
	       BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != host_mount_namespace;
}

static __always_inline bool wanted_comm(struct task_struct *task)
{
	struct task_struct *leader;
	struct comm comm = {};

	bpf_get_current_comm(&comm, sizeof(comm));
	if (bpf_map_lookup_elem(&comms, &comm))
		return true;
	leader = BPF_CORE_READ(task, group_leader);
	BPF_CORE_READ_STR_INTO(&comm, leader, comm);
	return bpf_map_lookup_elem(&comms, &comm);
}

static __always_inline bool wanted(struct task_struct *task)
{
	if (filter_processes) {
		__u32 pid = bpf_get_current_pid_tgid() >> 32;

		if (!bpf_map_lookup_elem(&processes, &pid))
			return false;
	}
	if (filter_users) {
		__u32 uid = bpf_get_current_uid_gid();

		if (!bpf_map_lookup_elem(&users, &uid))
			return false;
	}
	if (filter_comms && !wanted_comm(task))
		return false;
	return !filter_containers || wanted_container(task);
}

#endif
