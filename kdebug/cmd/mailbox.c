/* SPDX-License-Identifier: MIT */
/* mailboxes: every mailbox somebody has a handle to, with who waits there. */
#include "ipc/mailbox_impl.h"

#include "base/string.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define SEEN_MAX 512u

static void print_waiters(const char *what, vaddr_t head)
{
    struct kd_list_walk walk;
    vaddr_t node;
    bool first = true;
    kd_list_begin(&walk, head);
    while (kd_list_next(&walk, &node)) {
        uint32_t tid;
        kd_fetch(node - offsetof(struct thread, wait_link) + offsetof(struct thread, tid), &tid,
                 sizeof(tid), "thread");
        if (first) {
            kd_print("       %s", what);
            first = false;
        }
        kd_print(" %u", tid);
    }
    if (!first) {
        kd_print("\n");
    }
}

static void show_mailbox(const struct kd_value *value)
{
    struct mailbox mailbox;
    kd_fetch(value->bits, &mailbox, sizeof(mailbox), "mailbox");
    mailbox.name[NAME_BYTES - 1] = '\0';
    kd_print("%5u  %-20s  %8u  %10llu  %12llu  %s\n", mailbox.object.id, mailbox.name,
             atomic_load_explicit(&mailbox.object.handles, memory_order_relaxed),
             (unsigned long long)mailbox.calls, (unsigned long long)mailbox.bytes,
             mailbox.closed ? "closed" : "open");
    print_waiters("callers:", value->bits + offsetof(struct mailbox, callers));
    print_waiters("receivers:", value->bits + offsetof(struct mailbox, receivers));
}

const struct kd_type kd_type_mailbox = {
    .name = "mailbox",
    .header = "   ID  NAME                   HANDLES       CALLS   BYTES COPIED  STATE",
    .show = show_mailbox,
};

/* A mailbox turns up once per handle; it is shown once. Beyond SEEN_MAX mailboxes some may show
 * twice. */
struct listing {
    struct kd_call *call;
    unsigned seen_count;
    bool stopped;
};
static vaddr_t seen[SEEN_MAX];

static bool list_handle(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct listing *listing = context;
    vaddr_t object = (vaddr_t)copy->object;
    if (handle_type(copy) != OBJECT_MAILBOX) {
        return true;
    }
    for (unsigned i = 0; i < listing->seen_count; i++) {
        if (seen[i] == object) {
            return true;
        }
    }
    if (listing->seen_count < SEEN_MAX) {
        seen[listing->seen_count++] = object;
    }
    listing->stopped = !kd_emit(listing->call, kd_value_of(object, &kd_type_mailbox));
    return !listing->stopped;
}

static bool list_process(vaddr_t process, void *context)
{
    struct listing *listing = context;
    kd_each_handle(process, list_handle, context);
    return !listing->stopped;
}

static void run_mailboxes(struct kd_call *call)
{
    struct listing listing = {.call = call};
    kd_arg_done(call);
    kd_each_process(list_process, &listing);
}
KD_COMMAND(mailboxes, .usage = "", .help = "mailboxes with waiting callers and receivers",
           .flags = KD_READS | KD_GIVES, .run = run_mailboxes);

/* Why messages took the general path (ipc/direct.c). */
static void run_detours(struct kd_call *call)
{
    kd_arg_done(call);
    kd_print("CORE");
    for (unsigned why = 0; why < MAILBOX_DETOURS; why++) {
        kd_print("  %10s", kd_enum_name("detour", why));
    }
    kd_print("\n");
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        uint64_t counts[MAILBOX_DETOURS];
        kd_fetch(KD_GLOBAL(mailbox_detours) + cpu * sizeof(counts), counts, sizeof(counts),
                 "mailbox_detours");
        kd_print("%4u", cpu);
        for (unsigned why = 0; why < MAILBOX_DETOURS; why++) {
            kd_print("  %10llu", (unsigned long long)counts[why]);
        }
        kd_print("\n");
    }
}
KD_COMMAND(detours, .usage = "", .help = "how many messages took the general path, and why",
           .flags = KD_READS, .run = run_detours);
