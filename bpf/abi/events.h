/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs and user space say to each other: one definition for both sides. */
#ifndef SNISCOPE_EVENTS_H
#define SNISCOPE_EVENTS_H

#ifndef SNISCOPE_KERNEL_TYPES
#include <linux/types.h>
#endif

#define SNISCOPE_COMM_LENGTH 16
/* RFC 6066 names are DNS names, at most 255 bytes; one more tells a longer one from one that fits.
 */
#define SNISCOPE_NAME_CAPACITY	256
#define SNISCOPE_EXE_CAPACITY	256
#define SNISCOPE_EXE_COMPONENTS 24
/* NAME_MAX of linux/limits.h, and NUL. */
#define SNISCOPE_COMPONENT_CAPACITY 256
/* x86-64 passes six arguments in registers, libbpf 1.1 names five of them, and no library needs
 * more. */
#define SNISCOPE_ARGUMENTS   5
#define SNISCOPE_NO_ARGUMENT 0xff
#define SNISCOPE_RULES	     64
#define SNISCOPE_CONDITIONS  2

/* How a function is called: where its arguments are. */
enum sniscope_convention {
	SNISCOPE_C = 0,
	/* Go from 1.17 on (ABIInternal). */
	SNISCOPE_GO = 1,
	/* Go before 1.17: above the return address. */
	SNISCOPE_GO_STACK = 2,
};

/* How one function takes its server name; the low half of the attach cookie is its index. */
struct sniscope_rule {
	__u64 condition_mask[SNISCOPE_CONDITIONS];
	__u64 condition_value[SNISCOPE_CONDITIONS];
	/* Cuts the length argument to its C type's width. */
	__u64 length_mask;
	__u8 condition_argument[SNISCOPE_CONDITIONS];
	__u8 name_argument;
	/* SNISCOPE_NO_ARGUMENT: the name ends with a NUL. */
	__u8 length_argument;
	/* SNISCOPE_NO_ARGUMENT: the function has no connection, only a context. */
	__u8 connection_argument;
	/* enum sniscope_convention */
	__u8 convention;
	__u8 padding[2];
};

/* Patterns of server names, and the bytes that each compares at most. */
#define SNISCOPE_NAME_PATTERNS	16
#define SNISCOPE_PATTERN_LENGTH 64

/* Which names match, beside those bytes. */
struct sniscope_name_pattern {
	/* Bytes of the name. */
	__u8 least;
	__u8 most;
	/* 1: the name's last bytes are compared; 0: its first ones. */
	__u8 at_end;
	__u8 excludes;
};

enum sniscope_record_type {
	SNISCOPE_SERVER_NAME = 1,
	SNISCOPE_CGROUP_CREATED = 2,
	SNISCOPE_CGROUP_REMOVED = 3,
	SNISCOPE_FILE_MAPPED = 4,
	SNISCOPE_TRAPPED = 5,
};

enum sniscope_name_flags {
	/* The app's name is longer than the record holds. */
	SNISCOPE_NAME_TRUNCATED = 1,
	/* The app's memory could not be read: the record has no name. */
	SNISCOPE_NAME_UNREADABLE = 2,
};

/* A call that sets a server name. Behind it come the path of the executable, component by component
 * from the last to the first, each with a NUL behind it, then the name, without NUL. */
struct sniscope_server_name {
	__u32 type;
	__u16 name_length;
	/* enum sniscope_name_flags */
	__u16 name_flags;
	/* CLOCK_MONOTONIC, nanoseconds. */
	__u64 time;
	__u64 connection;
	/* From here to the end of the path: the caller. Calls of a thread have the same bytes there
	 * for as long as nothing of it changes. */
	__u64 cookie;
	/* CLOCK_BOOTTIME of the process's start: with the pid, an identity that is not used twice.
	 */
	__u64 start_time;
	__u64 cgroup;
	__u32 pid;
	__u32 tid;
	/* As the host sees them. */
	__u32 uid;
	__u32 gid;
	/* As the process's own user namespace does. */
	__u32 inner_uid;
	__u32 inner_gid;
	__u32 parent_pid;
	__u32 mount_namespace;
	__u32 network_namespace;
	__u16 exe_length;
	/* The path is longer or deeper than the record holds: its last components. */
	__u16 exe_truncated;
	char comm[SNISCOPE_COMM_LENGTH];
	char process_comm[SNISCOPE_COMM_LENGTH];
	char parent_comm[SNISCOPE_COMM_LENGTH];
};

#define SNISCOPE_PATH_CAPACITY 512

/* A control group was created or removed. */
struct sniscope_cgroup {
	__u32 type;
	/* Bytes of `path` in use, without NUL. */
	__u32 path_length;
	/* Within its hierarchy. */
	__u64 id;
	/* Who did it: the OCI runtime itself, or systemd for it. */
	__u32 pid;
	/* 0: v2. */
	__u32 hierarchy;
	/* Of who did it. */
	__u32 uid;
	/* The path may be longer: `path` is its beginning. */
	__u32 path_truncated;
	/* Of the process that did it. */
	char comm[SNISCOPE_COMM_LENGTH];
	/* From the hierarchy's root, begins with a slash. */
	char path[SNISCOPE_PATH_CAPACITY];
};

