/* SPDX-License-Identifier: MIT */
/* See discipline.h. */
#include "userspace/services/terminal/discipline.h"

#include <string.h>

#define CTRL_C 3
#define CTRL_Z 26

void discipline_init(struct discipline *discipline, const struct discipline_answers *answers)
{
    memset(discipline, 0, sizeof(*discipline));
    discipline->answers = answers;
    sessions_init(&discipline->sessions);
    line_editor_init(&discipline->editor, discipline->prompt, answers->draw);
}

/* Of the session that has the terminal. */
static struct reader *reader_of(struct discipline *discipline)
{
    return &discipline->sessions.current->reader;
}

static void end_line(struct discipline *discipline, enum terminal_end end)
{
    struct reader *reader = reader_of(discipline);

    reader->kind = READER_NONE;
    discipline->is_unfinished = end == TERMINAL_TAB;
    discipline->answers->line(reader->token, &discipline->editor, end);
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
        if ((reader_of(discipline)->flags & TERMINAL_COMPLETE) != 0) {
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
    struct reader *reader = reader_of(discipline);
    reader->kind = READER_NONE;
    if (discipline->answers->bytes(reader->token, data, count)) {
        discipline->typed_first = at;
    }
}

static void give_typed(struct discipline *discipline)
{
    while (reader_of(discipline)->kind == READER_LINE &&
           discipline->typed_first < discipline->typed_end) {
        type_into_line(discipline,
                       (unsigned char)discipline->typed[discipline->typed_first++ % TYPED_AHEAD]);
    }
    if (reader_of(discipline)->kind == READER_BYTES) {
        give_bytes(discipline);
    }
}

/* ---- who has the terminal ---- */

static void begin_line(struct discipline *discipline)
{
    memcpy(discipline->prompt, reader_of(discipline)->prompt, PROMPT_BYTES);
    line_editor_begin(&discipline->editor);
}

/* What was being typed is gone; the reader begins anew when it has the terminal again. */
static void give_to(struct discipline *discipline, struct session *session)
{
    while (session->heir != NULL) {
        session = session->heir;
    }
    if (session == discipline->sessions.current) {
        return;
    }
    if (reader_of(discipline)->kind == READER_LINE) {
        line_editor_hide(&discipline->editor);
    }
    discipline->sessions.current = session;
    discipline->is_unfinished = false;
    if (reader_of(discipline)->kind == READER_LINE) {
        begin_line(discipline);
    }
    give_typed(discipline);
}

/* T1 */
bool discipline_focus(struct discipline *discipline, struct session *asking,
                      struct session *session)
{
    if (!sessions_is_below(session, asking)) {
        return false;
    }
    asking->heir = session != asking ? session : NULL;
    if (sessions_is_below(discipline->sessions.current, asking)) {
        give_to(discipline, asking);
    }
    return true;
}

static void refuse(struct discipline *discipline, uint64_t *token, status_t status)
{
    if (*token != 0) {
        discipline->answers->refuse(*token, status);
        *token = 0;
    }
}

void discipline_end_below(struct discipline *discipline, struct session *session)
{
    for (unsigned i = 1; i < SESSIONS; i++) {
        struct session *other = &discipline->sessions.table[i];

        if (other->above == session) {
            discipline_end_session(discipline, other);
        }
    }
}

/* T2 */
void discipline_end_session(struct discipline *discipline, struct session *session)
{
    discipline_end_below(discipline, session);
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct session *other = &discipline->sessions.table[i];

        other->heir = other->heir == session ? NULL : other->heir;
    }
    if (sessions_is_below(discipline->sessions.current, session)) {
        give_to(discipline, session->above);
    }
    if (session->reader.kind != READER_NONE) {
        refuse(discipline, &session->reader.token, ERR_PEER_CLOSED);
    }
    refuse(discipline, &session->listener, ERR_PEER_CLOSED);
    session->above = NULL;
}

/* ---- signals ---- */

/* False: who listened has ended. */
static bool tell(struct discipline *discipline, struct session *session)
{
    if (session->listener == 0 || session->signal_time == 0) {
        return true;
    }
    bool is_told =
        discipline->answers->signal(session->listener, session->signal, session->signal_time);
    session->listener = 0;
    session->signal_time = is_told ? 0 : session->signal_time;
    return is_told;
}

void discipline_listen(struct discipline *discipline, struct session *session, uint64_t token)
{
    refuse(discipline, &session->listener, ERR_BUSY);
    session->listens = true;
    session->listener = token;
    (void)tell(discipline, session);
}

