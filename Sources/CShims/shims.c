#define _GNU_SOURCE
#include "shims.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int sniscope_open_path(const char *path)
{
	return open(path, O_PATH | O_CLOEXEC);
}

int sniscope_open_path_at(int folder, const char *name)
{
	return openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int sniscope_replace_descriptor(int descriptor, int other)
{
	return dup3(other, descriptor, O_CLOEXEC);
}

int sniscope_open_in_root(int root, const char *path, int flags)
{
	struct open_how how;

	memset(&how, 0, sizeof(how));
	how.flags = (unsigned int)flags | O_CLOEXEC;
	how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

uint64_t sniscope_file_system(int descriptor)
{
	struct statfs status;

	return fstatfs(descriptor, &status) == 0 ? (uint64_t)status.f_type & 0xffffffff : 0;
}

int sniscope_memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

int sniscope_enter_namespace(int descriptor, int type)
{
	return setns(descriptor, type);
}

int sniscope_clone_mount(const char *path)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

int sniscope_open_mapping_events(int cpu)
{
	struct perf_event_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.size = sizeof(attributes);
	attributes.type = PERF_TYPE_SOFTWARE;
	attributes.config = PERF_COUNT_SW_DUMMY;
	attributes.mmap = 1;
	attributes.mmap2 = 1;
	// Each record ends with its time, by the clock of the BPF programs.
	attributes.sample_type = PERF_SAMPLE_TIME;
	attributes.sample_id_all = 1;
	attributes.use_clockid = 1;
	attributes.clockid = CLOCK_MONOTONIC;
	// Wake the reader for the first byte: a library is to be probed before it is used.
	attributes.watermark = 1;
	attributes.wakeup_watermark = 1;
	return (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

uint64_t sniscope_perf_head(const void *control_page)
{
	return __atomic_load_n(&((const struct perf_event_mmap_page *)control_page)->data_head,
			       __ATOMIC_ACQUIRE);
}

void sniscope_perf_set_tail(void *control_page, uint64_t tail)
{
	__atomic_store_n(&((struct perf_event_mmap_page *)control_page)->data_tail, tail,
			 __ATOMIC_RELEASE);
}

uint64_t sniscope_perf_tail(const void *control_page)
{
	return ((const struct perf_event_mmap_page *)control_page)->data_tail;
}

static int capabilities(int call, struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(call, &header, data);
}

uint64_t sniscope_capabilities(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (capabilities(SYS_capget, data) != 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int sniscope_keep_capabilities(uint64_t kept)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (capabilities(SYS_capget, data) != 0)
		return -1;
	for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; word++) {
		data[word].effective &= (uint32_t)(kept >> (32 * word));
		data[word].permitted &= (uint32_t)(kept >> (32 * word));
	}
	return capabilities(SYS_capset, data);
}

int sniscope_bound_capabilities(uint64_t kept)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	// Takes CAP_SETPCAP, which sniscope's service lacks; no_new_privs covers what is left.
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 &&
		    errno != EPERM)
			return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    capabilities(SYS_capget, data) != 0)
		return -1;
	for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; word++)
		data[word].inheritable = 0;
	return capabilities(SYS_capset, data);
}

