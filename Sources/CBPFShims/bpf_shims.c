#define _GNU_SOURCE
#include "bpf_shims.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ATTACH_TYPE_UPROBE_MULTI 48

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char log_text[64 << 10];
static size_t log_length;

// Keeps the end of what does not fit: the verifier's verdict is the last it says.
static void keep(const char *text, size_t length)
{
	if (length > sizeof(log_text)) {
		text += length - sizeof(log_text);
		length = sizeof(log_text);
	}
	pthread_mutex_lock(&log_mutex);
	if (log_length + length > sizeof(log_text)) {
		size_t kept = sizeof(log_text) - length;

		memmove(log_text, log_text + log_length - kept, kept);
		log_length = kept;
	}
	memcpy(log_text + log_length, text, length);
	log_length += length;
	pthread_mutex_unlock(&log_mutex);
}

static int capture(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text;
	int length;

	if (level == LIBBPF_DEBUG)
		return 0;
	// The verifier's log comes in one piece of up to 16 MB.
	length = vasprintf(&text, format, arguments);
	if (length < 0)
		return 0;
	keep(text, (size_t)length);
	free(text);
	return length;
}

void sniscope_bpf_log_capture(void)
{
	libbpf_set_print(capture);
}

size_t sniscope_bpf_log_take(char *target, size_t capacity)
{
	size_t length;

	pthread_mutex_lock(&log_mutex);
	length = log_length < capacity ? log_length : capacity;
	memcpy(target, log_text + log_length - length, length);
	log_length = 0;
	pthread_mutex_unlock(&log_mutex);
	return length;
}

// The tail of union bpf_attr for BPF_LINK_CREATE as of Linux 6.6 (include/uapi/linux/bpf.h).
struct link_create_uprobe_multi {
	uint32_t program;
	uint32_t target;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t reference_counter_offsets;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t padding;
};

int sniscope_link_uprobe_multi(int program, const char *path, const uint64_t *offsets,
			       const uint64_t *cookies, uint32_t count, uint32_t process)
{
	struct link_create_uprobe_multi attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.program = (uint32_t)program;
	attributes.attach_type = ATTACH_TYPE_UPROBE_MULTI;
	attributes.path = (uintptr_t)path;
	attributes.offsets = (uintptr_t)offsets;
	attributes.cookies = (uintptr_t)cookies;
	attributes.count = count;
	attributes.pid = process;
	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
}

int sniscope_link_uprobe_perf(int program, uint32_t event_type, const char *path, uint64_t offset,
			      uint64_t cookie, uint32_t process)
{
	struct perf_event_attr attributes;
	int event, link, error;
	LIBBPF_OPTS(bpf_link_create_opts, options, .perf_event.bpf_cookie = cookie);

	memset(&attributes, 0, sizeof(attributes));
	attributes.size = sizeof(attributes);
	attributes.type = event_type;
	attributes.config1 = (uintptr_t)path;
	attributes.config2 = offset;
	event = (int)syscall(SYS_perf_event_open, &attributes, process ? (pid_t)process : -1,
			     process ? -1 : 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -1;
	link = bpf_link_create(program, event, BPF_PERF_EVENT, &options);
	error = errno;
	if (link < 0)
		error = -link;
	close(event);
	errno = error;
	return link < 0 ? -1 : link;
}

// Loads a program of type kprobe that does nothing but `first` before it ends.
static int load_smallest(const struct bpf_insn *first, size_t count,
			 const struct bpf_prog_load_opts *options)
{
	struct bpf_insn instructions[8];
	const struct bpf_insn end[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (count)
		memcpy(instructions, first, count * sizeof(*first));
	memcpy(instructions + count, end, sizeof(end));
	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", instructions, count + 2, options);
}

// What the load of a program that needs a feature says of the kernel; closes the program.
static int answer(int program)
{
	if (program >= 0)
		close(program);
	errno = program < 0 ? -program : 0;
	return program >= 0 ? 1 : program == -EINVAL ? 0 : -1;
}

// Whether the kernel refuses a uprobe_multi link for a directory with this error.
static int refuses_link(uint32_t process, int expected)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = ATTACH_TYPE_UPROBE_MULTI);
	uint64_t offset = 0;
	int program, link, error;

	program = load_smallest(NULL, 0, &options);
	if (program < 0)
		return answer(program);
	link = sniscope_link_uprobe_multi(program, "/", &offset, NULL, 1, process);
	error = errno;
	if (link >= 0)
		close(link);
	close(program);
	return link < 0 && error == expected;
}

