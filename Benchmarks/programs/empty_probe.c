/* Attaches a BPF program that does nothing to one place of a file, in the way that sniscope
 * attaches its own (sleepable, uprobe_multi), and holds it until standard input ends.
 *
 *   empty_probe FILE OFFSET
 *
 * Only bpf(2): libbpf 1.1 lacks uprobe_multi, and nothing else is needed of it. */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* BPF_TRACE_UPROBE_MULTI and its part of union bpf_attr, of Linux 6.6. */
#define UPROBE_MULTI 48

struct link_create_uprobe_multi {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, reference_counter_offsets, cookies;
	uint32_t count, multi_flags, pid, padding;
};

static char log_text[4096];

static int load(void)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_KPROBE;
	attributes.expected_attach_type = UPROBE_MULTI;
	attributes.prog_flags = BPF_F_SLEEPABLE;
	attributes.insns = (uintptr_t)instructions;
	attributes.insn_cnt = 2;
	attributes.license = (uintptr_t) "GPL";
	attributes.log_buf = (uintptr_t)log_text;
	attributes.log_size = sizeof(log_text);
	attributes.log_level = 1;
	strcpy(attributes.prog_name, "empty_probe");
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

int main(int argc, char **argv)
{
	struct link_create_uprobe_multi link;
	uint64_t offset, cookie = 1;
	int program;
	char byte;

	if (argc != 3)
		return 2;
	program = load();
	if (program < 0) {
		perror("empty_probe: load");
		fputs(log_text, stderr);
		return 1;
	}
	offset = strtoull(argv[2], NULL, 0);
	memset(&link, 0, sizeof(link));
	link.program = (uint32_t)program;
	link.attach_type = UPROBE_MULTI;
	link.path = (uintptr_t)argv[1];
	link.offsets = (uintptr_t)&offset;
	link.cookies = (uintptr_t)&cookie;
	link.count = 1;
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link)) < 0) {
		perror("empty_probe: attach");
		return 1;
	}
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