static void take_back(struct discipline *discipline, struct session *session)
{
    session->heir = NULL;
    give_to(discipline, session);
}

/* Typed ahead was meant for what is ended or stopped now. */
static void take_signal(struct discipline *discipline, enum terminal_signal signal)
{
    struct session *listener = sessions_listener(&discipline->sessions);
    uint64_t now = discipline->answers->now();
    bool is_told = false;

    discipline->typed_first = discipline->typed_end;
    if (signal == TERMINAL_STOP) {
        take_back(discipline, listener);
    }
    discipline->answers->draw(signal == TERMINAL_STOP ? "^Z\n" : "^C\n", 3);
    for (struct session *session = listener; !is_told && session != NULL;
         session = session->above) {
        bool is_gone = session->signal_time != 0 && now - session->signal_time > SIGNAL_PATIENCE;

        session->signal = signal;
        session->signal_time = now;
        is_told = tell(discipline, session) && (!is_gone || session->above == NULL);
        if (!is_told && session->above != NULL) {
            session->listens = false;
            session->signal_time = 0;
            if (signal == TERMINAL_STOP) {
                take_back(discipline, session->above);
            }
        }
    }
}

/* D2 */
static bool is_signal(struct discipline *discipline, char byte)
{
    enum reader_kind kind = reader_of(discipline)->kind;
    bool is_job = sessions_listener(&discipline->sessions) != discipline->sessions.current;

    return (kind == READER_NONE && (byte == CTRL_C || byte == CTRL_Z)) ||
           (kind == READER_LINE && byte == CTRL_Z && is_job);
}

/* D1 */
void discipline_type(struct discipline *discipline, const char *data, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (is_signal(discipline, data[i])) {
            take_signal(discipline, data[i] == CTRL_C ? TERMINAL_INTERRUPT : TERMINAL_STOP);
        } else {
            keep(discipline, data[i]);
        }
        if (reader_of(discipline)->kind == READER_LINE) {
            give_typed(discipline);
        }
    }
    give_typed(discipline);
}

/* ---- readers ---- */

static void begin_read(struct discipline *discipline, struct session *session, uint64_t token,
                       enum reader_kind kind)
{
    struct reader *reader = &session->reader;

    if (reader->kind != READER_NONE) {
        if (reader == reader_of(discipline) && reader->kind == READER_LINE) {
            line_editor_hide(&discipline->editor);
        }
        refuse(discipline, &reader->token, ERR_BUSY);
    }
    reader->kind = kind;
    reader->token = token;
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

bool discipline_read_line(struct discipline *discipline, struct session *session, uint64_t token,
                          uint32_t flags, const char *prompt, uint64_t prompt_bytes,
                          const char *text, uint64_t text_bytes)
{
    if (prompt_bytes >= PROMPT_BYTES || !is_typeable(prompt, prompt_bytes) ||
        !is_typeable(text, text_bytes)) {
        return false;
    }
    begin_read(discipline, session, token, READER_LINE);
    session->reader.flags = flags;
    session->listens |= (flags & TERMINAL_LISTENS) != 0;
    memcpy(session->reader.prompt, prompt, prompt_bytes);
    session->reader.prompt[prompt_bytes] = '\0';
    if (session != discipline->sessions.current) {
        return true;
    }
    if ((flags & TERMINAL_GO_ON) != 0 && discipline->is_unfinished) {
        memcpy(discipline->prompt, session->reader.prompt, PROMPT_BYTES);
        line_editor_hide(&discipline->editor);
        line_editor_show(&discipline->editor);
    } else {
        begin_line(discipline);
    }
    discipline->is_unfinished = false;
    line_editor_insert(&discipline->editor, text, text_bytes);
    give_typed(discipline);
    return true;
}

void discipline_read_bytes(struct discipline *discipline, struct session *session, uint64_t token)
{
    begin_read(discipline, session, token, READER_BYTES);
    if (session == discipline->sessions.current) {
        give_typed(discipline);
    }
}

/* D3 */
void discipline_write(struct discipline *discipline, const char *text, uint64_t bytes)
{
    if (bytes == 0) {
        return;
    }
    bool is_typing = reader_of(discipline)->kind == READER_LINE;
    if (is_typing) {
        line_editor_hide(&discipline->editor);
    }
    discipline->answers->draw(text, bytes);
    if (is_typing) {
        if (text[bytes - 1] != '\n') {
            discipline->answers->draw("\n", 1);
        }
        line_editor_show(&discipline->editor);
    }
}
