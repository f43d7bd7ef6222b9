/* SPDX-License-Identifier: MIT */
/* Which functions are traced: see function.h. */
#include "trace/function/function.h"

#include "base/string.h"
#include "kdebug/core/symbols.h"
#include "sync/spinlock.h"
#include "trace/ring/switch.h"

static struct function_set wanted;

static void choose(struct function_set *set, unsigned i, bool on)
{
    uint64_t bit = 1ull << i % 64;
    set->word[i / 64] = on ? set->word[i / 64] | bit : set->word[i / 64] & ~bit;
}

static bool has_name(unsigned i, const char *pattern, size_t length)
{
    struct kd_symbol symbol;
    return kd_symbol_at(function_address(i), &symbol) && symbol.address == function_address(i) &&
           function_pattern_matches(pattern, length, symbol.name);
}

status_t function_trace_check(const char *pattern, size_t length)
{
    status_t status = ERR_NOT_FOUND;
    for (unsigned i = 0; i < function_count() && status != OK; i++) {
        if (has_name(i, pattern, length)) {
            status = function_can_be_traced(i) ? OK : ERR_NOT_SUPPORTED;
        }
    }
    return status;
}

static void change_locked(const char *pattern, size_t length, bool on)
{
    for (unsigned i = 0; i < function_count(); i++) {
        if (has_name(i, pattern, length) && function_can_be_traced(i)) {
            choose(&wanted, i, on);
        }
    }
    function_patch(&wanted);
}

status_t function_trace_change(const char *pattern, size_t length, bool on)
{
    status_t status = function_trace_check(pattern, length);
    if (status == OK) {
        spinlock_acquire(&trace_switch_lock);
        change_locked(pattern, length, on);
        spinlock_release(&trace_switch_lock);
    }
    return status;
}

const char *function_trace_list(const char *list, size_t *out_length)
{
    const char *refused = NULL;
    for (const char *word = list; word != NULL;) {
        const char *comma = strchr(word, ',');
        size_t length = comma == NULL ? strlen(word) : (size_t)(comma - word);
        bool off = length > 0 && *word == '-';
        if (function_trace_change(word + off, length - off, !off) != OK && refused == NULL) {
            refused = word;
            *out_length = length;
        }
        word = comma == NULL ? NULL : comma + 1;
    }
    return refused;
}
