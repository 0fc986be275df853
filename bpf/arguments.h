/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The arguments of a call, by the calling convention of the function. */
#ifndef SNISCOPE_ARGUMENTS_H
#define SNISCOPE_ARGUMENTS_H

struct arguments {
	__u64 a0, a1, a2, a3, a4;
};

/* clang folds a choice among context fields into one variable context access, which the verifier
 * refuses; behind a barrier they are plain registers. */
#define LOAD(target, value)                                                                        \
	do {                                                                                       \
		(target) = (value);                                                                \
		asm volatile("" : "+r"(target));                                                   \
	} while (0)

/* A word above the return address (arm64: above the place that the callee saves it to). The caller
 * has written it just now: it is there. */
static __always_inline __u64 stack_argument(__u64 stack, int index)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (const void *)(stack + 8 * (index + 1)));
	return value;
}

static __always_inline struct arguments load_arguments(struct pt_regs *ctx, __u8 convention)
{
	struct arguments a;
	__u64 stack;
#ifdef bpf_target_x86
	__u64 ax, bx;

	/* RAX, RBX, RCX, RDI, RSI (Go's src/cmd/compile/abi-internal.md). */
	LOAD(ax, ctx->rax);
	LOAD(bx, ctx->rbx);
#endif

	LOAD(stack, PT_REGS_SP(ctx));
	LOAD(a.a0, PT_REGS_PARM1(ctx));
	LOAD(a.a1, PT_REGS_PARM2(ctx));
	LOAD(a.a2, PT_REGS_PARM3(ctx));
	LOAD(a.a3, PT_REGS_PARM4(ctx));
	LOAD(a.a4, PT_REGS_PARM5(ctx));
	if (convention == SNISCOPE_GO_STACK) {
		a.a0 = stack_argument(stack, 0);
		a.a1 = stack_argument(stack, 1);
		a.a2 = stack_argument(stack, 2);
		a.a3 = stack_argument(stack, 3);
		a.a4 = stack_argument(stack, 4);
	}
#ifdef bpf_target_x86
	if (convention == SNISCOPE_GO) {
		/* In this order: C's first and second are Go's fourth and fifth. */
		a.a2 = a.a3;
		a.a3 = a.a0;
		a.a4 = a.a1;
		a.a0 = ax;
		a.a1 = bx;
	}
#endif
	/* On arm64 Go's registers are C's. */
	return a;
}

static __always_inline __u64 argument(const struct arguments *a, __u8 index)
{
	switch (index) {
	case 0:
		return a->a0;
	case 1:
		return a->a1;
	case 2:
		return a->a2;
	case 3:
		return a->a3;
	default:
		return a->a4;
	}
}

#endif
