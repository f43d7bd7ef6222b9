/* SPDX-License-Identifier: MIT */
/* events: those that processes hold, and who waits for which signals. futexes: who waits on which words. Channels are areas with an
 * event or a futex: both ends show here. */
#include "ipc/event.h"

#include "ipc/futex.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/cmd/wait.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static void show_event(const struct kd_value *value)
{
    struct event event;
    struct kd_list_walk walk;
    vaddr_t node;
    kd_fetch(value->bits, &event, sizeof(event), "event");
    event.name[NAME_BYTES - 1] = '\0';
    kd_print("%6u  %-20s  %7u  %016llx  %s\n", event.object.id, event.name, event.handles,
             (unsigned long long)event.signals, event.closed ? "closed" : "open");
    kd_list_begin(&walk, value->bits + offsetof(struct event, waiters));
    while (kd_list_next(&walk, &node)) {
        struct event_waiter waiter;
        kd_fetch(node - offsetof(struct event_waiter, link), &waiter, sizeof(waiter), "waiter");
        kd_print("        ");
        kd_wait_print((vaddr_t)waiter.thread);
        kd_print(" waits for %llx\n", (unsigned long long)waiter.mask);
    }
}

static const struct kd_type kd_type_event = {
    .name = "event",
    .header = "    ID  NAME                  HANDLES  SIGNALS           STATE",
    .show = show_event,
};

/* An event is shown where its first handle is found: that of the lowest process in the list. */
struct search {
    struct kd_call *call;
    vaddr_t process, object;
    bool found;
};

static bool match_object(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct search *search = context;
    search->found |= (vaddr_t)copy->object == search->object;
    return !search->found;
}

static bool match_before(vaddr_t process, void *context)
{
    struct search *search = context;
    if (process == search->process) {
        return false;
    }
    kd_each_handle(process, match_object, search);
    return !search->found;
}

static bool is_known(vaddr_t process, vaddr_t object)
{
    struct search search = {.process = process, .object = object};
    kd_each_process(match_before, &search);
    return search.found;
}

static bool list_event(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct search *search = context;
    vaddr_t object = (vaddr_t)copy->object;
    if (handle_type(copy) != OBJECT_EVENT || is_known(search->process, object)) {
        return true;
    }
    return kd_emit(search->call, kd_value_of(object, &kd_type_event));
}

static bool list_process(vaddr_t process, void *context)
{
    struct search *search = context;
    search->process = process;
    kd_each_handle(process, list_event, search);
    return true;
}

static void run_events(struct kd_call *call)
{
    struct search search = {.call = call};
    kd_arg_done(call);
    kd_each_process(list_process, &search);
}
KD_COMMAND(events, .usage = "",
           .help = "events that processes hold, and who waits for which signals",
           .flags = KD_READS | KD_GIVES, .run = run_events);

static void run_futexes(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("WORD (PHYSICAL)   WAITER\n");
    for (unsigned i = 0; i < FUTEX_BUCKETS; i++) {
        struct kd_list_walk walk;
        vaddr_t node;
        kd_list_begin(&walk, KD_GLOBAL(futex_buckets) + i * sizeof(struct futex_bucket) +
                                 offsetof(struct futex_bucket, waiters));
        while (kd_list_next(&walk, &node)) {
            struct futex_waiter waiter;
            kd_fetch(node - offsetof(struct futex_waiter, link), &waiter, sizeof(waiter), "waiter");
            kd_print("%016llx  ", (unsigned long long)((vaddr_t)waiter.word - DIRECT_MAP_BASE));
            kd_wait_print((vaddr_t)waiter.thread);
            kd_print("\n");
        }
    }
}
KD_COMMAND(futexes, .usage = "", .help = "who waits on which words of user memory",
           .flags = KD_READS, .run = run_futexes);
