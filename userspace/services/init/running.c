/* SPDX-License-Identifier: MIT */
/* Starting programs for others: see running.h. All of the supervisor's thread. */
#include "userspace/services/init/running.h"

#include <stdio.h>
#include <string.h>

#include "gen/interface/supervisor_server.h"
#include "gen/objects.h"
#include "userspace/lib/service.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/stream.h"
#include "userspace/services/init/directory.h"
#include "userspace/services/init/manifest.h"
#include "userspace/services/init/supervisor.h"

#define CODE_ORPHAN 9u   /* who started it has ended */
#define CODE_ENDED  137u /* supervisor.end */
#define RUNNING_MAX 24u
#define RUN_BADGE_FIRST                                                                            \
    (PROGRAM_BADGE_FIRST + 64u) /* behind those of workloads; each is used once */
#define RIGHTS_OF_STARTER                                                                          \
    (RIGHT_PROCESS_END | RIGHT_PROCESS_SUSPEND | RIGHT_PROCESS_WAIT | RIGHT_TRANSFER)

static struct {
    uint64_t process; /* HANDLE_NONE: a free place */
    uint64_t badge;
    uint64_t owner; /* badge of who asked for it */
} running[RUNNING_MAX];
static uint64_t next_badge = RUN_BADGE_FIRST;
static uint64_t last_badge; /* of who has asked for the end of all: it ends the machine */

void running_end_of(uint64_t owner)
{
    for (unsigned i = 0; i < RUNNING_MAX; i++) {
        if (running[i].process != HANDLE_NONE && running[i].owner == owner &&
            running[i].badge != last_badge) {
            (void)sys_process_kill(running[i].process, CODE_ORPHAN);
        }
    }
}

void running_end_all(uint64_t but)
{
    last_badge = but;
    for (unsigned i = 0; i < RUNNING_MAX; i++) {
        if (running[i].process != HANDLE_NONE && running[i].badge != but) {
            (void)sys_process_kill(running[i].process, CODE_ORPHAN);
        }
    }
}

status_t running_end(uint64_t id)
{
    for (unsigned i = 0; i < RUNNING_MAX; i++) {
        uint64_t number;

        if (running[i].process != HANDLE_NONE &&
            sys_process_id(running[i].process, &number) == OK && number == id) {
            return sys_process_kill(running[i].process, CODE_ENDED);
        }
    }
    return ERR_NOT_FOUND;
}

/* Nobody tells us of the end: it is looked for when somebody wants to start another one. Returns a free place, RUNNING_MAX: none. */
static unsigned bury_ended(void)
{
    unsigned free_place = RUNNING_MAX;

    for (unsigned i = 0; i < RUNNING_MAX; i++) {
        uint64_t code, fault;

        if (running[i].process != HANDLE_NONE &&
            sys_process_wait(running[i].process, 0, &code, &fault) == OK) {
            directory_remove_client(running[i].badge);
            running_end_of(running[i].badge);
            (void)sys_handle_close(running[i].process);
            running[i].process = HANDLE_NONE;
        }
        if (running[i].process == HANDLE_NONE && free_place == RUNNING_MAX) {
            free_place = i;
        }
    }
    return free_place;
}

/* "STREAMS=ttt": letters that we do not know the program will not know either. */
static void tell_streams(struct run_words *words, uint32_t kinds, char *text, size_t bytes)
{
    snprintf(text, bytes, STREAM_VARIABLE "=%c%c%c", (int)(kinds & 0x7f), (int)(kinds >> 8 & 0x7f),
             (int)(kinds >> 16 & 0x7f));
    words->environment[words->variable_count] = text;
}

static status_t start(const struct run_words *words, uint32_t kinds, const uint64_t stream[STREAMS],
                      unsigned place)
{
    const struct manifest_program *listed = manifest_program(words->name);
    struct spawn_grant grants[MANIFEST_GRANTS_MAX + STREAMS];
    struct spawn_quota room;
    unsigned count = supervisor_admit(listed, next_badge, grants);
    struct program_file file;

    for (unsigned i = 0; i < STREAMS; i++) {
        uint32_t rights = stream_rights((char)(kinds >> (i * 8)));

        if (rights != 0) {
            grants[count++] = (struct spawn_grant){stream_names[i], stream[i], 0, rights};
        }
    }
    const struct spawn spawn = {
        .name = words->name,
        .args = words->args,
        .arg_count = words->arg_count,
        .args_only = true,
        .grants = grants,
        .grant_count = count,
        .priority_ceiling = listed != NULL ? listed->priority : 0,
        .quota = listed != NULL ? manifest_quota(listed, &room) : NULL,
        .environment = words->environment,
    };
    status_t status = program_open(words->name, &file);
    return status == OK ? program_spawn(&file, &spawn, &running[place].process) : status;
}

static bool may_start(const struct interface_request *request)
{
    const struct client *client = directory_client(request->in.badge);

    return client != NULL && (client->flags & MANIFEST_STARTS) != 0;
}

/* Each badge is used once, whatever becomes of it. Who asks gets a handle; without one nobody could end what has been started. */
static status_t start_for(uint64_t owner, const struct run_words *words, uint32_t kinds,
                          const uint64_t stream[STREAMS], unsigned place, uint64_t *out_process)
{
    status_t status = start(words, kinds, stream, place);

    if (status != OK) {
        directory_remove_client(next_badge++);
        return status;
    }
    running[place].badge = next_badge++;
    running[place].owner = owner;
    status = sys_handle_duplicate(running[place].process, RIGHTS_OF_STARTER, 0, out_process);
    if (status != OK) {
        (void)sys_process_kill(running[place].process, CODE_ORPHAN);
    }
    return status;
}

/* Handles are ours when we answer with OK, and closed for us if not: the program has its own of them. */
status_t supervisor_on_run(const struct interface_request *request, const void *words,
                           uint64_t words_bytes, uint32_t shape, uint64_t input, uint64_t output,
                           uint64_t errors, uint64_t *out_process)
{
    const uint64_t stream[STREAMS] = {input, output, errors};
    struct run_words parsed;
    char streams[32];

    if (!may_start(request)) {
        return ERR_NO_RIGHTS;
    }
    status_t status = run_words_parse(words, words_bytes, shape >> RUN_ARGUMENTS_SHIFT, &parsed);
    if (status != OK || supervisor_is_ending()) {
        return status != OK ? status : ERR_BUSY;
    }
    if (manifest_is_service(parsed.name)) {
        return ERR_NOT_SUPPORTED;
    }
    unsigned place = bury_ended();
    if (place == RUNNING_MAX) {
        return ERR_TABLE_FULL;
    }
    tell_streams(&parsed, shape, streams, sizeof(streams));
    status = start_for(request->in.badge, &parsed, shape, stream, place, out_process);
    for (unsigned i = 0; status == OK && i < STREAMS; i++) {
        (void)sys_handle_close(stream[i]);
    }
    return status;
}
