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

/* "duplicate transfer send"; "all" where nothing of the type is missing. */
static void show_rights(enum object_type type, uint32_t rights)
{
    if (rights == object_rights_all(type)) {
        kd_print("all");
        return;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        if (rights >> bit & 1) {
            const char *name = object_right_name(type, bit);
            kd_print("%s%s", name, rights >> bit == 1 ? "" : " ");
        }
    }
}

/* Id of the lease that an entry is under, with ! if it or one of its parents has ended. */
static void show_lease(const struct handle_entry *entry)
{
    struct lease lease;
    vaddr_t next = (vaddr_t)entry->lease;
    uint32_t id = 0;
    bool ended = false;
    for (unsigned depth = 0; next != 0 && depth < LEASE_DEPTH_MAX; depth++) {
        kd_fetch(next, &lease, sizeof(lease), "lease");
        id = depth == 0 ? lease.object.id : id;
        ended |= atomic_load_explicit(&lease.ended, memory_order_relaxed);
        next = (vaddr_t)lease.parent;
    }
    if (id == 0) {
        kd_print("%6s  ", "-");
    } else {
        kd_print("%5u%c  ", id, ended ? '!' : ' ');
    }
}

static void show_handle(const struct kd_value *value)
{
    struct handle_entry entry;
    char object[80];
    kd_fetch(value->bits, &entry, sizeof(entry), "handle entry");
    kd_object_text((vaddr_t)entry.object, object, sizeof(object));
    uint64_t handle = atomic_load_explicit(&entry.handle, memory_order_relaxed);
    kd_print("%10llx  %-32s  %8llx  ", (unsigned long long)handle, object,
             (unsigned long long)entry.badge);
    show_lease(&entry);
    show_rights(handle_type(&entry), entry.rights);
    kd_print("\n");
}

const struct kd_type kd_type_handle = {
    .name = "handle",
    .structure = "handle_entry",
    .header = "    HANDLE  OBJECT                               BADGE   LEASE  RIGHTS",
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
KD_COMMAND(handles, .usage = "PID",
           .help = "open handles of a process; ! marks a lease that has ended",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_handles);
