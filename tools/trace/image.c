/* SPDX-License-Identifier: MIT */
/*
 * Front end 2: an image of the trace region's memory (trace/ring/layout.h): a dump of physical memory, or of the region
 * alone, of a kernel that lives, is stopped, or is dead.
 *
 * Which sub-buffers can be believed follows from a lane's position alone (trace_oldest_intact() in layout.h). Each must say so
 * itself, in its header, or it is left out.
 */
#include "session.h"

#include <inttypes.h>

#define SEARCH_WINDOW_BYTES 0x10000u
#define SEARCH_STEP         8u /* core files place memory at any multiple of 8 */

static bool region_is_plausible(const struct trace_region *region)
{
    return region->magic == TRACE_REGION_MAGIC && region->version == TRACE_REGION_VERSION &&
           region->lane_count != 0 && region->lane_count <= TRACE_LANES_MAX &&
           region->subbuf_bytes == TRACE_SUBBUF_BYTES;
}

/* Where the region begins in the image; the end of the input if nowhere. */
static uint64_t find_region(const struct input *input, struct trace_region *region)
{
    static uint8_t window[SEARCH_WINDOW_BYTES];
    for (uint64_t base = 0; base < input->bytes; base += SEARCH_WINDOW_BYTES) {
        size_t count = input_read(input, base, window, sizeof(window));
        for (size_t at = 0; at + SEARCH_STEP <= count; at += SEARCH_STEP) {
            if (load64(window + at) == TRACE_REGION_MAGIC &&
                input_read(input, base + at, region, sizeof(*region)) == sizeof(*region) &&
                region_is_plausible(region)) {
                return base + at;
            }
        }
    }
    return input->bytes;
}

struct image_lane {
    unsigned index;
    uint64_t ring; /* file offset */
    uint64_t ring_bytes;
    uint64_t position;
};

static void add_subbuf(struct session *session, const struct image_lane *lane, uint64_t start)
{
    struct trace_subbuf header;
    uint64_t offset = lane->ring + (start & (lane->ring_bytes - 1));
    uint64_t bytes = MIN((uint64_t)TRACE_SUBBUF_BYTES, lane->position - start);
    if (bytes < sizeof(header)) {
        return; /* begun, but its header is not committed */
    }
    if (input_read(session->input, offset, &header, sizeof(header)) < sizeof(header)) {
        finding_add(&session->findings, FINDING_FILE_CUT,
                    "lane %u: the image ends before position %#" PRIx64, lane->index, start);
        return;
    }
    struct subbuf_entry entry = {.position = start,
                                 .offset = offset,
                                 .bytes = (uint32_t)(bytes & ~7ull),
                                 .complete = bytes == TRACE_SUBBUF_BYTES};
    session_add_subbuf(session, lane->index, &header, &entry);
}

static void scan_lane(struct session *session, uint64_t region_offset, unsigned index)
{
    const struct trace_lane_place *place = &session->region.lane[index];
    struct session_lane *lane = &session->lane[index];
    struct trace_lane control;
    uint64_t bytes = place->ring_bytes;
    bool is_ring = bytes >= TRACE_SUBBUF_BYTES && (bytes & (bytes - 1)) == 0 &&
                   place->control_offset <= session->input->bytes &&
                   place->ring_offset <= session->input->bytes && bytes <= session->input->bytes;
    if (!is_ring || input_read(session->input, region_offset + place->control_offset, &control,
                               sizeof(control)) < sizeof(control)) {
        finding_add(&session->findings, FINDING_SUBBUF, "lane %u lies outside the image", index);
        return;
    }
    lane->last_status = control;
    lane->has_last_status = true;
    struct image_lane image = {.index = index,
                               .ring = region_offset + place->ring_offset,
                               .ring_bytes = bytes,
                               .position = control.position};
    uint64_t start = trace_oldest_in(place, control.position);
    for (; start < control.position; start += TRACE_SUBBUF_BYTES) {
        add_subbuf(session, &image, start);
    }
}

status_t image_scan(struct session *session)
{
    struct trace_region region;
    uint64_t offset = find_region(session->input, &region);
    if (offset >= session->input->bytes) {
        complain("%s: is neither a capture nor an image of a trace region", session->input->name);
        return ERR_CORRUPT;
    }
    status_t status = session_set_region(session, &region);
    if (status != OK) {
        return status;
    }
    session->is_image = true;
    session->has_final_status = true;
    session->sessions = 1;
    for (unsigned i = 0; i < session->lane_count; i++) {
        scan_lane(session, offset, i);
    }
    return OK;
}
