/* SPDX-License-Identifier: MIT */
/*
 * Packets that let the machine go on (stub.h). All threads stop and go together. Any thread that a core runs can be
 * stepped; the other cores are held while it does so in the kernel (core/run.c). Source: gdb manual, "Packets", "vCont packet".
 */
#include "kdebug/remote/stub.h"

#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/run.h"
#include "kdebug/core/session.h"

struct action {
    char kind; /* c, s, r or t */
    uint64_t start, end;
    struct kd_remote_id id;
};

void kd_remote_go_on(void)
{
    kd_session_end();
    kd_remote.is_leaving = true;
}

static void go_by(const struct action *action)
{
    bool steps = action->kind != 'c';
    if (!kd_permits(steps ? KD_RESUMES : 0)) {
        kd_remote_say("E03");
        return;
    }
    if (action->kind == 'r') {
        kd_run_step_range(action->start, action->end);
    } else {
        kd_run_step(steps ? 1 : 0);
    }
    kd_remote_go_on();
}

void kd_remote_resume(const char *at)
{
    char kind = kd_remote.received.data[0];
    struct action action = {.kind = kind == 's' || kind == 'S' ? 's' : 'c'};
    bool has_signal = kind == 'C' || kind == 'S';
    at += has_signal ? MIN(strlen(at), (size_t)2) : 0;
    if (*at != '\0') {
        kd_remote_say("E01"); /* "continue at": gdb sets rip itself */
        return;
    }
    go_by(&action);
}

static bool take_action(const char **at, struct action *out)
{
    char kind = **at;
    *out = (struct action){.kind = (char)(kind | 0x20), .id = {KD_REMOTE_ANY, KD_REMOTE_ANY}};
    if (kind == '\0' || strchr("cCsSrt", kind) == NULL) {
        return false;
    }
    ++*at;
    if (kind == 'C' || kind == 'S') {
        *at += MIN(strlen(*at), (size_t)2); /* a signal, which means nothing here */
    }
    if (kind == 'r' && (!kd_hex_number(at, &out->start) || !kd_hex_take(at, ',') ||
                        !kd_hex_number(at, &out->end))) {
        return false;
    }
    if (kd_hex_take(at, ':') && !kd_remote_take_id(at, &out->id)) {
        return false;
    }
    return **at == '\0' || kd_hex_take(at, ';');
}

static bool is_step(const struct action *action)
{
    return action->kind == 's' || action->kind == 'r';
}

/* The core that runs the thread an action means; negative: none does. Any thread is the one that has stopped. */
static int core_of(const struct action *action)
{
    bool is_any = action->id.tid == KD_REMOTE_ANY;
    return kd_remote_cpu(is_any ? kd_remote_stopped_id() : action->id);
}

static bool means_stopped(const struct action *action)
{
    return action->id.tid == KD_REMOTE_ANY || action->id.tid == kd_remote_stopped_id().tid;
}

/* vCont;action[:thread]...: the first step, wherever its thread runs, else the first for the thread that has stopped. Everybody goes
 * on with it. */
void kd_remote_resume_threads(const char *at)
{
    struct action chosen = {0}, action;
    do {
        if (!take_action(&at, &action)) {
            kd_remote_say("E01");
            return;
        }
        bool is_better = is_step(&action) && !is_step(&chosen);
        if (is_better || (chosen.kind == '\0' && means_stopped(&action))) {
            chosen = action;
        }
    } while (*at != '\0');
    int core = chosen.kind == '\0' ? -1 : core_of(&chosen);
    if (core < 0 || (is_step(&chosen) && !kd_run_can_step((unsigned)core))) {
        kd_remote_say("E16"); /* no core runs this thread */
    } else if (chosen.kind == 't') {
        kd_remote_say("OK"); /* it stands still already */
    } else {
        kd_session_select((unsigned)core);
        go_by(&chosen);
    }
}
