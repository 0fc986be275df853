/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two lanes by which records of calls go to user space, so that whoever makes many calls loses
 * its own and nobody else's. Whoever stays below a rate uses the quick lane, which it can't fill;
 * the others use the bulk lane, and share it equally once it is half full. */
#ifndef SNISCOPE_LANES_H
#define SNISCOPE_LANES_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} quick SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* User space sets the size. */
	__uint(max_entries, 1 << 20);
} bulk SEC(".maps");

/* Bytes of `bulk`. */
const volatile __u64 bulk_size;

/* Payers that nobody has heard of for long give way to new ones: what is kept of them is about the
 * last moments. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct sniscope_payer);
} payers SEC(".maps");

__u64 lost[SNISCOPE_LOST_REASONS];

static __always_inline void count_lost(enum sniscope_lost_reason reason)
{
	__sync_fetch_and_add(&lost[reason], 1);
}

/* The quick lane takes a record of a payer each millisecond, and so many at once: fewer where many
 * records wait in it, which all come before the next one. */
#define QUICK_INTERVAL 1000000LL
#define QUICK_BURST    (128 * QUICK_INTERVAL)
#define CROWDED_BURST  (8 * QUICK_INTERVAL)
#define CROWDED	       (64 << 10)
/* Whoever goes on above its rate does not come back to the quick lane before it pauses for so long.
 * Where many do, each of them gets a processor a few times a second only. */
#define QUICK_PAUSE (2000 * QUICK_INTERVAL)

/* Windows of 134 ms, in which payers of the bulk lane are counted. */
#define WINDOW_SHIFT 27
/* What a payer has of a ring of which nobody reads. */
#define LEAST_SHARE (16 << 10)

struct shares {
	__u64 window;
	/* Payers of this window. */
	__u64 payers;
	/* Where the reader was at its beginning. */
	__u64 position;
	/* What each may put into the bulk lane in this window, once it is half full; bytes. */
	__u64 share;
	/* Whether a single payer used it in the window before. */
	__u64 is_sole;
};

struct shares shares;

static __always_inline bool is_quick(struct sniscope_payer *payer, __u64 time)
{
	__s64 ahead = payer->due - time;

	if (ahead < 0)
		ahead = 0;
	if (ahead < QUICK_PAUSE)
		payer->due = time + ahead + QUICK_INTERVAL;
	/* What it has in the bulk lane comes first. */
	if (ahead >= QUICK_BURST || payer->bulk_time > *(volatile __u64 *)&reader.bulk_read_until)
		return false;
	return ahead < CROWDED_BURST || bpf_ringbuf_query(&quick, BPF_RB_AVAIL_DATA) < CROWDED;
}

static __always_inline void begin_window(__u64 window)
{
	__u64 last = shares.window;
	__u64 position, count;

	if (last == window || __sync_val_compare_and_swap(&shares.window, last, window) != last)
		return;
	position = bpf_ringbuf_query(&bulk, BPF_RB_CONS_POS);
	count = __sync_lock_test_and_set(&shares.payers, 0);
	shares.is_sole = count <= 1;
	shares.share = count ? (position - shares.position) / count : 0;
	if (shares.share < LEAST_SHARE)
		shares.share = LEAST_SHARE;
	shares.position = position;
}

/* Whether a record of the payer may go by the bulk lane. */
static __always_inline bool has_share(struct sniscope_payer *payer, __u64 time, __u32 size)
{
	__u64 window = time >> WINDOW_SHIFT;
	__u64 waiting;

	begin_window(window);
	if (payer->window != window) {
		payer->window = window;
		payer->bytes = 0;
		__sync_fetch_and_add(&shares.payers, 1);
	}
	__sync_fetch_and_add(&payer->bytes, size);
	waiting = bpf_ringbuf_query(&bulk, BPF_RB_AVAIL_DATA);
	if (waiting < bulk_size / 2 || payer->bytes <= shares.share)
		return true;
	/* Some room is left for whoever comes next. */
	return shares.is_sole && shares.payers <= 1 && waiting < bulk_size / 8 * 7;
}

/* Records wake nobody: the reader looks for them every few milliseconds, and says when it stops. */
static __always_inline void wake_reader(void)
{
	void *mark;

	if (!*(volatile __u32 *)&reader.sleeps || !__sync_lock_test_and_set(&reader.sleeps, 0))
		return;
	/* The record is in its ring already: an empty one behind it does it. */
	mark = bpf_ringbuf_reserve(&quick, sizeof(__u64), 0);
	if (mark)
		bpf_ringbuf_discard(mark, BPF_RB_FORCE_WAKEUP);
}

static __always_inline struct sniscope_payer *find_payer(__u64 key)
{
	struct sniscope_payer *payer = bpf_map_lookup_elem(&payers, &key);
	struct sniscope_payer new = {};

	if (payer)
		return payer;
	bpf_map_update_elem(&payers, &key, &new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&payers, &key);
}

static __always_inline void send(void *record, __u32 size, __u64 time, __u64 key)
{
	struct sniscope_payer *payer = find_payer(key);

	if (!payer) {
		count_lost(SNISCOPE_LOST_NO_MEMORY);
		return;
	}
	if (!is_quick(payer, time) || bpf_ringbuf_output(&quick, record, size, BPF_RB_NO_WAKEUP)) {
		if (!has_share(payer, time, size)) {
			count_lost(SNISCOPE_LOST_SHARE);
			__sync_fetch_and_add(&payer->lost_share, 1);
			return;
		}
		if (bpf_ringbuf_output(&bulk, record, size, BPF_RB_NO_WAKEUP)) {
			count_lost(SNISCOPE_LOST_RING_FULL);
			__sync_fetch_and_add(&payer->lost_ring_full, 1);
			return;
		}
		payer->bulk_time = time;
	}
	wake_reader();
}

#endif
