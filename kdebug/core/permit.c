/* SPDX-License-Identifier: MIT */
/* What this boot forbids (permit.h). */
#include "kdebug/core/permit.h"

#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/target.h"

static uint32_t locked;

static uint32_t class_named(const char *name, size_t length)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } classes[] = {
        {"reads", KD_READS}, {"writes", KD_WRITES}, {"io", KD_IO}, {"resumes", KD_RESUMES}};
    for (unsigned i = 0; i < ARRAY_COUNT(classes); i++) {
        if (strlen(classes[i].name) == length && strncmp(classes[i].name, name, length) == 0) {
            return classes[i].flag;
        }
    }
    return 0;
}

bool kd_permit_lock(const char *list)
{
    for (const char *at = list; *at != '\0';) {
        size_t length = 0;
        while (at[length] != '\0' && at[length] != ',') {
            length++;
        }
        uint32_t flag = class_named(at, length);
        if (flag == 0) {
            locked = KD_READS | KD_WRITES | KD_IO | KD_RESUMES;
            return false;
        }
        locked |= flag;
        at += length + (at[length] == ',' ? 1 : 0);
    }
    return true;
}

bool kd_permits(uint32_t classes)
{
    return (classes & locked) == 0;
}

void kd_require(uint32_t classes)
{
    if (!kd_permits(classes)) {
        kd_fail("this boot does not allow that (kdebug_lock=)");
    }
    if ((classes & KD_WRITES) && !kd_can_write()) {
        kd_fail("nothing can be changed in a dead machine");
    }
}

void kd_require_live(uint32_t classes)
{
    kd_require(classes);
    if (!kd_target->live) {
        kd_fail("needs a live machine");
    }
}
