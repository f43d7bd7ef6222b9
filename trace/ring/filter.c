/* SPDX-License-Identifier: MIT */
/* Filters: see filter.h. */
#include "trace/ring/filter.h"

#include "gen/trace_table.h"

/* All ones in the low bits of a field. */
static uint64_t mask_of(const struct trace_field *field)
{
    return field->bits >= 64 ? ~0ull : (1ull << field->bits) - 1;
}

static bool is_signed(const struct trace_field *field)
{
    return field->kind == TRACE_KIND_STATUS || field->kind == TRACE_KIND_CODE;
}

static bool fits(const struct trace_field *field, uint64_t value)
{
    uint64_t mask = mask_of(field);
    if (!is_signed(field)) {
        return value <= mask;
    }
    int64_t number = (int64_t)value, limit = (int64_t)(mask >> 1);
    return number <= limit && number >= -limit - 1;
}

/* The wanted range of a comparison, or the unwanted one: *inverted. Bounds are those of a field of 64 bits. */
static bool choose_range(unsigned compare, uint64_t value, uint64_t lowest, uint64_t highest,
                         uint64_t *low, uint64_t *high, bool *inverted)
{
    *low = value;
    *high = value;
    *inverted = compare == TRACE_COMPARE_NOT_EQUAL || compare == TRACE_COMPARE_ABOVE ||
                compare == TRACE_COMPARE_BELOW;
    switch (compare) {
    case TRACE_COMPARE_EQUAL:
    case TRACE_COMPARE_NOT_EQUAL:
        return true;
    case TRACE_COMPARE_AT_MOST:
    case TRACE_COMPARE_ABOVE:
        *low = lowest;
        return true;
    case TRACE_COMPARE_AT_LEAST:
    case TRACE_COMPARE_BELOW:
        *high = highest;
        return true;
    default:
        return false;
    }
}

static bool make_term(const struct trace_event_info *info, const struct trace_condition *condition,
                      struct trace_term *term, bool *inverted)
{
    if (condition->field >= info->fields || condition->join > TRACE_JOIN_OR) {
        return false;
    }
    const struct trace_field *field = &info->field[condition->field];
    if (field->bits == 0 || !fits(field, condition->value)) {
        return false;
    }
    bool has_sign = is_signed(field);
    uint64_t lowest = has_sign ? ~(mask_of(field) >> 1) : 0, low, high;
    uint64_t highest = has_sign ? mask_of(field) >> 1 : mask_of(field);
    if (!choose_range(condition->compare, condition->value, lowest, highest, &low, &high,
                      inverted)) {
        return false;
    }
    unsigned above = 64u - field->bits;
    *term = (struct trace_term){.low = low << above,
                                .span = ((high - low) << above) | ((1ull << above) - 1),
                                .word = field->word,
                                .shift = (uint8_t)(above - field->shift)};
    return true;
}

/* "and" binds tighter than "or": a term that fails goes on with the next group, one that holds with the next term of its
 * own; who has no next has decided. */
static void connect(struct trace_filter *filter, const struct trace_condition *conditions,
                    const bool *inverted, unsigned count)
{
    uint64_t next_group = TRACE_FILTER_REFUSE;
    for (unsigned i = count; i-- > 0;) {
        bool ends_group = i + 1 == count || conditions[i + 1].join == TRACE_JOIN_OR;
        if (i + 1 < count && ends_group) {
            next_group = TRACE_FILTER_TERM(i + 1);
        }
        uint8_t holds = (uint8_t)(ends_group ? TRACE_FILTER_PASS : TRACE_FILTER_TERM(i + 1));
        uint8_t fails = (uint8_t)next_group;
        filter->term[i].inside = inverted[i] ? fails : holds;
        filter->term[i].outside = inverted[i] ? holds : fails;
    }
}

status_t trace_filter_make(unsigned event, const struct trace_condition *conditions, unsigned count,
                           struct trace_filter *out)
{
    const struct trace_event_info *info = trace_event_info(event);
    bool inverted[TRACE_CONDITIONS_MAX];
    if (info == NULL || info->flags & TRACE_INFO_META || count > TRACE_CONDITIONS_MAX ||
        (count > 0 && conditions[0].join != TRACE_JOIN_AND)) {
        return ERR_BAD_ARGUMENT;
    }
    *out = (struct trace_filter){.first = count == 0 ? TRACE_FILTER_PASS : 0};
    for (unsigned i = 0; i < count; i++) {
        if (!make_term(info, &conditions[i], &out->term[i], &inverted[i])) {
            return ERR_BAD_ARGUMENT;
        }
    }
    connect(out, conditions, inverted, count);
    return OK;
}

bool trace_filter_matches(const struct trace_filter *filter, const uint64_t *record)
{
    uint64_t at = filter->first;
    while (at < TRACE_FILTER_PASS) {
        const void *place = (const uint64_t *)filter->term + at;
        const struct trace_term *term = place;
        at = term->outside;
        if ((record[term->word] << term->shift) - term->low <= term->span) {
            at = term->inside;
        }
    }
    return at == TRACE_FILTER_PASS;
}
