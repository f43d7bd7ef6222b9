/* SPDX-License-Identifier: MIT */
/* What there is and what it uses, for who may inspect the whole machine. */
#include "arch/acpi.h"
#include "arch/clock.h"
#include "base/string.h"
#include "gen/syscall_handlers.h"
#include "kernel/abi/facts.h"
#include "mm/frame.h"
#include "syscall/syscall.h"
#include "vm/space.h"
#include "vm/user_copy.h"

static enum process_state state_of(const struct process *process)
{
    if (process->ended) {
        return PROCESS_ENDED;
    }
    if (process->ending) {
        return PROCESS_ENDING;
    }
    if (process->is_paused) {
        return PROCESS_SUSPENDED;
    }
    return process->started ? PROCESS_ALIVE : PROCESS_NEW;
}

static void describe(struct process *process, struct process_facts *facts)
{
    *facts = (struct process_facts){.id = process->object.id,
                                    .state = state_of(process),
                                    .threads = process->thread_count,
                                    .handles = process->handles.used,
                                    .time = clock_ns_of_ticks(process_ticks(process))};
    memcpy(facts->name, process->name, sizeof(facts->name));
    struct space *space = process_space_get(process);
    if (space != NULL) {
        facts->resident = space_count_resident(space);
        process_space_put(process);
    }
}

status_t sys_process_facts(struct object *system, uint32_t from, vaddr_t facts, uint64_t *out_id)
{
    (void)system;
    struct process *process = process_from(from);
    struct process_facts found;
    if (process == NULL) {
        return ERR_NOT_FOUND;
    }
    describe(process, &found);
    object_put(&process->object);
    *out_id = found.id;
    return user_copy_out(facts, &found, sizeof(found));
}

status_t sys_memory_facts(struct object *system, vaddr_t facts)
{
    (void)system;
    struct memory_facts found = {
        .free = frame_count(FRAME_FREE),
        .reserved = frame_count(FRAME_RESERVED),
        .kernel = frame_count(FRAME_KERNEL),
        .heap = frame_count(FRAME_HEAP),
        .tables = frame_count(FRAME_PAGE_TABLE),
        .stacks = frame_count(FRAME_STACK),
        .user = frame_count(FRAME_USER),
        .trace = frame_count(FRAME_TRACE),
        .pager = frame_count(FRAME_PAGER),
    };
    return user_copy_out(facts, &found, sizeof(found));
}

status_t sys_platform_facts(struct object *system, vaddr_t facts)
{
    (void)system;
    struct platform_facts found = {
        .hpet = acpi_info.hpet,
        .pci_config = acpi_info.pci_config.address,
        .pci_first_bus = acpi_info.pci_config.first_bus,
        .pci_last_bus = acpi_info.pci_config.last_bus,
    };
    return user_copy_out(facts, &found, sizeof(found));
}
