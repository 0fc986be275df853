/* Loads the programs of BPF objects, one at a time and in each way in which sniscope loads it, and
 * attaches it. What the kernel says of each is a line, "LOAD " and JSON:
 *
 *   object, program
 *   attach        perf, uprobe_multi, raw_tp, fentry, syscall
 *   filters       whether the filters are on: the verifier skips what is off
 *   ok, error     the step that failed, and why; null
 *   instructions  how many the verifier went through
 *   reported      whether the program has reported a call, or a mapping, of this process
 *
 * Behind a refusal come the last lines of the verifier's log, indented.
 *
 *   load OBJECT...
 *
 * As the first process of a guest it loads what is below /objects and powers the guest off. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "abi/events.h"

#define LOG_LINES 20
/* BPF_TRACE_UPROBE_MULTI (Linux 6.6), which libbpf 1.1 does not name. */
#define TRACE_UPROBE_MULTI 48
/* The kernel's own, which has no name in user space. */
#define ENOTSUPP 524

#define NAME	   "load.test"
#define CONNECTION ((void *)0x5eed)

enum attach {
	PERF,
	MULTI,
	RAW_TRACEPOINT,
	FENTRY,
	/* Called by its descriptor. */
	SYSCALL,
};

static const char *const attach_names[] = {
	[PERF] = "perf",     [MULTI] = "uprobe_multi", [RAW_TRACEPOINT] = "raw_tp",
	[FENTRY] = "fentry", [SYSCALL] = "syscall",
};

/* The end of what libbpf says, the verifier's log among it. */
static char log_text[16 << 10];

static int keep(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t kept = strlen(log_text), length, room = sizeof(log_text) - 1;
	const char *from;
	char *text;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, arguments) < 0)
		return 0;
	length = strlen(text);
	from = text;
	if (length > room) {
		from += length - room;
		length = room;
	}
	if (kept > room - length) {
		memmove(log_text, log_text + kept - (room - length), room - length);
		kept = room - length;
	}
	memcpy(log_text + kept, from, length);
	log_text[kept + length] = 0;
	free(text);
	return 0;
}

static void print_log(void)
{
	const char *line = log_text + strlen(log_text);

	for (int lines = 0; line > log_text; line--)
		if (line[-1] == '\n' && lines++ == LOG_LINES)
			break;
	while (*line) {
		size_t length = strcspn(line, "\n");

		printf("    %.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

static const char *describe(int error)
{
	return error == ENOTSUPP ? "Not supported (ENOTSUPP)" : strerror(error);
}

/* Whose calls are traced. */
__attribute__((noinline)) static void target(const char *name, void *connection)
{
	asm volatile("" : : "r"(name), "r"(connection) : "memory");
}

struct place {
	uintptr_t address;
	uint64_t offset;
};

static int find_place(struct dl_phdr_info *object, size_t size, void *data)
{
	struct place *place = data;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && place->address - start < segment->p_memsz) {
			place->offset = place->address - start + segment->p_offset;
			return 1;
		}
	}
	return 0;
}

static uint64_t target_offset(void)
{
	struct place place = { .address = (uintptr_t)target };

	dl_iterate_phdr(find_place, &place);
	return place.offset;
}

static int attach_perf(int program)
{
	struct perf_event_attr attributes = { .size = sizeof(attributes) };
	FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int event, link;

	if (!file)
		return -errno;
	if (fscanf(file, "%u", &attributes.type) != 1)
		return -EINVAL;
	fclose(file);
	attributes.config1 = (uintptr_t) "/proc/self/exe";
	attributes.config2 = target_offset();
	event = syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -errno;
	link = bpf_link_create(program, event, BPF_PERF_EVENT, NULL);
	close(event);
	return link;
}

static int attach_multi(int program)
{
	uint64_t offset = target_offset();
	/* The tail of union bpf_attr for BPF_LINK_CREATE (include/uapi/linux/bpf.h of Linux 6.6).
	 */
	struct {
		uint32_t program, target, attach_type, flags;
		uint64_t path, offsets, reference_counter_offsets, cookies;
		uint32_t count, multi_flags, pid, padding;
	} attributes = {
		.program = program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t) "/proc/self/exe",
		.offsets = (uintptr_t)&offset,
		.count = 1,
	};
	int link = syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));

	return link < 0 ? -errno : link;
}

