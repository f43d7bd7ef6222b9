/* SPDX-License-Identifier: MIT */
/* Choosing events by name: see choice.h. */
#include "trace/ring/choice.h"

#include "base/string.h"
#include "gen/trace_table.h"

static bool is_word(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && strncmp(word, text, length) == 0;
}

/* The event has this name, or begins with it, up to a dot. */
static bool is_called(const struct trace_event_info *info, const char *word, size_t length)
{
    return strncmp(info->name, word, length) == 0 &&
           (info->name[length] == '\0' || info->name[length] == '.');
}

static uint64_t category_mask(const char *word, size_t length)
{
    if (is_word(word, length, "all")) {
        return TRACE_CATEGORIES_ALL;
    }
    for (unsigned bit = 0; bit < TRACE_CATEGORY_COUNT; bit++) {
        if (trace_category_name[bit] != NULL && is_word(word, length, trace_category_name[bit])) {
            return 1ull << bit;
        }
    }
    return 0;
}

static void put_categories(struct trace_event_set *set, uint64_t mask, bool is_in)
{
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && mask >> info->category & 1) {
            trace_event_set_put(set, id, is_in);
        }
    }
}

/* The categories of the events of this name; 0: there are none. */
static uint64_t put_events(struct trace_event_set *set, const char *word, size_t length, bool is_in)
{
    uint64_t categories = 0;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && is_called(info, word, length)) {
            trace_event_set_put(set, id, is_in);
            categories |= 1ull << info->category;
        }
    }
    return categories;
}

void trace_choice_categories(struct trace_event_set *set, uint64_t mask)
{
    put_categories(set, mask, true);
}

bool trace_choice_add(struct trace_event_set *set, const char *word, size_t length)
{
    if (is_word(word, length, "none")) {
        *set = (struct trace_event_set){{0}};
        return true;
    }
    bool is_in = length == 0 || word[0] != '-';
    word += !is_in;
    length -= !is_in;
    uint64_t mask = category_mask(word, length);
    if (mask != 0) {
        put_categories(set, is_in ? trace_with_threads(mask) : mask, is_in);
        return true;
    }
    mask = length == 0 ? 0 : put_events(set, word, length, is_in);
    if (is_in && trace_with_threads(mask) != mask) {
        trace_event_set_put(set, TRACE_EVENT_SCHED_THREAD_SWITCH, true);
    }
    return mask != 0;
}
