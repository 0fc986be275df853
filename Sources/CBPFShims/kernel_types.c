#define _GNU_SOURCE
#include "bpf_shims.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// libbpf looks through all types of a kernel, some 150,000, for each type that an object names.
// Here it is done once for all of them; libbpf gets what was found, and what that consists of.

#define BUCKETS 512

struct name {
	const char *text;
	size_t length;
	struct name *next;
};

struct selection {
	const struct btf *kernel;
	struct btf *types;
	struct name *buckets[BUCKETS];
	struct name *names;
	// Of each type of the kernel: its number among those that are selected, or 0.
	uint32_t *numbers;
	// The selected ones.
	uint32_t *selected;
	uint32_t count;
};

// Of the name that stands before "___", if any: behind it an object says which version of a type it
// means.
static size_t essential_length(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = length < 5 ? 0 : length - 4; i > 0; i--)
		if (name[i - 1] != '_' && !strncmp(name + i, "___", 3) && name[i + 3] != '_')
			return i;
	return length;
}

static bool has_candidates(const struct btf_type *type)
{
	return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type);
}

static struct name **bucket_of(struct selection *selection, const char *text, size_t length)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619;
	return &selection->buckets[hash % BUCKETS];
}

static bool is_named(struct selection *selection, const char *text, size_t length)
{
	for (struct name *name = *bucket_of(selection, text, length); name; name = name->next)
		if (name->length == length && !memcmp(name->text, text, length))
			return true;
	return false;
}

static int collect_names(struct selection *selection, const struct btf *object)
{
	uint32_t end = btf__type_cnt(object), count = 0;

	selection->names = calloc(end, sizeof(*selection->names));
	if (!selection->names)
		return -ENOMEM;
	for (uint32_t id = 1; id < end; id++) {
		const struct btf_type *type = btf__type_by_id(object, id);
		const char *text = btf__name_by_offset(object, type->name_off);
		struct name *name = &selection->names[count], **bucket;

		if (!has_candidates(type) || !text || !*text)
			continue;
		name->text = text;
		name->length = essential_length(text);
		if (is_named(selection, text, name->length))
			continue;
		bucket = bucket_of(selection, text, name->length);
		name->next = *bucket;
		*bucket = name;
		count++;
	}
	return 0;
}

// The number of a type, which is selected where it is not yet. What an object's access to a field
// does not depend on stands as void: what pointers point to, and functions.
static uint32_t number_of(struct selection *selection, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(selection->kernel, id);

	while (type && (btf_is_mod(type) || btf_is_type_tag(type))) {
		id = type->type;
		type = btf__type_by_id(selection->kernel, id);
	}
	if (!id || !type || btf_is_func(type) || btf_is_func_proto(type) || btf_is_var(type) ||
	    btf_is_datasec(type) || btf_is_decl_tag(type))
		return 0;
	if (!selection->numbers[id]) {
		selection->selected[selection->count++] = id;
		selection->numbers[id] = selection->count;
	}
	return selection->numbers[id];
}

static int add_fields(struct selection *selection, const struct btf_type *type)
{
	const struct btf_member *member = btf_members(type);
	int error = 0;

	for (uint32_t i = 0; i < btf_vlen(type) && !error; i++)
		error = btf__add_field(selection->types,
				       btf__name_by_offset(selection->kernel, member[i].name_off),
				       (int)number_of(selection, member[i].type),
				       btf_member_bit_offset(type, i),
				       btf_member_bitfield_size(type, i));
	return error;
}

static int add_values(struct selection *selection, const struct btf_type *type)
{
	int error = 0;

	for (uint32_t i = 0; i < btf_vlen(type) && !error; i++) {
		if (btf_is_enum(type)) {
			const struct btf_enum *value = &btf_enum(type)[i];

			error = btf__add_enum_value(
				selection->types,
				btf__name_by_offset(selection->kernel, value->name_off),
				btf_kflag(type) ? (int64_t)value->val
						: (int64_t)(uint32_t)value->val);
		} else {
			const struct btf_enum64 *value = &btf_enum64(type)[i];

			error = btf__add_enum64_value(
				selection->types,
				btf__name_by_offset(selection->kernel, value->name_off),
				btf_enum64_value(value));
		}
	}
	return error;
}

