/* SPDX-License-Identifier: MIT */
/*
 * What the two front ends share: checks of region and sub-buffer headers, and the order of the index.
 *
 * Nothing here trusts the file: counts are bounded before they index, a sub-buffer gets in only if its own header agrees
 * with its carrier, and of several copies of one sub-buffer (an unfinished one may be sent again) the longest stays.
 */
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GUESSED_TSC_KHZ 1000000u /* 1 tick = 1 ns, so that times at least keep their proportions */

static const char *const kind_suffix[] = {"", " nmi", ""};

const char *session_lane_name(const struct session *session, unsigned lane, char *buffer)
{
    const struct session_lane *place = &session->lane[lane];
    if (place->kind == TRACE_LANE_META) {
        snprintf(buffer, LANE_NAME_BYTES, "meta");
    } else {
        snprintf(buffer, LANE_NAME_BYTES, "cpu %u%s", (unsigned)place->cpu,
                 kind_suffix[place->kind]);
    }
    return buffer;
}

static void terminate_texts(struct trace_region *region)
{
    region->version_text[sizeof(region->version_text) - 1] = '\0';
    region->cmdline[sizeof(region->cmdline) - 1] = '\0';
}

status_t session_set_region(struct session *session, const struct trace_region *region)
{
    const char *name = session->input->name;
    if (region->magic != TRACE_REGION_MAGIC) {
        complain("%s: the region header has no magic", name);
        return ERR_CORRUPT;
    }
    if (region->version != TRACE_REGION_VERSION || region->subbuf_bytes != TRACE_SUBBUF_BYTES) {
        complain("%s: region version %u with sub-buffers of %u bytes; this program reads version "
                 "%u with %u",
                 name, region->version, region->subbuf_bytes, TRACE_REGION_VERSION,
                 TRACE_SUBBUF_BYTES);
        return ERR_NOT_SUPPORTED;
    }
    if (region->lane_count == 0 || region->lane_count > TRACE_LANES_MAX ||
        region->cpu_count > CPU_MAX) {
        complain("%s: the region header names %u lanes and %u cores", name, region->lane_count,
                 region->cpu_count);
        return ERR_CORRUPT;
    }
    for (unsigned i = 0; i < region->lane_count; i++) {
        if (region->lane[i].cpu >= CPU_MAX || region->lane[i].kind > TRACE_LANE_META) {
            complain("%s: lane %u of the region header cannot be true", name, i);
            return ERR_CORRUPT;
        }
    }
    session->region = *region;
    terminate_texts(&session->region);
    session->lane_count = region->lane_count;
    for (unsigned i = 0; i < region->lane_count; i++) {
        session->lane[i].cpu = (uint16_t)region->lane[i].cpu;
        session->lane[i].kind = (uint16_t)region->lane[i].kind;
    }
    return OK;
}

/* Without a START block lanes become known as their first sub-buffers come by. */
static bool guess_lane(struct session *session, unsigned lane, const struct trace_subbuf *header)
{
    if (header->cpu >= CPU_MAX || header->kind > TRACE_LANE_META) {
        return false;
    }
    struct session_lane *place = &session->lane[lane];
    if (place->entries == 0) {
        place->cpu = header->cpu;
        place->kind = header->kind;
    }
    session->lane_count = MAX(session->lane_count, lane + 1);
    session->region.lane_count = session->lane_count;
    session->region.cpu_count = MAX(session->region.cpu_count, header->cpu + 1u);
    if (session->region.boot_id == 0) {
        session->region.boot_id = header->boot_id;
    }
    return true;
}

static const char *judge_header(const struct session *session, unsigned lane,
                                const struct trace_subbuf *header, const struct subbuf_entry *entry)
{
    if (header->magic != TRACE_SUBBUF_MAGIC) {
        return "has no magic";
    }
    if (lane >= session->lane_count) {
        return "belongs to no lane";
    }
    if (header->cpu != session->lane[lane].cpu || header->kind != session->lane[lane].kind) {
        return "belongs to another lane";
    }
    if (header->boot_id != session->region.boot_id) {
        return "is of another boot";
    }
    if (header->tsc > TSC_MAX) {
        return "has an impossible time";
    }
    if (header->position != entry->position || header->position % TRACE_SUBBUF_BYTES != 0) {
        return "has a wrong position";
    }
    return NULL;
}

