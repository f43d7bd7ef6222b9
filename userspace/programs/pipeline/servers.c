/* SPDX-License-Identifier: MIT */
/* Parser, store and journal: each process gets the requests of its role. */
#include <stdio.h>
#include <string.h>

#include "gen/interface/lifecycle_server.h"
#include "gen/interface/pipeline_client.h"
#include "gen/interface/pipeline_server.h"
#include "kernel/base/crc32c.h"
#include "userspace/lib/format.h"
#include "userspace/lib/option.h"
#include "userspace/lib/random.h"
#include "userspace/lib/service.h"
#include "userspace/programs/pipeline/pipeline.h"

#define PLACES    4096u /* of the store, a power of two */
#define WORDS_MAX 3u
#define ENTRY_MAX 64u

static struct place {
    uint64_t key, value; /* value 0: free */
} places[PLACES];

static uint64_t entries;
static uint32_t checksum;

static void note(const char *entry)
{
    entries++;
    checksum = crc32c(checksum, entry, strlen(entry));
}

/* ---- the parser ---- */

/* Cuts a text into words in place; returns how many, WORDS_MAX + 1 for too many. */
static unsigned split(char *text, char *words[WORDS_MAX])
{
    unsigned count = 0;

    for (char *at = text; at != NULL && count <= WORDS_MAX; count++) {
        char *end = strchr(at, ' ');
        if (count < WORDS_MAX) {
            words[count] = at;
        }
        if (end != NULL) {
            *end = '\0';
        }
        at = end != NULL ? end + 1 : NULL;
    }
    return count;
}

static bool read_number(const char *word, uint64_t *out)
{
    return number_parse(word, (unsigned)strlen(word), out);
}

status_t pipeline_on_command(const struct interface_request *request, const char *text,
                             uint64_t *out_value)
{
    char copy[ENTRY_MAX + 1], *words[WORDS_MAX];
    uint64_t key, value;

    (void)request;
    string_copy(copy, text, sizeof(copy));
    unsigned count = split(copy, words);
    if (count < 2 || !read_number(words[1], &key)) {
        return ERR_BAD_ARGUMENT;
    }
    if (count == 3 && strcmp(words[0], "put") == 0 && read_number(words[2], &value) && value != 0) {
        return pipeline_put(program_handle("next"), key, value, LONG, out_value);
    }
    if (count == 2 && strcmp(words[0], "get") == 0) {
        return pipeline_get(program_handle("next"), key, LONG, out_value);
    }
    return ERR_BAD_ARGUMENT;
}

/* ---- the store ---- */

/* Where a key is, or where it would go; NULL: there is no room. */
static struct place *find_place(uint64_t key)
{
    uint64_t at = random_mix(key);

    for (unsigned tries = 0; tries < PLACES; tries++, at++) {
        struct place *place = &places[at % PLACES];
        if (place->value == 0 || place->key == key) {
            return place;
        }
    }
    return NULL;
}

status_t pipeline_on_put(const struct interface_request *request, uint64_t key, uint64_t value,
                         uint64_t *out_before)
{
    struct place *place = find_place(key);
    char entry[ENTRY_MAX];

    (void)request;
    if (place == NULL) {
        return ERR_NO_SPACE;
    }
    *out_before = place->value;
    *place = (struct place){key, value};
    snprintf(entry, sizeof(entry), "%lu = %lu", key, value);
    must(pipeline_append(program_handle("next"), entry, LONG));
    note(entry);
    return OK;
}

status_t pipeline_on_get(const struct interface_request *request, uint64_t key, uint64_t *out_value)
{
    const struct place *place = find_place(key);

    (void)request;
    *out_value = place != NULL ? place->value : 0;
    return OK;
}

/* ---- the journal ---- */

status_t pipeline_on_append(const struct interface_request *request, const char *entry)
{
    (void)request;
    note(entry);
    return OK;
}

/* ---- store and journal ---- */

status_t pipeline_on_totals(const struct interface_request *request, uint64_t *out_entries,
                            uint64_t *out_checksum)
{
    (void)request;
    *out_entries = entries;
    *out_checksum = checksum;
    return OK;
}

void be_server(void)
{
    static char buffer[PIPELINE_COMMAND_TEXT_MAX + 1];
    static const struct interface *const interfaces[] = {&pipeline_interface, &lifecycle_interface};
    const struct interface_server server = {
        program_handle("requests"), 2, interfaces, buffer, sizeof(buffer), NULL};

    interface_serve(&server);
}
