// What Swift cannot call in libbpf, and what libbpf 1.1 (Debian 12) does not have yet.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Sends libbpf's messages into a buffer instead of stderr (its callback takes a va_list).
void sniscope_bpf_log_capture(void);

/// Copies the captured messages, newest last, into `target`, forgets them, and returns their
/// length.
size_t sniscope_bpf_log_take(char *target, size_t capacity);

/// BPF_LINK_CREATE for BPF_TRACE_UPROBE_MULTI (Linux 6.6): one link for all offsets of one file.
/// `process`: the one that it is limited to; 0: none. Returns a descriptor, or -1 with errno.
int sniscope_link_uprobe_multi(int program, const char *path, const uint64_t *offsets,
			       const uint64_t *cookies, uint32_t count, uint32_t process);

/// A perf uprobe on `process`, or on every one where that is 0, with `program` behind it. The link
/// keeps the perf event. Returns a descriptor, or -1 with errno.
int sniscope_link_uprobe_perf(int program, uint32_t event_type, const char *path, uint64_t offset,
			      uint64_t cookie, uint32_t process);

// Whether the kernel has a feature: 1 where it does, 0 where not, -1 with errno where it may not be
// asked.

/// Loads a uprobe program that does nothing. Returns its descriptor, or -1 with errno.
int sniscope_load_empty_uprobe(int is_multi);

/// uprobe_multi links (Linux 6.6).
int sniscope_probe_uprobe_multi(void);

/// uprobe_multi links that can be limited to a process (Linux 6.10, and stable kernels before).
int sniscope_probe_uprobe_multi_process(void);

/// Uprobe programs that may sleep (Linux 6.0).
int sniscope_probe_sleepable_uprobe(void);

/// bpf_probe_read_kernel, which a kernel in lockdown "confidentiality" refuses.
int sniscope_probe_kernel_read(void);

/// Where a function of this program lies that nobody calls: for a uprobe that tries whether uprobes
/// can be attached.
uintptr_t sniscope_uprobe_target_address(void);

struct btf;

/// A file in memory, for `sniscope_write_kernel_types`. Returns its descriptor, or -1 with errno.
int sniscope_types_file(void);

/// Writes those of the kernel's types that an object names, with what they consist of, in the
/// kernel's own format. Returns 0, or -1 with errno.
int sniscope_write_kernel_types(const struct btf *object, int file);

/// Closes descriptors side by side in child processes that share this process's descriptor table,
/// so that a close that waits for a traced process (a BPF program asleep in it) does not keep this
/// process from its exit. Those that are closed, or being closed, become -1; the others, where
/// there can be no child processes, stay open. Returns how many were closed within `milliseconds`.
size_t sniscope_close_aside(int *descriptors, size_t count, size_t processes, int milliseconds);
