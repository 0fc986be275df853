// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records each call that sets a TLS server name, and the control groups that come and go. */
#include "kernel.h"
#include "abi/events.h"
#include "arguments.h"
#include "filters.h"
#include "lanes.h"
#include "name.h"
#include "name_filter.h"
#include "path.h"
#include "user_namespace.h"

/* What is no call: control groups, processes that die of SIGTRAP. Room for some 7,000 groups, 500
 * containers where each has one in a dozen v1 hierarchies. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} reports SEC(".maps");

#include "trap.h"

const volatile struct sniscope_rule rules[SNISCOPE_RULES];
/* `sniscope run`: children of this process are followed from their fork on. 0: none. */
const volatile __u32 followed_parent;

/* The path of an executable takes a component beyond its capacity. */
#define EXE_ROOM (SNISCOPE_EXE_CAPACITY + SNISCOPE_COMPONENT_CAPACITY)

/* What is kept of a thread: a record is put together in it, since a call can be preempted by
 * another thread's and may sleep, and what is dear to find out is kept for the thread's next call.
 */
struct thread {
	struct place place;
	/* What the path in `tail` is that of, and when it was read: a folder above can be renamed.
	 */
	__u64 exec_id;
	const void *exe_file;
	const void *root, *root_mount;
	__u64 path_time;
	/* What `inner_uid` and `inner_gid` of the record are those of. */
	const void *users;
	__u32 users_number;
	__u32 padding;
	struct sniscope_server_name record;
	char tail[EXE_ROOM + SNISCOPE_NAME_CAPACITY];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* How long a path counts as that of the running program. */
#define PATH_AGE 1000000000ULL

static __always_inline void note_path(struct thread *thread, struct task_struct *task)
{
	struct sniscope_server_name *record = &thread->record;
	struct file *file = task->mm->exe_file;
	struct fs_struct *fs = task->fs;
	struct dentry *root = fs->root.dentry;
	struct vfsmount *root_mount = fs->root.mnt;
	struct path_cursor cursor;
	struct path_tail executable;

	if (thread->exec_id == task->self_exec_id && thread->exe_file == file &&
	    thread->root == root && thread->root_mount == root_mount &&
	    record->time - thread->path_time < PATH_AGE)
		return;
	thread->exec_id = task->self_exec_id;
	thread->exe_file = file;
	thread->root = root;
	thread->root_mount = root_mount;
	thread->path_time = record->time;
	cursor_start(&cursor, task, BPF_CORE_READ(file, f_path.dentry),
		     BPF_CORE_READ(file, f_path.mnt));
	executable = write_path(&cursor, thread->tail, 0, SNISCOPE_EXE_CAPACITY,
				SNISCOPE_EXE_COMPONENTS);
	record->exe_length = executable.length;
	record->exe_truncated = executable.truncated;
}

static __always_inline void note_ids(struct thread *thread, struct task_struct *task)
{
	struct sniscope_server_name *record = &thread->record;
	struct user_namespace *users = task->cred->user_ns;
	__u32 number = users->ns.inum;
	__u64 uid_gid = bpf_get_current_uid_gid();
	__u32 uid = uid_gid, gid = uid_gid >> 32;

	if (thread->users == users && thread->users_number == number && record->uid == uid &&
	    record->gid == gid)
		return;
	/* A namespace's map is written once; before that its ids may change. */
	thread->users = users->uid_map.nr_extents && users->gid_map.nr_extents ? users : NULL;
	thread->users_number = number;
	record->uid = uid;
	record->gid = gid;
	record->inner_uid = id_inside(
		(void *)users + bpf_core_field_offset(struct user_namespace, uid_map), uid);
	record->inner_gid = id_inside(
		(void *)users + bpf_core_field_offset(struct user_namespace, gid_map), gid);
}

static __always_inline void note_caller(struct thread *thread, struct task_struct *task)
{
	struct sniscope_server_name *record = &thread->record;
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct task_struct *leader = task->group_leader;
	struct task_struct *parent = leader->real_parent->group_leader;

	record->start_time = leader->start_boottime;
	record->cgroup = thread->place.cgroup;
	record->pid = pid_tgid >> 32;
	record->tid = pid_tgid;
	record->parent_pid = parent->tgid;
	record->mount_namespace = task->nsproxy->mnt_ns->ns.inum;
	record->network_namespace = task->nsproxy->net_ns->ns.inum;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	if (leader == task)
		__builtin_memcpy(record->process_comm, record->comm, sizeof(record->comm));
	else
		BPF_CORE_READ_INTO(&record->process_comm, leader, comm);
	BPF_CORE_READ_INTO(&record->parent_comm, parent, comm);
	note_ids(thread, task);
}

static __always_inline __u64 payer_of(const struct thread *thread)
{
	if (thread->place.container)
		return thread->place.container;
	if (thread->record.uid)
		return SNISCOPE_PAYER_USER | thread->record.uid;
	return SNISCOPE_PAYER_NAMESPACE | thread->record.mount_namespace;
}

/* Linux 6.13 to at least 7.0 gives a program of type kprobe one stack for each CPU ("private
 * stack"), as if no two calls of it could be under way there (kernel/bpf/verifier.c,
 * bpf_enable_priv_stack). Uprobe programs can: they are preempted, and they sleep in touch(). The
 * other call would then overwrite this one's variables and spilled pointers. A program that has a
 * tail call stays on its thread's stack; the verifier removes this one, because it knows that
 * `never` is false. */
const volatile bool never;

static __always_inline void keep_thread_stack(struct pt_regs *ctx)
{
	if (never)
		bpf_tail_call(ctx, NULL, 0);
}

static __always_inline int on_call(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	const volatile struct sniscope_rule *rule = &rules[cookie & (SNISCOPE_RULES - 1)];
	struct sniscope_server_name *record;
	struct task_struct *task;
	struct thread *thread;
	struct arguments a;
	const void *address;
	__u64 length = 0, room;
	char *name;
	__u32 size;
	bool terminated;
	long result;

	keep_thread_stack(ctx);
	a = load_arguments(ctx, rule->convention);
	for (int i = 0; i < SNISCOPE_CONDITIONS; i++) {
		__u64 value = argument(&a, rule->condition_argument[i]);

		if ((value & rule->condition_mask[i]) != rule->condition_value[i])
			return 0;
	}
	address = (const void *)argument(&a, rule->name_argument);
	terminated = rule->length_argument == SNISCOPE_NO_ARGUMENT;
	if (!terminated)
		length = argument(&a, rule->length_argument) & rule->length_mask;
	/* Clearing the name asks for no server. */
	if (!address || (!terminated && !length))
		return 0;

	task = bpf_get_current_task_btf();
	if (!wanted_task(task))
		return 0;
	thread = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread) {
		count_lost(SNISCOPE_LOST_NO_MEMORY);
		return 0;
	}
	find_container(&thread->place);
	if (!wanted_container(&thread->place, task))
		return 0;

