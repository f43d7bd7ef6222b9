/* SPDX-License-Identifier: MIT */
/* pager: what is paged out. */
#include "kdebug/core/command.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "mm/frame.h"
#include "vm/pager_impl.h"

static unsigned long number(const atomic_ulong *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void show_requests(vaddr_t address)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_list_begin(&walk, address + offsetof(struct pager, requests));
    while (kd_list_next(&walk, &node)) {
        struct page_request request;
        kd_fetch(node - offsetof(struct page_request, link), &request, sizeof(request), "request");
        kd_print("  page 0x%llx of area 0x%llx is waited for\n", (unsigned long long)request.page,
                 (unsigned long long)(vaddr_t)request.area);
    }
}

static void run_pager(struct kd_call *call)
{
    static struct pager pager;
    kd_arg_done(call);
    vaddr_t address = kd_fetch_word(KD_GLOBAL(pager_current), "pager");
    if (address == 0) {
        kd_print("there is no pager\n");
        return;
    }
    kd_fetch(address, &pager, sizeof(pager), "pager");
    kd_print("pager %u at 0x%llx: %lu of %llu pages out%s\n", pager.object.id,
             (unsigned long long)address, number(&pager.pages_out),
             (unsigned long long)pager.pages_max,
             atomic_load_explicit(&pager.is_full, memory_order_relaxed) ? ", full" : "");
    kd_print("  fetched %lu, taken back on their way %lu, refused %lu, lost %lu\n",
             number(&pager.fetched), number(&pager.returned), number(&pager.refused),
             number(&pager.lost));
    kd_print("  memory is %s; room made %llu times, none found %llu times; reserve %llu frames\n",
             kd_fetch_word(KD_GLOBAL(frame_short), "frames") & 1 ? "short" : "not short",
             (unsigned long long)pager.rooms, (unsigned long long)pager.vain,
             (unsigned long long)pager.reserve);
    if (pager.batch.area != NULL) {
        kd_print("  leaving: %u pages of area 0x%llx\n", pager.batch.count - pager.batch.next,
                 (unsigned long long)(vaddr_t)pager.batch.area);
    }
    show_requests(address);
}
KD_COMMAND(pager, .usage = "", .help = "what is paged out, what is waited for", .flags = KD_READS,
           .run = run_pager);
