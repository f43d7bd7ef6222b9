/* SPDX-License-Identifier: MIT */
/* Walking lists of the target with every step checked (list_walk.h). */
#include "kdebug/core/list_walk.h"

#include "base/list.h"
#include "kdebug/core/command.h"
#include "kdebug/core/target.h"

#define STEPS_MAX 1000000u

static void fetch_node(const struct kd_list_walk *walk, vaddr_t node, struct list *out)
{
    if (kd_read(walk->space, node, out, sizeof(*out)) != OK) {
        kd_fail("list node at 0x%llx cannot be read", (unsigned long long)node);
    }
}

void kd_list_begin(struct kd_list_walk *walk, vaddr_t head)
{
    *walk = (struct kd_list_walk){.head = head, .at = head};
}

bool kd_list_next(struct kd_list_walk *walk, vaddr_t *out_node)
{
    struct list here, there;
    fetch_node(walk, walk->at, &here);
    vaddr_t next = (vaddr_t)here.next;
    if (next == walk->head) {
        return false;
    }
    if (++walk->steps > STEPS_MAX) {
        kd_fail("the list at 0x%llx does not end", (unsigned long long)walk->head);
    }
    fetch_node(walk, next, &there);
    if ((vaddr_t)there.prev != walk->at) {
        kd_fail("the list at 0x%llx is broken: 0x%llx has next 0x%llx, which has prev 0x%llx",
                (unsigned long long)walk->head, (unsigned long long)walk->at,
                (unsigned long long)next, (unsigned long long)(vaddr_t)there.prev);
    }
    walk->at = next;
    *out_node = next;
    return true;
}