static int attach(int program, enum attach attach, const char *section)
{
	const char *slash = strchr(section, '/');

	switch (attach) {
	case PERF:
		return attach_perf(program);
	case MULTI:
		return attach_multi(program);
	case RAW_TRACEPOINT:
		return bpf_raw_tracepoint_open(slash ? slash + 1 : NULL, program);
	default:
		return bpf_raw_tracepoint_open(NULL, program);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether a record is of this process, and right. The component of a path that comes first is the
 * last. */
static int on_record(void *found, void *data, size_t size)
{
	const struct sniscope_server_name *call = data;
	const struct sniscope_file_mapped *mapped = data;
	const char *path = (const char *)(call + 1);

	if (call->type == SNISCOPE_SERVER_NAME)
		*(bool *)found |= call->pid == (uint32_t)getpid() &&
				  call->connection == (uintptr_t)CONNECTION &&
				  call->name_length == strlen(NAME) &&
				  !strcmp(path, program_invocation_short_name) &&
				  !memcmp(path + call->exe_length, NAME, strlen(NAME));
	if (mapped->type == SNISCOPE_FILE_MAPPED)
		*(bool *)found |=
			mapped->pid == (uint32_t)getpid() &&
			!strcmp((const char *)(mapped + 1), program_invocation_short_name);
	return 0;
}

/* Reads what is in the ring buffers of an object. */
static bool read_rings(struct bpf_object *object)
{
	struct bpf_map *map;
	bool found = false;

	bpf_object__for_each_map(map, object)
	{
		struct ring_buffer *ring;

		if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF)
			continue;
		ring = ring_buffer__new(bpf_map__fd(map), on_record, &found, NULL);
		if (ring)
			ring_buffer__consume(ring);
		ring_buffer__free(ring);
	}
	return found;
}

/* Calls the function and maps a file, and looks for the report of either. */
static bool is_reported(struct bpf_object *object)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int file = open("/proc/self/exe", O_RDONLY);
	void *mapping;

	target(NAME, CONNECTION);
	mapping = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
	if (mapping != MAP_FAILED)
		munmap(mapping, page);
	close(file);
	return read_rings(object);
}

static char *constants(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		size_t size;

		if (strstr(bpf_map__name(map), ".rodata"))
			return (char *)bpf_map__initial_value(map, &size);
	}
	return NULL;
}

/* Patterns of each kind: the verifier skips what none of them needs. */
static void set_patterns(struct sniscope_name_pattern *patterns)
{
	for (int i = 0; i < SNISCOPE_NAME_PATTERNS; i++)
		patterns[i] = (struct sniscope_name_pattern){
			.least = SNISCOPE_PATTERN_LENGTH,
			.most = 255,
			.at_end = i % 2,
			.excludes = i < SNISCOPE_NAME_PATTERNS / 2,
		};
}

/* Sets the constants as sniscope does: `may_sleep` for a program that may, and what switches a
 * filter on. Returns whether a filter is on: the verifier skips what is off. */
static bool set_constants(struct bpf_object *object, bool may_sleep, bool filters)
{
	const struct sniscope_rule rule = {
		.name_argument = 0,
		.length_argument = SNISCOPE_NO_ARGUMENT,
		.connection_argument = 1,
	};
	struct btf *btf = bpf_object__btf(object);
	int section = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *type = section > 0 ? btf__type_by_id(btf, section) : NULL;
	char *data = constants(object);
	bool has_filters = false;

	for (int i = 0; type && data && i < btf_vlen(type); i++) {
		const struct btf_var_secinfo *info = btf_var_secinfos(type) + i;
		const char *name =
			btf__name_by_offset(btf, btf__type_by_id(btf, info->type)->name_off);

		if (!strcmp(name, "may_sleep"))
			data[info->offset] = may_sleep;
		else if (!strncmp(name, "filter_", 7))
			data[info->offset] = has_filters = filters;
		else if (!strcmp(name, "name_pattern_count"))
			data[info->offset] = SNISCOPE_NAME_PATTERNS;
		else if (!strcmp(name, "name_patterns"))
			set_patterns((struct sniscope_name_pattern *)(data + info->offset));
		else if (!strcmp(name, "name_masks"))
			memset(data + info->offset, 0xff, info->size);
		else if (!strcmp(name, "rules"))
			memcpy(data + info->offset, &rule, sizeof(rule));
	}
	return has_filters;
}

static uint32_t instructions(int program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.verified_insns;
}

struct verdict {
	/* The step that failed. */
	const char *failed;
	int error;
	/* Instructions that the verifier went through. */
	uint32_t instructions;
	/* The program has reported a call, or a mapping, of this process. */
	bool is_reported;
};

static void print_verdict(const char *file, const char *program, enum attach attach, bool filters,
			  const struct verdict *verdict)
{
	printf("LOAD {\"object\": \"%s\", \"program\": \"%s\", ", base_name(file), program);
	printf("\"attach\": \"%s\", \"filters\": %s, ", attach_names[attach],
	       filters ? "true" : "false");
	if (verdict->failed)
		printf("\"ok\": false, \"error\": \"%s: %s\", ", verdict->failed,
		       describe(verdict->error));
	else
		printf("\"ok\": true, \"error\": null, ");
	printf("\"instructions\": %u, \"reported\": %s}\n", verdict->instructions,
	       verdict->is_reported ? "true" : "false");
	if (verdict->failed)
		print_log();
}