/* The path of a mapped file, without the room for its last component. */
#define SNISCOPE_MAPPED_CAPACITY   1024
#define SNISCOPE_MAPPED_COMPONENTS 64

/* A process has mapped a file executable. Behind it comes the file's path as the process sees it,
 * in the form of an executable's. */
struct sniscope_file_mapped {
	__u32 type;
	__u32 pid;
	/* CLOCK_MONOTONIC, nanoseconds. */
	__u64 time;
	__u64 start;
	__u64 end;
	/* As /proc/PID/maps shows them; the device is the kernel's own number: major << 20 | minor.
	 */
	__u64 device;
	__u64 inode;
	__u32 path_length;
	/* The path is longer or deeper than the record holds: its last components. */
	__u32 path_truncated;
};

#define SNISCOPE_CODE_LENGTH 16

/* A process is about to die of SIGTRAP. */
struct sniscope_trapped {
	__u32 type;
	__u32 pid;
	__u64 cgroup;
	/* As the host sees it. */
	__u32 uid;
	__u32 unused;
	/* Of the process. */
	char comm[SNISCOPE_COMM_LENGTH];
	/* What it ran into, from the breakpoint on; zeros where that can't be read. */
	__u8 code[SNISCOPE_CODE_LENGTH];
};

/* Why a call, or a report of something else, gave no record. */
enum sniscope_lost_reason {
	SNISCOPE_LOST_RING_FULL = 0,
	/* The payer's share of a ring that fills up. */
	SNISCOPE_LOST_SHARE = 1,
	/* The thread's own memory could not be allocated. */
	SNISCOPE_LOST_NO_MEMORY = 2,
	SNISCOPE_LOST_CGROUP_RING_FULL = 3,
	SNISCOPE_LOST_FOLLOW_FULL = 4,
	SNISCOPE_LOST_REASONS = 5,
};

/* What user space thinks of a control group. */
enum sniscope_verdict {
	SNISCOPE_EXCLUDED = 0,
	SNISCOPE_WANTED = 1,
	/* It may be a container's, and that of one that is wanted: its calls pass. */
	SNISCOPE_UNDECIDED = 2,
};

/* Who pays for the room of a call's record: a container by its control group's number; else, beside
 * this mark, a user by number, or root's mount namespace. */
#define SNISCOPE_PAYER_NAMESPACE 0x4000000000000000ULL
#define SNISCOPE_PAYER_USER	 0x8000000000000000ULL

/* A payer and the room that it takes. */
struct sniscope_payer {
	/* It is within its rate if this time is not far ahead; CLOCK_MONOTONIC, nanoseconds. */
	__u64 due;
	/* Of its last record that went by the bulk lane; CLOCK_MONOTONIC, nanoseconds. */
	__u64 bulk_time;
	/* The last window of time in which it used the bulk lane, and the bytes there. */
	__u64 window;
	__u64 bytes;
	/* Calls that were lost since it is known here. */
	__u64 lost_ring_full;
	__u64 lost_share;
};

/* What the reader of records tells the programs. */
struct sniscope_reader {
	/* Grows with each change of the map of containers. */
	__u64 containers_generation;
	/* All older records of the bulk lane were read; CLOCK_MONOTONIC, nanoseconds. */
	__u64 bulk_read_until;
	/* It is to be woken for the next record; whoever does so sets it to 0. */
	__u32 sleeps;
	__u32 padding;
};

/* A thread that the kernel waits for while it fetches the page that holds the name. */
struct sniscope_waiting {
	__u32 pid;
	__u32 padding;
	/* CLOCK_MONOTONIC, nanoseconds. */
	__u64 since;
};

/* Which file an address of the calling process maps: argument and result of a syscall program. */
struct sniscope_file_identity {
	__u64 address;
	/* The kernel's own number: major << 20 | minor. */
	__u64 device;
	__u64 inode;
	__s64 result;
};

_Static_assert(sizeof(struct sniscope_rule) == 48, "shared with Swift");
_Static_assert(sizeof(struct sniscope_name_pattern) == 4, "shared with Swift");
_Static_assert(sizeof(struct sniscope_server_name) == 136, "shared with Swift");
_Static_assert(sizeof(struct sniscope_cgroup) == 48 + SNISCOPE_PATH_CAPACITY, "shared with Swift");
_Static_assert(sizeof(struct sniscope_file_mapped) == 56, "shared with Swift");
_Static_assert(sizeof(struct sniscope_trapped) == 56, "shared with Swift");
_Static_assert(sizeof(struct sniscope_payer) == 48, "shared with Swift");
_Static_assert(sizeof(struct sniscope_reader) == 24, "shared with Swift");
_Static_assert(sizeof(struct sniscope_waiting) == 16, "shared with Swift");
_Static_assert(sizeof(struct sniscope_file_identity) == 32, "shared with Swift");

#endif