static int add(struct selection *selection, const struct btf_type *type)
{
	struct btf *types = selection->types;
	const char *name = btf__name_by_offset(selection->kernel, type->name_off);
	int number;

	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		number = btf__add_int(types, name, type->size, btf_int_encoding(type));
		break;
	case BTF_KIND_FLOAT:
		number = btf__add_float(types, name, type->size);
		break;
	case BTF_KIND_PTR:
		number = btf__add_ptr(types, 0);
		break;
	case BTF_KIND_ARRAY:
		number = btf__add_array(
			types, (int)number_of(selection, btf_array(type)->index_type),
			(int)number_of(selection, btf_array(type)->type), btf_array(type)->nelems);
		break;
	case BTF_KIND_TYPEDEF:
		number = btf__add_typedef(types, name, (int)number_of(selection, type->type));
		break;
	case BTF_KIND_FWD:
		number =
			btf__add_fwd(types, name, btf_kflag(type) ? BTF_FWD_UNION : BTF_FWD_STRUCT);
		break;
	case BTF_KIND_STRUCT:
		number = btf__add_struct(types, name, type->size);
		return number < 0 ? number : add_fields(selection, type);
	case BTF_KIND_UNION:
		number = btf__add_union(types, name, type->size);
		return number < 0 ? number : add_fields(selection, type);
	case BTF_KIND_ENUM:
		number = btf__add_enum(types, name, type->size);
		return number < 0 ? number : add_values(selection, type);
	case BTF_KIND_ENUM64:
		number = btf__add_enum64(types, name, type->size, btf_kflag(type));
		return number < 0 ? number : add_values(selection, type);
	default:
		return -EINVAL;
	}
	return number < 0 ? number : 0;
}

static int select_types(struct selection *selection, const struct btf *object)
{
	uint32_t end = btf__type_cnt(selection->kernel);
	int error = collect_names(selection, object);

	if (error)
		return error;
	selection->numbers = calloc(end, sizeof(*selection->numbers));
	selection->selected = calloc(end, sizeof(*selection->selected));
	if (!selection->numbers || !selection->selected)
		return -ENOMEM;
	for (uint32_t id = 1; id < end; id++) {
		const struct btf_type *type = btf__type_by_id(selection->kernel, id);
		const char *text;

		if (!has_candidates(type))
			continue;
		text = btf__name_by_offset(selection->kernel, type->name_off);
		if (text && *text && is_named(selection, text, essential_length(text)))
			number_of(selection, id);
	}
	// What they consist of comes behind them meanwhile.
	for (uint32_t i = 0; i < selection->count && !error; i++)
		error = add(selection, btf__type_by_id(selection->kernel, selection->selected[i]));
	return error;
}

static struct btf *selected_types(const struct btf *kernel, const struct btf *object)
{
	struct selection selection = { .kernel = kernel, .types = btf__new_empty() };
	int error = selection.types ? select_types(&selection, object) : -errno;

	free(selection.names);
	free(selection.numbers);
	free(selection.selected);
	if (!error)
		return selection.types;
	btf__free(selection.types);
	errno = -error;
	return NULL;
}

int sniscope_types_file(void)
{
	return memfd_create("kernel types", MFD_CLOEXEC);
}

int sniscope_write_kernel_types(const struct btf *object, int file)
{
	struct btf *kernel = btf__load_vmlinux_btf(), *types = NULL;
	uint32_t size = 0;
	const char *data;
	int error = -1;

	if (kernel)
		types = selected_types(kernel, object);
	if (types && (data = btf__raw_data(types, &size))) {
		ssize_t written = write(file, data, size);

		error = written == (ssize_t)size ? 0 : -1;
		if (written >= 0 && error)
			errno = ENOSPC;
	}
	btf__free(types);
	btf__free(kernel);
	return error;
}
