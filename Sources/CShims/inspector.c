#define _GNU_SOURCE
#include "shims.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t sniscope_send_message(int socket, const void *bytes, size_t size, int file)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (file >= 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &file, sizeof(int));
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL);
}

// Keeps the first descriptor of a message. Alignment leaves room for a second one.
static void take_descriptors(struct msghdr *message, int *file)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= header->cmsg_len;
		     at += sizeof(int)) {
			int descriptor;

			memcpy(&descriptor, CMSG_DATA(header) + at, sizeof(int));
			if (*file < 0)
				*file = descriptor;
			else
				close(descriptor);
		}
	}
}

ssize_t sniscope_receive_message(int socket, void *bytes, size_t capacity, int *file)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = bytes, .iov_len = capacity };
	// Where there is no room for descriptors the kernel closes them.
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = file ? control.space : NULL,
		.msg_controllen = file ? sizeof(control.space) : 0,
	};
	ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);

	if (file)
		*file = -1;
	if (size < 0)
		return size;
	if (file)
		take_descriptors(&message, file);
	if (message.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return size;
}

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

// What reading, computing and answering take; neither a path nor an address can be named with it.
static const int permitted[] = {
	SYS_read,
	SYS_pread64,
	SYS_write,
	SYS_close,
	SYS_fstat,
	SYS_newfstatat,
	SYS_lseek,
	SYS_fcntl,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_getpid,
	SYS_gettid,
	SYS_prctl,
	SYS_getrandom,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_fstatfs,
	SYS_restart_syscall,
};

// A call that is permitted with some arguments: in the low halves of two, or of one and the same,
// these bits have this value together.
struct condition {
	int call;
	unsigned int arguments[2];
	uint32_t bits;
	uint32_t value;
	int error;
};

#define CONDITION_LENGTH 9

static void add_condition(struct sock_filter *filter, const struct condition *condition)
{
	const struct sock_filter block[CONDITION_LENGTH] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)condition->call, 0,
			 CONDITION_LENGTH - 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args) + 8 * condition->arguments[0]),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args) + 8 * condition->arguments[1]),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition->bits),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, condition->value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)condition->error),
	};

	memcpy(filter, block, sizeof(block));
}

static int forbid_other_calls(void)
{
	const struct condition conditions[] = {
		// Threads, but no processes. No filter reads the flags of clone3, in memory:
		// without it the C library uses clone.
		{ SYS_clone, { 0, 0 }, CLONE_THREAD, CLONE_THREAD, EPERM },
		{ SYS_clone3, { 0, 0 }, 0, 1, ENOSYS },
		// A signal to itself: abort().
		{ SYS_tgkill, { 0, 0 }, ~0u, (uint32_t)getpid(), EPERM },
		// The calling thread's priority (PRIO_PROCESS and 0), which it can only lower.
		{ SYS_setpriority, { 0, 1 }, ~0u, 0, EPERM },
		// No code that it was not started with.
		{ SYS_mmap, { 2, 2 }, PROT_EXEC, 0, EPERM },
		{ SYS_mprotect, { 2, 2 }, PROT_EXEC, 0, EPERM },
	};
	struct sock_filter filter[LENGTH(permitted) + LENGTH(conditions) * CONDITION_LENGTH + 8];
	struct sock_fprog program = { .filter = filter };
	size_t count = 0;

	filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						       offsetof(struct seccomp_data, arch));
	filter[count++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0);
	filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						       offsetof(struct seccomp_data, nr));
	for (size_t index = 0; index < LENGTH(conditions); index++, count += CONDITION_LENGTH)
		add_condition(filter + count, &conditions[index]);
	for (size_t index = 0; index < LENGTH(permitted); index++)
		filter[count++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)permitted[index],
			(unsigned char)(LENGTH(permitted) - index), 0);
	filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)count;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int limit(int resource, rlim_t most)
{
	struct rlimit value = { .rlim_cur = most, .rlim_max = most };
	struct rlimit present;

	// A limit that is lower already can't be raised, and need not be.
	if (getrlimit(resource, &present) == 0 && present.rlim_max < most)
		return 0;
	return setrlimit(resource, &value);
}

int sniscope_confine_inspector(uint64_t memory)
{
	const unsigned int nobody = 65534;

	if (limit(RLIMIT_CORE, 0) || limit(RLIMIT_FSIZE, 0) || limit(RLIMIT_DATA, memory) ||
	    sniscope_bound_capabilities(0))
		return -1;
	// Where even root may not (a service with few capabilities), it stays a root without any.
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) || setresgid(nobody, nobody, nobody) ||
	     setresuid(nobody, nobody, nobody)) &&
	    errno != EPERM)
		return -1;
	if (sniscope_keep_capabilities(0))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -1;
	return forbid_other_calls();
}