int sniscope_load_empty_uprobe(int is_multi)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = is_multi ? ATTACH_TYPE_UPROBE_MULTI : 0);
	int program = load_smallest(NULL, 0, &options);

	if (program >= 0)
		return program;
	errno = -program;
	return -1;
}

int sniscope_probe_uprobe_multi(void)
{
	// A directory can't be probed: a kernel that knows the link type says EBADF, one that
	// doesn't EINVAL.
	return refuses_link(0, EBADF);
}

int sniscope_probe_uprobe_multi_process(void)
{
	int is_known = sniscope_probe_uprobe_multi();

	// Kernel commit 46ba0e49b642 has the number mean a process, no longer a thread, and refuses
	// negative ones before it looks at the path.
	return is_known == 1 ? refuses_link((uint32_t)-1, EINVAL) : is_known;
}

int sniscope_probe_sleepable_uprobe(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_SLEEPABLE);

	return answer(load_smallest(NULL, 0, &options));
}

int sniscope_probe_kernel_read(void)
{
	// bpf_probe_read_kernel(stack, 8, 0): a read of address 0 fails when it runs, not here.
	const struct bpf_insn read[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
	};

	return answer(load_smallest(read, sizeof(read) / sizeof(read[0]), NULL));
}

// Not inlined and not merged with another function: a uprobe is to find it by its address.
__attribute__((noinline, used)) int sniscope_uprobe_target(int value)
{
	asm volatile("" : "+r"(value));
	return value;
}

uintptr_t sniscope_uprobe_target_address(void)
{
	return (uintptr_t)sniscope_uprobe_target;
}

static int64_t now_milliseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Child processes that a call could not wait for, under the lock.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t left_behind[256];
static size_t left;

static void reap_left_behind(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < left;) {
		if (waitpid(left_behind[i], NULL, WNOHANG) != 0)
			left_behind[i] = left_behind[--left];
		else
			i++;
	}
	pthread_mutex_unlock(&lock);
}

static void leave_behind(pid_t pid)
{
	pthread_mutex_lock(&lock);
	if (left < sizeof(left_behind) / sizeof(left_behind[0]))
		left_behind[left++] = pid;
	pthread_mutex_unlock(&lock);
}

size_t sniscope_close_aside(int *descriptors, size_t count, size_t processes, int milliseconds)
{
	int64_t deadline = now_milliseconds() + milliseconds;
	size_t closed = 0, started = 0;
	pid_t pids[64];

	reap_left_behind();
	if (processes > sizeof(pids) / sizeof(pids[0]))
		processes = sizeof(pids) / sizeof(pids[0]);
	if (processes > count)
		processes = count;
	for (size_t process = 0; process < processes; process++) {
		// CLONE_FILES without CLONE_VM: the table of descriptors is shared, nothing else.
		// Raw system calls only: other threads of the parent may have held locks.
		long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

		if (pid == 0) {
			for (size_t i = process; i < count; i += processes)
				syscall(SYS_close, descriptors[i]);
			syscall(SYS_exit_group, 0);
		}
		if (pid > 0)
			pids[started++] = (pid_t)pid;
		else
			// Out of processes: the other shares stay the caller's.
			break;
	}
	for (size_t i = 0; i < count; i++) {
		if (i % processes < started)
			descriptors[i] = -1;
	}
	for (size_t process = 0; process < started; process++) {
		for (;;) {
			pid_t got = waitpid(pids[process], NULL, WNOHANG);

			if (got == pids[process] || (got < 0 && errno == ECHILD)) {
				closed += (count - process + processes - 1) / processes;
				break;
			}
			if (now_milliseconds() >= deadline) {
				leave_behind(pids[process]);
				break;
			}
			poll(NULL, 0, 1);
		}
	}
	return closed;
}
