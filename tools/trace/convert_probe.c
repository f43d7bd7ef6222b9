/* SPDX-License-Identifier: MIT */
/*
 * Probes: each hit is an instant of the thread that ran, called after its place, with its values under their names.
 *
 * probe.define tells both, as words: "sys_mailbox_call handle label". A hit before it, or of a number nobody has told of, is shown
 * like any event.
 */
#include <stdio.h>
#include <string.h>

#include "convert.h"
#include "text.h"

#define VALUES_MAX 4u
#define WORD_BYTES 64u

void on_probe_define(struct convert *convert, const struct step *step)
{
    const struct schema_event *event = convert->session->schema.event[step->id];
    uint64_t probe = field_get(&convert->ids.probe_define_probe, step->record);
    size_t bytes;
    char text[8 * TRACE_WORDS_MAX + 1];
    const char *from = schema_string(event, step->record, &bytes);
    text_clean(from, bytes, text);
    id_map_insert(&convert->probes, probe + 1, arena_text(&convert->arena, text, strlen(text)));
}

/* The next word of a text; false: there is none. */
static bool take_word(const char **text, char word[WORD_BYTES])
{
    size_t length = strcspn(*text, " ");
    snprintf(word, WORD_BYTES, "%.*s", (int)length, *text);
    *text += length + ((*text)[length] == ' ');
    return length > 0;
}

void on_probe_hit(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    const char *text =
        id_map_find(&convert->probes, field_get(&ids->probe_hit_probe, step->record) + 1);
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    char word[WORD_BYTES];
    if (text == NULL || !take_word(&text, word)) {
        on_generic(convert, step);
        return;
    }
    if (stack == NULL) {
        return;
    }
    struct perfetto *perfetto = &convert->perfetto;
    uint32_t name = track_name(perfetto, word);
    unsigned count = 0, arg[VALUES_MAX], category = track_category(perfetto, "probe");
    while (count < VALUES_MAX && take_word(&text, word)) {
        arg[count++] = track_arg_name(perfetto, word);
    }
    struct track_event event =
        track_instant(perfetto, convert_time(convert), stack->uuid, name, category);
    for (unsigned i = 0; i < count; i++) {
        track_arg_pointer(&event, arg[i], field_get(&ids->probe_hit_value[i], step->record));
    }
    track_commit(&event);
}