/* Loads a program, attaches it, and has it report something where it does. */
static struct verdict judge(struct bpf_object *object, struct bpf_program *program,
			    enum attach flavour, bool filters)
{
	struct verdict verdict = {};
	int error, link;

	error = bpf_object__load(object);
	if (error)
		return (struct verdict){ .failed = "load", .error = -error };
	verdict.instructions = instructions(bpf_program__fd(program));
	if (flavour == SYSCALL)
		return verdict;
	link = attach(bpf_program__fd(program), flavour, bpf_program__section_name(program));
	if (link < 0) {
		verdict.failed = "attach";
		verdict.error = -link;
		return verdict;
	}
	/* No process passes the filters, whose maps are empty. */
	if (flavour != RAW_TRACEPOINT && !filters) {
		verdict.is_reported = is_reported(object);
		if (!verdict.is_reported) {
			verdict.failed = "report";
			verdict.error = ENODATA;
		}
	}
	close(link);
	return verdict;
}

/* Tries a program, by its place in the object. */
static void try_program(const char *file, int index, enum attach flavour, bool filters)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *program, *wanted = NULL;
	struct verdict verdict;
	int number = 0;

	bpf_object__for_each_program(program, object)
	{
		bpf_program__set_autoload(program, number == index);
		if (number++ == index)
			wanted = program;
	}
	if (set_constants(object, !strncmp(bpf_program__section_name(wanted), "uprobe.s", 8),
			  filters) == filters) {
		if (flavour == MULTI)
			bpf_program__set_expected_attach_type(wanted, TRACE_UPROBE_MULTI);
		log_text[0] = 0;
		verdict = judge(object, wanted, flavour, filters);
		print_verdict(file, bpf_program__name(wanted), flavour, filters, &verdict);
	}
	bpf_object__close(object);
}

static void try_object(const char *file)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *program;
	int index = 0;

	if (!object) {
		struct verdict verdict = { .failed = "open", .error = errno };

		print_verdict(file, "", SYSCALL, false, &verdict);
		return;
	}
	bpf_object__for_each_program(program, object)
	{
		const char *section = bpf_program__section_name(program);
		enum attach first, last;

		if (!strncmp(section, "uprobe", 6))
			first = PERF, last = MULTI;
		else if (!strncmp(section, "raw_tp", 6))
			first = last = RAW_TRACEPOINT;
		else if (!strncmp(section, "fentry", 6))
			first = last = FENTRY;
		else
			first = last = SYSCALL;
		for (enum attach flavour = first; flavour <= last; flavour++)
			for (int filters = 0; filters < 2; filters++)
				try_program(file, index, flavour, filters);
		index++;
	}
	bpf_object__close(object);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *place;
	} systems[] = {
		{ "devtmpfs", "/dev" },
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "bpf", "/sys/fs/bpf" },
		{ "cgroup2", "/sys/fs/cgroup" },
		{ "tracefs", "/sys/kernel/tracing" },
	};
	int console;

	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		mkdir(systems[i].place, 0755);
		if (mount(systems[i].type, systems[i].place, systems[i].type, 0, NULL) &&
		    errno != EBUSY)
			printf("mount %s: %s\n", systems[i].place, strerror(errno));
	}
	console = open("/dev/console", O_RDWR);
	for (int descriptor = 0; console >= 0 && descriptor < 3; descriptor++)
		dup2(console, descriptor);
}

/* What the kernel complains of: SYSLOG_ACTION_READ_ALL is 3. */
static void print_kernel_warnings(void)
{
	static char text[1 << 20];
	int length = klogctl(3, text, sizeof(text) - 1);

	for (char *line = length > 0 ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (strstr(line, "WARNING:") || strstr(line, "BUG:") || strstr(line, "Oops"))
			printf("KERNEL %s\n", line);
}

int main(int count, char **arguments)
{
	struct dirent **entries;
	struct utsname system;
	int found;

	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(keep);
	if (getpid() != 1) {
		for (int i = 1; i < count; i++)
			try_object(arguments[i]);
		return 0;
	}
	mount_all();
	uname(&system);
	/* The firmware may have left a line unfinished. */
	printf("\nGUEST %s %s, pages of %ld bytes\n", system.release, system.machine,
	       sysconf(_SC_PAGESIZE));
	found = scandir("/objects", &entries, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		char path[PATH_MAX];

		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/objects/%s", entries[i]->d_name);
		try_object(path);
	}
	print_kernel_warnings();
	printf("=== GUEST DONE\n");
	reboot(RB_POWER_OFF);
	return 1;
}
