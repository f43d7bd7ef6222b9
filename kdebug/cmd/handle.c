/* SPDX-License-Identifier: MIT */
/* handles: what a process holds. */
#include "kdebug/cmd/handle.h"

#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

void kd_each_handle(vaddr_t process,
                    bool (*visit)(vaddr_t entry, const struct handle_entry *copy, void *context),
                    void *context)
{
    vaddr_t table = process + offsetof(struct process, handles);
    for (unsigned chunk = 0; chunk < HANDLE_MAX / HANDLE_CHUNK; chunk++) {
        vaddr_t entries = kd_fetch_word(
            table + offsetof(struct handle_table, chunk) + chunk * sizeof(vaddr_t), "handle table");
        for (unsigned i = 0; entries != 0 && i < HANDLE_CHUNK; i++) {
            struct handle_entry copy;
            vaddr_t entry = entries + i * sizeof(copy);
            kd_fetch(entry, &copy, sizeof(copy), "handle entry");
            if (copy.object != NULL && !visit(entry, &copy, context)) {
                return;
            }
        }
    }
}

static void show_handle(const struct kd_value *value)
{
    struct handle_entry entry;
    char object[80];
    kd_fetch(value->bits, &entry, sizeof(entry), "handle entry");
    kd_object_text((vaddr_t)entry.object, object, sizeof(object));
    uint64_t handle = atomic_load_explicit(&entry.handle, memory_order_relaxed);
    kd_print("%10llx  %-32s  %8llx  %6x\n", (unsigned long long)handle, object,
             (unsigned long long)entry.badge, entry.rights);
}

const struct kd_type kd_type_handle = {
    .name = "handle",
    .structure = "handle_entry",
    .header = "    HANDLE  OBJECT                               BADGE  RIGHTS",
    .show = show_handle,
};

static bool list_handle(vaddr_t entry, const struct handle_entry *copy UNUSED, void *context)
{
    return kd_emit(context, kd_value_of(entry, &kd_type_handle));
}

static void run_handles(struct kd_call *call)
{
    vaddr_t process = kd_arg_process(call);
    if (process == 0) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_each_handle(process, list_handle, call);
}
KD_COMMAND(handles, .usage = "PID", .help = "open handles of a process",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_handles);
