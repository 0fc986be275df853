// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records each call that sets a TLS server name, and the control groups that come and go. */
#include "kernel.h"
#include "abi/events.h"
#include "arguments.h"
#include "filters.h"
#include "name.h"
#include "path.h"
#include "user_namespace.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* User space sets the size. */
	__uint(max_entries, 1 << 20);
} records SEC(".maps");

#include "trap.h"

const volatile struct sniscope_rule rules[SNISCOPE_RULES];
/* `sniscope run`: children of this process are followed from their fork on. 0: none. */
const volatile __u32 followed_parent;

__u64 lost[SNISCOPE_LOST_REASONS];

static __always_inline void count_lost(enum sniscope_lost_reason reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

/* Where a record is put together: it is larger than the stack and its size is known at its end
 * only. A uprobe program can be preempted by another on its CPU, hence several, each taken by one.
 */
#define SCRATCH_SLOTS 4
#define TAIL_CAPACITY (SNISCOPE_NAME_CAPACITY + SNISCOPE_EXE_CAPACITY)

struct scratch {
	__u32 taken;
	__u32 padding;
	struct sniscope_server_name record;
	char tail[TAIL_CAPACITY + SNISCOPE_COMPONENT_CAPACITY];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *take_scratch(void)
{
	for (__u32 i = 0; i < SCRATCH_SLOTS; i++) {
		struct scratch *scratch;
		__u32 slot;

		/* A counter that lies on the stack for the helper to read is lost by verifiers up
		 * to Linux 6.12: they see an endless loop. */
		asm volatile("" : "+r"(i));
		slot = i;
		scratch = bpf_map_lookup_elem(&scratches, &slot);
		if (scratch && !__sync_lock_test_and_set(&scratch->taken, 1))
			return scratch;
	}
	return NULL;
}

static __always_inline void emit(struct scratch *scratch, struct task_struct *task,
				 const char *name, __u32 name_length, __u64 cookie,
				 __u64 connection, __u32 flags)
{
	struct sniscope_server_name *record = &scratch->record;
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u64 uid_gid = bpf_get_current_uid_gid();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent = BPF_CORE_READ(leader, real_parent, group_leader);
	struct nsproxy *namespaces = BPF_CORE_READ(task, nsproxy);
	struct user_namespace *users = BPF_CORE_READ(task, cred, user_ns);
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct path_cursor cursor;
	struct path_tail executable;
	__u32 size;

	record->type = SNISCOPE_SERVER_NAME;
	record->time = bpf_ktime_get_ns();
	record->cookie = cookie;
	record->connection = connection;
	record->start_time = BPF_CORE_READ(leader, start_boottime);
	record->cgroup = bpf_get_current_cgroup_id();
	record->pid = pid_tgid >> 32;
	record->tid = pid_tgid;
	record->uid = uid_gid;
	record->gid = uid_gid >> 32;
	record->inner_uid = id_inside(
		(void *)users + bpf_core_field_offset(struct user_namespace, uid_map), record->uid);
	record->inner_gid = id_inside(
		(void *)users + bpf_core_field_offset(struct user_namespace, gid_map), record->gid);
	record->parent_pid = BPF_CORE_READ(parent, tgid);
	record->mount_namespace = BPF_CORE_READ(namespaces, mnt_ns, ns.inum);
	record->network_namespace = BPF_CORE_READ(namespaces, net_ns, ns.inum);
	bpf_get_current_comm(record->comm, sizeof(record->comm));
	BPF_CORE_READ_INTO(&record->process_comm, leader, comm);
	BPF_CORE_READ_INTO(&record->parent_comm, parent, comm);

	name_length &= SNISCOPE_NAME_CAPACITY - 1;
	record->name_length = name_length;
	bpf_probe_read_kernel(scratch->tail, name_length, name);
	cursor_start(&cursor, task, BPF_CORE_READ(file, f_path.dentry),
		     BPF_CORE_READ(file, f_path.mnt));
	executable = write_path(&cursor, scratch->tail, name_length, TAIL_CAPACITY,
				SNISCOPE_EXE_COMPONENTS);
	record->exe_length = executable.length;
	record->flags = flags | (executable.truncated ? SNISCOPE_EXE_TRUNCATED : 0);

	size = sizeof(*record) + name_length + executable.length;
	if (size > sizeof(*record) + sizeof(scratch->tail))
		size = sizeof(*record) + sizeof(scratch->tail);
	if (bpf_ringbuf_output(&records, record, size, 0))
		count_lost(SNISCOPE_LOST_RING_FULL);
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
	struct scratch *scratch;
	struct task_struct *task;
	struct arguments a;
	char name[SNISCOPE_NAME_CAPACITY];
	const void *address;
	__u64 connection, length = 0;
	__u32 name_length, flags = 0;
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

	task = (struct task_struct *)bpf_get_current_task();
	if (!wanted(task))
		return 0;

	if (length > SNISCOPE_NAME_CAPACITY - 1) {
		length = SNISCOPE_NAME_CAPACITY - 1;
		flags |= SNISCOPE_NAME_TRUNCATED;
	}
	result = read_name(name, address, length, terminated);
	if (result < 0) {
		name_length = 0;
		flags = SNISCOPE_NAME_UNREADABLE;
	} else if (terminated) {
		if (result <= 1)
			return 0;
		name_length = result - 1;
		if (result == SNISCOPE_NAME_CAPACITY) {
			char last = 1;

			/* All 255 bytes are used: does the name end here? */
			bpf_probe_read_user(&last, 1, address + SNISCOPE_NAME_CAPACITY - 1);
			if (last)
				flags |= SNISCOPE_NAME_TRUNCATED;
		}
	} else {
		name_length = result;
	}

	connection = rule->connection_argument == SNISCOPE_NO_ARGUMENT
			     ? 0
			     : argument(&a, rule->connection_argument);
	/* Nothing sleeps from here on: what sleeps would keep its scratch from others. */
	scratch = take_scratch();
	if (!scratch) {
		count_lost(SNISCOPE_LOST_PREEMPTED);
		return 0;
	}
	emit(scratch, task, name, name_length, cookie, connection, flags);
	__sync_lock_test_and_set(&scratch->taken, 0);
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
		note_cgroup(id, type == SNISCOPE_CGROUP_CREATED);
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
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