	record = &thread->record;
	record->type = SNISCOPE_SERVER_NAME;
	record->time = bpf_ktime_get_ns();
	record->cookie = cookie;
	record->connection = rule->connection_argument == SNISCOPE_NO_ARGUMENT
				     ? 0
				     : argument(&a, rule->connection_argument);
	record->name_flags = 0;
	note_path(thread, task);

	if (length > SNISCOPE_NAME_CAPACITY - 1) {
		length = SNISCOPE_NAME_CAPACITY - 1;
		record->name_flags = SNISCOPE_NAME_TRUNCATED;
	}
	room = record->exe_length;
	LIMIT_BITS(room, EXE_ROOM - 1);
	name = thread->tail + room;
	result = read_name(name, address, length, terminated);
	if (result < 0) {
		result = 0;
		record->name_flags = SNISCOPE_NAME_UNREADABLE;
	} else if (terminated) {
		if (result <= 1)
			return 0;
		if (result == SNISCOPE_NAME_CAPACITY) {
			char last = 1;

			/* All 255 bytes are used: does the name end here? */
			bpf_probe_read_user(&last, 1, address + SNISCOPE_NAME_CAPACITY - 1);
			if (last)
				record->name_flags = SNISCOPE_NAME_TRUNCATED;
		}
		result--;
	}
	/* The end of a name that is cut off is not known. */
	if (filter_names && !record->name_flags && !wanted_name(name, result))
		return 0;
	record->name_length = result;
	note_caller(thread, task);
	size = sizeof(*record) + room + (result & (SNISCOPE_NAME_CAPACITY - 1));
	if (size > sizeof(*record) + sizeof(thread->tail))
		return 0;
	send(record, size, record->time, payer_of(thread));
	return 0;
}

/* One function, two programs: which of them is loaded depends on what the kernel allows. */
SEC("uprobe.s")
int server_name_sleepable(struct pt_regs *ctx)
{
	return on_call(ctx);
}

SEC("uprobe")
int server_name(struct pt_regs *ctx)
{
	return on_call(ctx);
}

static __always_inline int on_cgroup(struct bpf_raw_tracepoint_args *ctx, __u32 type)
{
	struct cgroup *cgroup = (struct cgroup *)ctx->args[0];
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct sniscope_cgroup *record;
	__u32 hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	long length;

	/* Ids of v1 hierarchies are no ids of bpf_get_current_cgroup_id. */
	if (!hierarchy)
		note_cgroup(cgroup, id, type == SNISCOPE_CGROUP_CREATED);
	record = bpf_ringbuf_reserve(&reports, sizeof(*record), 0);
	if (!record) {
		count_lost(SNISCOPE_LOST_CGROUP_RING_FULL);
		return 0;
	}
	record->type = type;
	record->id = id;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->hierarchy = hierarchy;
	record->uid = bpf_get_current_uid_gid();
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	length =
		bpf_probe_read_kernel_str(record->path, sizeof(record->path), (void *)ctx->args[1]);
	record->path_length = length > 0 ? length - 1 : 0;
	record->path_truncated = length == sizeof(record->path);
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("raw_tp/cgroup_mkdir")
int cgroup_created(struct bpf_raw_tracepoint_args *ctx)
{
	return on_cgroup(ctx, SNISCOPE_CGROUP_CREATED);
}

SEC("raw_tp/cgroup_rmdir")
int cgroup_removed(struct bpf_raw_tracepoint_args *ctx)
{
	return on_cgroup(ctx, SNISCOPE_CGROUP_REMOVED);
}

SEC("raw_tp/sched_process_fork")
int process_forked(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 parent = BPF_CORE_READ((struct task_struct *)ctx->args[0], tgid);
	__u32 child = BPF_CORE_READ((struct task_struct *)ctx->args[1], tgid);
	__u8 yes = 1;

	if (child == parent)
		return 0;
	if (parent != followed_parent && !bpf_map_lookup_elem(&processes, &parent))
		return 0;
	if (bpf_map_update_elem(&processes, &child, &yes, BPF_ANY))
		count_lost(SNISCOPE_LOST_FOLLOW_FULL);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int process_exited(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	__u32 pid = BPF_CORE_READ(task, tgid);

	/* Fires for each thread; the last one leaves nobody alive. */
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&processes, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