void session_add_subbuf(struct session *session, unsigned lane, const struct trace_subbuf *header,
                        const struct subbuf_entry *entry)
{
    const char *wrong = NULL;
    if (session->is_guessed && lane < TRACE_LANES_MAX && header->magic == TRACE_SUBBUF_MAGIC &&
        !guess_lane(session, lane, header)) {
        wrong = "belongs to no core";
    }
    if (wrong == NULL) {
        wrong = judge_header(session, lane, header, entry);
    }
    if (wrong != NULL) {
        finding_add(&session->findings, FINDING_SUBBUF,
                    "lane %u, position %#" PRIx64 ", file offset %#" PRIx64 ": the sub-buffer %s",
                    lane, entry->position, entry->offset, wrong);
        return;
    }
    struct session_lane *place = &session->lane[lane];
    place->entry =
        array_grow(place->entry, place->entries, &place->capacity, sizeof(*place->entry));
    place->entry[place->entries] = *entry;
    place->entry[place->entries].tsc = header->tsc;
    place->entries++;
}

/* By position; of equal ones the longest first, then the one that came first. */
static int compare_entries(const void *left, const void *right)
{
    const struct subbuf_entry *a = left;
    const struct subbuf_entry *b = right;
    if (a->position != b->position) {
        return a->position < b->position ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void order_lane(struct session_lane *lane)
{
    bool sorted = true;
    for (size_t i = 1; i < lane->entries && sorted; i++) {
        sorted = compare_entries(&lane->entry[i - 1], &lane->entry[i]) <= 0;
    }
    if (!sorted) {
        qsort(lane->entry, lane->entries, sizeof(*lane->entry), compare_entries);
    }
    size_t kept = 0;
    bool damage = false;
    for (size_t i = 0; i < lane->entries; i++) {
        const struct subbuf_entry *entry = &lane->entry[i];
        damage = damage || entry->damage_before;
        if (entry->dropped) {
            lane->verdicts++;
            continue;
        }
        if (kept != 0 && lane->entry[kept - 1].position == entry->position) {
            continue;
        }
        lane->entry[kept] = *entry;
        lane->entry[kept].damage_before = damage;
        damage = false;
        kept++;
    }
    lane->entries = kept;
}

static status_t settle_schema(struct session *session)
{
    if (session->schema.hash == 0) {
        if (!session->is_guessed && session->region.schema_hash != schema_builtin_hash()) {
            complain("%s: it was recorded with schema %016" PRIx64
                     " and does not hold it; this program knows %016" PRIx64,
                     session->input->name, session->region.schema_hash, schema_builtin_hash());
            return ERR_NOT_SUPPORTED;
        }
        schema_builtin(&session->schema);
    }
    return OK;
}

static status_t settle(struct session *session)
{
    status_t status = settle_schema(session);
    if (status != OK) {
        return status;
    }
    for (unsigned i = 0; i < session->lane_count; i++) {
        order_lane(&session->lane[i]);
    }
    struct trace_region *region = &session->region;
    if (region->tsc_khz == 0) {
        finding_add(&session->findings, FINDING_START_MISSING,
                    "the clock's frequency is unknown: one tick is shown as one nanosecond");
    }
    clock_init(&session->clock, region->clock_tsc, region->clock_ns,
               region->tsc_khz != 0 ? region->tsc_khz : GUESSED_TSC_KHZ);
    session_find_ends(session);
    return OK;
}

status_t session_open(struct session *session, const struct input *input, unsigned number)
{
    memset(session, 0, sizeof(*session));
    session->input = input;
    status_t status = OK;
    uint64_t magic = 0;
    bool starts_as_region = input_read(input, 0, &magic, 8) == 8 && magic == TRACE_REGION_MAGIC;
    if (!starts_as_region) {
        status = capture_scan(session, number);
    }
    if (starts_as_region ||
        (status == ERR_CORRUPT && session->blocks == 0 && session->sessions == 0)) {
        finding_free(&session->findings);
        status = image_scan(session);
        if (status == OK && number != 0) {
            complain("%s: a memory image holds one session", input->name);
            status = ERR_NOT_FOUND;
        }
    }
    if (status == OK) {
        status = settle(session);
    }
    if (status != OK) {
        session_close(session);
    }
    return status;
}

void session_close(struct session *session)
{
    for (unsigned i = 0; i < TRACE_LANES_MAX; i++) {
        free(session->lane[i].entry);
    }
    free(session->symbols);
    schema_free(&session->schema);
    finding_free(&session->findings);
    memset(session, 0, sizeof(*session));
}
