/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that die of SIGTRAP. Whoever copies the code of a probed file copies the breakpoint,
 * too, and the kernel knows of no probe where the copy is. */
#ifndef SNISCOPE_TRAP_H
#define SNISCOPE_TRAP_H

/* linux/signal.h */
#define SIGTRAP 5

#ifdef bpf_target_x86
/* The instruction pointer is behind the breakpoint. */
#define BREAKPOINT_LENGTH 1
#else
#define BREAKPOINT_LENGTH 0
#endif

/* The arguments are int sig, struct kernel_siginfo *info, struct k_sigaction *ka. A debugger that
 * swallows the signal comes before this. */
SEC("raw_tp/signal_deliver")
int signal_delivered(struct bpf_raw_tracepoint_args *ctx)
{
	struct sniscope_trapped *record;
	struct task_struct *task;
	const struct pt_regs *registers;
	__u64 place = 0;

	if ((int)ctx->args[0] != SIGTRAP ||
	    BPF_CORE_READ((struct k_sigaction *)ctx->args[2], sa.sa_handler))
		return 0;
	task = bpf_get_current_task_btf();
	if (BPF_CORE_READ(task, ptrace))
		return 0;
	record = bpf_ringbuf_reserve(&reports, sizeof(*record), 0);
	/* It is a notice, no event. */
	if (!record)
		return 0;
	record->type = SNISCOPE_TRAPPED;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->cgroup = bpf_get_current_cgroup_id();
	record->uid = bpf_get_current_uid_gid();
	record->unused = 0;
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	registers = (const struct pt_regs *)bpf_task_pt_regs(task);
	bpf_probe_read_kernel(&place, sizeof(place), &PT_REGS_IP(registers));
	if (bpf_probe_read_user(record->code, sizeof(record->code),
				(const void *)(place - BREAKPOINT_LENGTH)))
		__builtin_memset(record->code, 0, sizeof(record->code));
	bpf_ringbuf_submit(record, 0);
	return 0;
}

#endif
