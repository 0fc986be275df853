// What Swift cannot import: macros, variadic functions and GNU extensions, one function each; and
// headers that the Glibc module leaves out.
#pragma once
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/// open(2) with O_PATH, which glibc declares for _GNU_SOURCE only.
int sniscope_open_path(const char *path);

/// The same for a name in a folder; a symbolic link is opened itself.
int sniscope_open_path_at(int folder, const char *name);

/// Has `descriptor` stand for what `other` stands for, at once, and closed in programs that are
/// executed: dup3(2), which glibc declares for _GNU_SOURCE only.
int sniscope_replace_descriptor(int descriptor, int other);

/// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: symbolic links and ".." can't lead out
/// of `root`.
int sniscope_open_in_root(int root, const char *path, int flags);

/// The kind of file system that a file is on, by linux/magic.h; 0 where it does not say. fstatfs(2)
/// is in a header that Swift's view of glibc leaves out.
uint64_t sniscope_file_system(int descriptor);

/// memfd_create(2), closed on exec: a file that has no path and that nobody else maps.
int sniscope_memory_file(const char *name);

/// setns(2), which glibc declares for _GNU_SOURCE only. `type` is a CLONE_NEW… of linux/sched.h.
int sniscope_enter_namespace(int descriptor, int type);

/// A mount of its own, in no namespace, of what `path` shows, as a folder opened with O_PATH:
/// whoever keeps files open below it keeps nobody from unmounting `path`. Or -1 with errno.
int sniscope_clone_mount(const char *path);

/// A perf event that reports every executable mapping on one CPU (PERF_RECORD_MMAP2), or -1 with
/// errno.
int sniscope_open_mapping_events(int cpu);

/// The producer's position of a perf ring buffer, read with acquire semantics.
uint64_t sniscope_perf_head(const void *control_page);

/// Gives the bytes up to `tail` back to the kernel, with release semantics.
void sniscope_perf_set_tail(void *control_page, uint64_t tail);
uint64_t sniscope_perf_tail(const void *control_page);

/// Effective capabilities of this thread, one bit each; 0 where they can't be read.
uint64_t sniscope_capabilities(void);

/// Leaves this thread those of its effective and permitted capabilities that are in `kept`. What it
/// passes on to programs that it executes (inheritable and ambient ones) shrinks only by what is no
/// longer permitted. Returns -1 with errno.
int sniscope_keep_capabilities(uint64_t kept);

/// Sees to it that no program which this thread executes gets a capability that is not in `kept`,
/// or by set-user-ID, or at all where it is another user's: inheritable, ambient and bounding sets
/// and no_new_privs. To be called before `sniscope_keep_capabilities`. Returns -1 with errno.
int sniscope_bound_capabilities(uint64_t kept);

/// A new pseudo-terminal: returns the end that is the terminal's other side, `*terminal` becomes
/// the terminal. -1 with errno.
int sniscope_open_pseudo_terminal(int *terminal);

/// Gives a terminal the size of another one. Returns whether it had another size.
int sniscope_copy_terminal_size(int from, int to);

/// Gives up all rights, all of the process's system calls but those that read what is open, compute
/// and answer, and more than `memory` bytes of data. Returns -1 with errno.
int sniscope_confine_inspector(uint64_t memory);

/// Sends a message, with a descriptor unless `file` is -1. Returns -1 with errno.
ssize_t sniscope_send_message(int socket, const void *bytes, size_t size, int file);

/// Receives a message, and a descriptor where one comes with it (closed on exec); else `file`
/// becomes -1. All others that come are closed, and where `file` is NULL, that one too. Returns 0
/// at the end, -1 with errno.
ssize_t sniscope_receive_message(int socket, void *bytes, size_t capacity, int *file);

/// A socket on which the kernel reports devices that come, go and change, or -1 with errno.
int sniscope_open_device_events(void);

/// The next of those reports: strings, each with a NUL. 0 for one that is not the kernel's, -1 with
/// errno: EAGAIN where there is none, ENOBUFS where some were lost.
ssize_t sniscope_receive_device_event(int descriptor, void *buffer, size_t capacity);

/// The calling thread's number, by which /proc knows it.
int sniscope_thread_id(void);

/// pidfd_open(2), which glibc has from 2.36 on. The descriptor is closed on exec.
int sniscope_open_process(int pid);

/// The width of the terminal behind `descriptor` in cells; 0 where it is none.
int sniscope_terminal_width(int descriptor);

/// Has blocks of memory from 128 KB on go back to the kernel when they are freed: glibc otherwise
/// keeps what is as large as the largest that was freed, for each thread (mallopt(3)).
void sniscope_return_large_blocks(void);

/// Gives pages without a block in use back to the kernel (malloc_trim(3)), and the end of the
/// calling thread's heap.
void sniscope_return_free_pages(void);

/// Names the calling thread, as `ps -T` shows it.
void sniscope_name_thread(const char *name);

/// Returns in a new process, the worker; the calling one, which may have no other thread, waits for
/// its end, hands on signals, stops when it stops and ends as it does, killed by its signal too.
/// Its exit status counts as its end, a second later at the latest, whatever holds its threads.
/// Returns -1 in the calling process where none can be made.
int sniscope_become_worker(void);

/// Makes each of the signals a byte, its number, in a pipe.
/// Those that are ignored on entry and are in `respected` stay ignored (nohup). To be called once.
/// Returns the pipe's end to read from, or -1 with errno.
int sniscope_catch_signals(const int *signals, size_t count, int respected);

/// An executable mapping of a file in another process.
struct sniscope_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	/// The kernel's own number: major << 20 | minor.
	uint64_t device;
};

/// The first executable mapping of a file that ends behind `address` (PROCMAP_QUERY, Linux 6.11),
/// with its path where `name_size` is not 0. `maps` is an open /proc/PID/maps. Returns the length
/// of the path without NUL, or 0 if none was asked for; -1 with errno: ENOENT behind the last
/// mapping, ENOTTY where the kernel has no such query.
int sniscope_query_mapping(int maps, uint64_t address, struct sniscope_mapping *mapping, char *name,
			   uint32_t name_size);

/// The mapping that holds `address`, whatever it is of. Returns 0, or -1 with errno.
int sniscope_query_mapping_at(int maps, uint64_t address, struct sniscope_mapping *mapping);

/// Where `needle` stands first at or after `from`, or `size` where it does not.
size_t sniscope_find(const void *haystack, size_t size, size_t from, const void *needle,
		     size_t needle_size);

/// Where, at or after `from`, a 32-bit number stands that leads to `low` … `low + span` if it
/// counts from its own end, as operands of x86-64 do; or `size` where none does. Only the low 32
/// bits of addresses are compared.
/// @param address Of the first byte.
size_t sniscope_find_relative(const void *code, size_t size, size_t from, uint32_t address,
			      uint32_t low, uint32_t span);
