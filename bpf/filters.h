/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose calls are wanted: user space fills the maps and sets the constants before the load. */
#ifndef SNISCOPE_FILTERS_H
#define SNISCOPE_FILTERS_H

/* No container is deeper in the hierarchy of control groups. */
#define ANCESTORS 16

/* Control groups of containers, and of what may be one, with the verdict on them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	/* enum sniscope_verdict */
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

/* Whether user space tells what is known of control groups. */
const volatile bool keep_containers;
const volatile bool filter_containers;
/* The verdict on whoever is in no known container. */
const volatile bool pass_outside;
/* 0: not known. */
const volatile __u32 host_mount_namespace;
const volatile bool filter_processes;
const volatile bool filter_comms;
const volatile bool filter_users;

struct sniscope_reader reader;

/* Whether a container is known in whose control group a new one lies, which is then its too. */
static __always_inline bool is_below_container(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *above = BPF_CORE_READ(cgroup, self.parent);

	for (int level = 0; level < ANCESTORS && above; level++) {
		__u64 id = BPF_CORE_READ(above, cgroup, kn, id);
		__u8 *verdict = bpf_map_lookup_elem(&containers, &id);

		if (verdict && *verdict != SNISCOPE_UNDECIDED)
			return true;
		above = BPF_CORE_READ(above, parent);
	}
	return false;
}

/* A new control group may be a container's, and of one that is wanted: its calls pass until user
 * space has found out. */
static __always_inline void note_cgroup(struct cgroup *cgroup, __u64 id, bool created)
{
	__u8 undecided = SNISCOPE_UNDECIDED;

	if (!keep_containers)
		return;
	if (!created)
		bpf_map_delete_elem(&containers, &id);
	else if (!is_below_container(cgroup))
		bpf_map_update_elem(&containers, &id, &undecided, BPF_ANY);
	__sync_fetch_and_add(&reader.containers_generation, 1);
}

/* The container that a thread runs in, kept for as long as neither its control group nor what is
 * known of containers changes. */
struct place {
	__u64 cgroup;
	__u64 generation;
	/* The innermost known control group; 0: none. */
	__u64 container;
	/* enum sniscope_verdict */
	__u64 verdict;
};

static __always_inline void find_container(struct place *place)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	__u64 generation = *(volatile __u64 *)&reader.containers_generation + 1;

	if (place->cgroup == cgroup && place->generation == generation)
		return;
	place->cgroup = cgroup;
	place->generation = generation;
	place->container = 0;
	/* Descendants of a container's control group belong to it. */
	for (int level = ANCESTORS; level >= 1; level--) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		__u8 *verdict;

		if (!id)
			continue;
		verdict = bpf_map_lookup_elem(&containers, &id);
		if (verdict) {
			place->container = id;
			place->verdict = *verdict;
			return;
		}
	}
}

static __always_inline bool wanted_container(const struct place *place, struct task_struct *task)
{
	if (!filter_containers)
		return true;
	if (place->container)
		return place->verdict != SNISCOPE_EXCLUDED;
	/* A user without rights on control groups starts containers that have none of their own:
	 * user space tells those by their mount namespace. */
	return pass_outside || task->nsproxy->mnt_ns->ns.inum != host_mount_namespace;
}

static __always_inline bool wanted_comm(struct task_struct *task)
{
	struct task_struct *leader;
	struct comm comm = {};

	bpf_get_current_comm(&comm, sizeof(comm));
	if (bpf_map_lookup_elem(&comms, &comm))
		return true;
	leader = task->group_leader;
	if (leader == task)
		return false;
	/* A string is read up to its end: nothing of the thread's name may be left behind it. */
	__builtin_memset(&comm, 0, sizeof(comm));
	BPF_CORE_READ_STR_INTO(&comm, leader, comm);
	return bpf_map_lookup_elem(&comms, &comm);
}

/* All but the container. */
static __always_inline bool wanted_task(struct task_struct *task)
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
	return !filter_comms || wanted_comm(task);
}

#endif
