/* SPDX-License-Identifier: MIT */
/* See discipline.h. */
#include "userspace/services/terminal/discipline.h"

#include <string.h>

#define CTRL_C 3

void discipline_init(struct discipline *discipline, const struct discipline_answers *answers)
{
    memset(discipline, 0, sizeof(*discipline));
    discipline->answers = answers;
    line_editor_init(&discipline->editor, discipline->prompt, answers->draw);
}

static void end_line(struct discipline *discipline, enum terminal_end end)
{
    discipline->state = DISCIPLINE_IDLE;
    discipline->is_unfinished = end == TERMINAL_TAB;
    discipline->answers->line(discipline->token, &discipline->editor, end);
}

static void type_into_line(struct discipline *discipline, unsigned char byte)
{
    switch (line_editor_feed(&discipline->editor, byte)) {
    case LINE_EDITOR_LINE:
        end_line(discipline, TERMINAL_LINE);
        break;
    case LINE_EDITOR_CANCEL:
        end_line(discipline, TERMINAL_CANCELLED);
        break;
    case LINE_EDITOR_END:
        discipline->answers->draw("\n", 1);
        end_line(discipline, TERMINAL_END);
        break;
    case LINE_EDITOR_COMPLETE:
        if ((discipline->flags & TERMINAL_COMPLETE) != 0) {
            end_line(discipline, TERMINAL_TAB);
        }
        break;
    case LINE_EDITOR_MORE:
        break;
    }
}

/* ---- what nobody has read yet ---- */

static void keep(struct discipline *discipline, char byte)
{
    if (discipline->typed_end - discipline->typed_first == TYPED_AHEAD) {
        discipline->answers->draw("\a", 1);
        return;
    }
    discipline->typed[discipline->typed_end++ % TYPED_AHEAD] = byte;
}

static void give_bytes(struct discipline *discipline)
{
    char data[DISCIPLINE_AT_ONCE];
    unsigned count = 0;
    uint64_t at = discipline->typed_first;

    while (count < sizeof(data) && at < discipline->typed_end) {
        data[count++] = discipline->typed[at++ % TYPED_AHEAD];
    }
    if (count == 0) {
        return;
    }
    discipline->state = DISCIPLINE_IDLE;
    if (discipline->answers->bytes(discipline->token, data, count)) {
        discipline->typed_first = at;
    }
}

static void give_typed(struct discipline *discipline)
{
    while (discipline->state == DISCIPLINE_LINE &&
           discipline->typed_first < discipline->typed_end) {
        type_into_line(discipline,
                       (unsigned char)discipline->typed[discipline->typed_first++ % TYPED_AHEAD]);
    }
    if (discipline->state == DISCIPLINE_BYTES) {
        give_bytes(discipline);
    }
}

/* D1, D2 */
void discipline_type(struct discipline *discipline, const char *data, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (data[i] == CTRL_C && discipline->state == DISCIPLINE_IDLE) {
            discipline->typed_first =
                discipline->typed_end; /* it was meant for what is ended now */
            discipline->answers->draw("^C\n", 3);
            discipline->answers->interrupt();
        } else {
            keep(discipline, data[i]);
        }
        if (discipline->state == DISCIPLINE_LINE) {
            give_typed(discipline);
        }
    }
    give_typed(discipline);
}

/* ---- readers ---- */

static void begin_read(struct discipline *discipline, uint64_t token, enum discipline_state state)
{
    if (discipline->state != DISCIPLINE_IDLE) {
        if (discipline->state == DISCIPLINE_LINE) {
            line_editor_hide(&discipline->editor);
        }
        discipline->answers->busy(discipline->token);
    }
    discipline->state = state;
    discipline->token = token;
}

static bool is_typeable(const char *text, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

bool discipline_read_line(struct discipline *discipline, uint64_t token, uint32_t flags,
                          const char *prompt, uint64_t prompt_bytes, const char *text,
                          uint64_t text_bytes)
{
    if (prompt_bytes >= PROMPT_BYTES || !is_typeable(prompt, prompt_bytes) ||
        !is_typeable(text, text_bytes)) {
        return false;
    }
    begin_read(discipline, token, DISCIPLINE_LINE);
    discipline->flags = flags;
    memcpy(discipline->prompt, prompt, prompt_bytes);
    discipline->prompt[prompt_bytes] = '\0';
    if ((flags & TERMINAL_GO_ON) != 0 && discipline->is_unfinished) {
        line_editor_hide(&discipline->editor);
        line_editor_show(&discipline->editor);
    } else {
        line_editor_begin(&discipline->editor);
    }
    discipline->is_unfinished = false;
    line_editor_insert(&discipline->editor, text, text_bytes);
    give_typed(discipline);
    return true;
}

void discipline_read_bytes(struct discipline *discipline, uint64_t token)
{
    begin_read(discipline, token, DISCIPLINE_BYTES);
    give_typed(discipline);
}

/* D3 */
void discipline_write(struct discipline *discipline, const char *text, uint64_t bytes)
{
    if (bytes == 0) {
        return;
    }
    if (discipline->state == DISCIPLINE_LINE) {
        line_editor_hide(&discipline->editor);
    }
    discipline->answers->draw(text, bytes);
    if (discipline->state == DISCIPLINE_LINE) {
        if (text[bytes - 1] != '\n') {
            discipline->answers->draw("\n", 1);
        }
        line_editor_show(&discipline->editor);
    }
}