int sniscope_open_device_events(void)
{
	// Group 1 is the kernel's own; udev's messages are in group 2.
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int descriptor = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				NETLINK_KOBJECT_UEVENT);
	int error;

	if (descriptor < 0 ||
	    bind(descriptor, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return descriptor;
	error = errno;
	close(descriptor);
	errno = error;
	return -1;
}

ssize_t sniscope_receive_device_event(int descriptor, void *buffer, size_t capacity)
{
	struct sockaddr_nl sender;
	socklen_t length = sizeof(sender);
	ssize_t size =
		recvfrom(descriptor, buffer, capacity, 0, (struct sockaddr *)&sender, &length);

	// Root can send to this group too.
	return size > 0 && sender.nl_pid != 0 ? 0 : size;
}

int sniscope_open_process(int pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

int sniscope_thread_id(void)
{
	return gettid();
}

int sniscope_terminal_width(int descriptor)
{
	struct winsize size;

	return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void sniscope_name_thread(const char *name)
{
	prctl(PR_SET_NAME, name);
}

static int signal_pipe[2] = { -1, -1 };

static void on_signal(int signal)
{
	unsigned char number = (unsigned char)signal;
	int saved = errno;
	ssize_t written = write(signal_pipe[1], &number, 1);

	(void)written;
	errno = saved;
}

int sniscope_catch_signals(const int *signals, size_t count, int respected)
{
	struct sigaction action, old;

	if (pipe2(signal_pipe, O_CLOEXEC) != 0)
		return -1;
	// A handler can't wait for a full pipe.
	fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK);
	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_RESTART;
	for (size_t i = 0; i < count; i++) {
		if (signals[i] == respected && sigaction(signals[i], NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	return signal_pipe[0];
}

// struct procmap_query as of Linux 6.11 (include/uapi/linux/fs.h).
struct procmap_query_v1 {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_address;
	uint64_t start;
	uint64_t end;
	uint64_t flags;
	uint64_t page_size;
	uint64_t offset;
	uint64_t inode;
	uint32_t device_major;
	uint32_t device_minor;
	uint32_t name_size;
	uint32_t build_id_size;
	uint64_t name;
	uint64_t build_id;
};

#define QUERY_EXECUTABLE       0x04
#define QUERY_COVERING_OR_NEXT 0x10
#define QUERY_FILE_BACKED      0x20

static int query_mapping(int maps, uint64_t flags, uint64_t address,
			 struct sniscope_mapping *mapping, char *name, uint32_t name_size)
{
	struct procmap_query_v1 query;

	memset(&query, 0, sizeof(query));
	query.size = sizeof(query);
	query.query_flags = flags;
	query.query_address = address;
	query.name = name_size ? (uintptr_t)name : 0;
	query.name_size = name_size;
	if (ioctl(maps, _IOWR('f', 17, struct procmap_query_v1), &query) != 0)
		return -1;
	mapping->start = query.start;
	mapping->end = query.end;
	mapping->offset = query.offset;
	mapping->inode = query.inode;
	mapping->device = (uint64_t)query.device_major << 20 | query.device_minor;
	// With its NUL.
	return query.name_size ? (int)query.name_size - 1 : 0;
}

int sniscope_query_mapping(int maps, uint64_t address, struct sniscope_mapping *mapping, char *name,
			   uint32_t name_size)
{
	return query_mapping(maps, QUERY_EXECUTABLE | QUERY_COVERING_OR_NEXT | QUERY_FILE_BACKED,
			     address, mapping, name, name_size);
}

int sniscope_query_mapping_at(int maps, uint64_t address, struct sniscope_mapping *mapping)
{
	return query_mapping(maps, 0, address, mapping, NULL, 0);
}

void sniscope_return_large_blocks(void)
{
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

void sniscope_return_free_pages(void)
{
	malloc_trim(0);
	// That leaves the end of threads' heaps as it is: freeing a large block cuts it.
	void *volatile block = malloc(96 << 10);

	free(block);
}

int sniscope_open_pseudo_terminal(int *terminal)
{
	int unlocked = 0;
	int other = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (other < 0)
		return -1;
	*terminal = -1;
	if (ioctl(other, TIOCSPTLCK, &unlocked) == 0)
		// Not by its path: in a mount namespace that may lead elsewhere.
		*terminal = ioctl(other, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*terminal >= 0)
		return other;
	close(other);
	return -1;
}

int sniscope_copy_terminal_size(int from, int to)
{
	struct winsize wanted, present;

	if (ioctl(from, TIOCGWINSZ, &wanted) != 0 || ioctl(to, TIOCGWINSZ, &present) != 0 ||
	    memcmp(&wanted, &present, sizeof(wanted)) == 0)
		return 0;
	ioctl(to, TIOCSWINSZ, &wanted);
	return 1;
}
