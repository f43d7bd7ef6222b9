/* SPDX-License-Identifier: MIT */
/* locks order: which class of lock has been taken while which other was held, and where first. */
#include "sync/lock_order.h"

#include "kdebug/cmd/lock.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static vaddr_t address_of(unsigned index)
{
    return KD_GLOBAL(lock_orders) + index * sizeof(struct lock_order);
}

static bool has_been_seen(unsigned index)
{
    return kd_fetch_word(address_of(index) + offsetof(struct lock_order, taken_at),
                         "order of locks") != 0;
}

static void print_class(const char *name, unsigned rank)
{
    char text[32];
    kd_lock_fetch_name(name, text, sizeof(text));
    kd_print("%-18s  %4u  ", text, rank);
}

static void show_order(const struct kd_value *value)
{
    struct lock_order order;
    unsigned index = (unsigned)((value->bits - address_of(0)) / sizeof(order));
    unsigned held = index / LOCK_RANKS, taken = index % LOCK_RANKS;
    kd_fetch(value->bits, &order, sizeof(order), "order of locks");
    print_class(order.held, held != 0 ? held : taken);
    print_class(order.taken, taken);
    kd_print_address(atomic_load_explicit(&order.held_at, memory_order_relaxed));
    kd_print("  ");
    kd_print_address(atomic_load_explicit(&order.taken_at, memory_order_relaxed));
    kd_print("%s\n",
             index < LOCK_ORDERS && has_been_seen(lock_order_opposite(index)) ? "  BOTH WAYS" : "");
}

static const struct kd_type kd_type_lock_order = {
    .name = "order",
    .structure = "lock_order",
    .header = "HELD                RANK  TAKEN               RANK  HELD AT  TAKEN AT",
    .show = show_order,
};

void kd_lock_list_orders(struct kd_call *call)
{
    uint32_t count;
    kd_fetch(KD_GLOBAL(lock_order_count), &count, sizeof(count), "order of locks");
    if (count == 0) {
        kd_fail("only debug builds record the order of locks (make MODE=debug)");
    }
    for (unsigned i = 0; i < LOCK_ORDERS; i++) {
        if (has_been_seen(i) && !kd_emit(call, kd_value_of(address_of(i), &kd_type_lock_order))) {
            return;
        }
    }
}
