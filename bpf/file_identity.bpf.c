// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The inode that uprobes see behind a file. An overlay mount shows one file of a lower layer under
 * a device number of its own, so stat(2) makes two files of what is one to uprobes: sniscope would
 * probe it twice and every call would be two events. Run with BPF_PROG_RUN on a mapping of ours. */
#include "kernel.h"
#include "abi/events.h"

static long on_mapping(struct task_struct *task, struct vm_area_struct *mapping, void *context)
{
	struct sniscope_file_identity *identity = context;
	struct file *file = BPF_CORE_READ(mapping, vm_file);

	if (!file)
		return 0;
	identity->inode = BPF_CORE_READ(file, f_inode, i_ino);
	identity->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	return 0;
}

SEC("syscall")
int file_identity(struct sniscope_file_identity *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sniscope_file_identity answer = {};

	/* bpf_find_vma: Linux 5.17 (kernel commit 7c7e3d31e785). */
	request->result = bpf_find_vma(task, request->address, on_mapping, &answer, 0);
	request->device = answer.device;
	request->inode = answer.inode;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
