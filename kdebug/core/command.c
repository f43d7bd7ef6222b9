/* SPDX-License-Identifier: MIT */
/*
 * Running a line: cut it into statements and stages, look the commands up, call the first one;
 * values then run down the pipe by nested calls (command.h).
 *
 * Cutting looks at characters outside of parentheses and quotes only, so "print (a|b)" is one
 * stage and "grep ';'" one filter. All that a statement needs is one struct kd_pipeline on the
 * debugger's stack.
 */
#include "kdebug/core/command.h"

#include <stdarg.h>

#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/macro.h"
#include "kdebug/core/output.h"
#include "kdebug/core/packed.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"
#include "kdebug/x86_64/registers.h"

#define MACRO_DEPTH_MAX 4u

struct span {
    const char *start, *end;
};

struct stage {
    const struct kd_command *command;
    struct span arguments;
    uint64_t state[KD_STATE_WORDS];
};

struct kd_pipeline {
    struct stage stages[KD_STAGES_MAX];
    unsigned stage_count;
    struct kd_filter filters[KD_FILTERS_MAX];
    unsigned filter_count;
    bool stopped;                /* a stage wants no more */
    const struct kd_type *shown; /* whose header has been printed */
};

static const char *current_line; /* for the column of errors */
static uint32_t forbidden;       /* flags of commands that may not run now */

/* ---- errors ---- */

static void print_error(const char *format, va_list args)
{
    kd_output_begin(NULL, 0); /* errors pass no filter */
    char text[200];
    format_text_v(text, sizeof(text), format, args);
    kd_print("error: %s\n", text);
}

void kd_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(format, args);
    va_end(args);
    kd_raise(KD_CAUSE_ERROR);
}

void kd_fail_at(const char *at, const char *format, ...)
{
    kd_output_begin(NULL, 0);
    size_t column = current_line == NULL ? 0 : (size_t)(at - current_line);
    kd_print("%*s^ column %zu\n", (int)(strlen(KD_PROMPT) + column), "", column + 1);
    va_list args;
    va_start(args, format);
    print_error(format, args);
    va_end(args);
    kd_raise(KD_CAUSE_ERROR);
}

void kd_fail_usage(const struct kd_call *call)
{
    kd_fail("usage: %s %s", call->command->name, call->command->usage);
}

static void report_fault(const struct kd_raised *raised)
{
    kd_output_begin(NULL, 0);
    if (raised->message != NULL) {
        kd_print("\nkdebug: a check failed inside the debugger: %s\n", raised->message);
        return;
    }
    const char *name = kd_vector_name(raised->vector);
    kd_print("\nkdebug: fault in the debugger: %s (vector %llu, error 0x%llx) at ",
             name == NULL ? "exception" : name, (unsigned long long)raised->vector,
             (unsigned long long)raised->error);
    kd_print_address(raised->rip);
    kd_print(" address 0x%llx\n", (unsigned long long)raised->address);
}

/* ---- look-up ---- */

const struct kd_command *kd_command_named(const char *name, size_t length)
{
    const struct kd_command *found = NULL;
    unsigned matches = 0;
    for (const struct kd_command *command = kdebug_commands_start; command < kdebug_commands_end;
         command++) {
        if (strncmp(command->name, name, length) != 0) {
            continue;
        }
        if (command->name[length] == '\0') {
            return command;
        }
        found = command;
        matches++;
    }
    return matches == 1 && length > 0 ? found : NULL;
}

/* ---- cutting ---- */

static struct span trim(struct span span)
{
    while (span.start < span.end && (*span.start == ' ' || *span.start == '\t')) {
        span.start++;
    }
    while (span.end > span.start && (span.end[-1] == ' ' || span.end[-1] == '\t')) {
        span.end--;
    }
    return span;
}

static bool begins_filter(const char *at, const char *end)
{
    return kd_filter_is(at, (size_t)(end - at));
}

/* Is the character at `at` a separator of this kind? ';' and '|' always; '!' only in front of a
 * filter's name. */
static bool is_separator(const char *at, const char *end, char kind)
{
    if (*at != kind) {
        return false;
    }
    if (kind == '|') {
        return !(at + 1 < end && at[1] == '|');
    }
    return kind != '!' || begins_filter(at + 1, end);
}

/* The first separator out of `kinds` in the text, outside of parentheses and quotes; end if there
 * is none. */
static const char *find_separator(const char *at, const char *end, const char *kinds)
{
    unsigned depth = 0;
    char quote = '\0';
    for (; at < end; at++) {
        if (quote != '\0') {
            quote = *at == quote ? '\0' : quote;
            continue;
        }
        if (*at == '"' || *at == '\'') {
            quote = *at;
        } else if (*at == '(') {
            depth++;
        } else if (*at == ')' && depth > 0) {
            depth--;
        } else if (*at == '|' && at + 1 < end && at[1] == '|') {
            at++;
        } else if (depth == 0) {
            for (const char *kind = kinds; *kind != '\0'; kind++) {
                if (is_separator(at, end, *kind)) {
                    return at;
                }
            }
        }
    }
    return end;
}

static size_t first_word(struct span span)
{
    size_t length = 0;
    while (span.start + length < span.end && span.start[length] != ' ' &&
           span.start[length] != '\t') {
        length++;
    }
    return length;
}

/* The filter z of a statement; NULL: it has none. */
static const struct kd_filter *packing_of(const struct kd_pipeline *pipeline)
{
    unsigned count = pipeline->filter_count;
    bool is_there = count > 0 && pipeline->filters[count - 1].kind == KD_FILTER_PACKED;
    return is_there ? &pipeline->filters[count - 1] : NULL;
}

static void add_filter(struct kd_pipeline *pipeline, struct span text)
{
    if (pipeline->filter_count == KD_FILTERS_MAX) {
        kd_fail_at(text.start, "at most %u filters", KD_FILTERS_MAX);
    }
    if (packing_of(pipeline) != NULL) {
        kd_fail_at(text.start, "what is packed is no text: z is the last one");
    }
    struct kd_filter *filter = &pipeline->filters[pipeline->filter_count++];
    if (!kd_filter_parse(text.start, (size_t)(text.end - text.start), filter)) {
        kd_fail_at(
            text.start,
            "a filter is: grep [-v] TEXT, head [N], tail [N up to 64], count, z [FIRST [COUNT]]");
    }
}

/* Behind '|': does this mean the text filter of that name? */
static bool means_filter(const struct kd_pipeline *pipeline, struct span text)
{
    if (!begins_filter(text.start, text.end)) {
        return false;
    }
    const struct kd_command *command = kd_command_named(text.start, first_word(text));
    const struct kd_command *before = pipeline->stages[pipeline->stage_count - 1].command;
    return pipeline->filter_count > 0 || command == NULL || !(command->flags & KD_STAGE) ||
           !(before->flags & (KD_GIVES | KD_STAGE));
}

static void check_stage(const struct kd_pipeline *pipeline, const struct kd_command *command,
                        const char *at)
{
    bool first = pipeline->stage_count == 0;
    if (first && (command->flags & KD_STAGE)) {
        kd_fail_at(at, "'%s' works on values: it must stand behind '|'", command->name);
    }
    if (!first && !(command->flags & (KD_TAKES | KD_STAGE))) {
        kd_fail_at(at, "'%s' takes no values from a pipe", command->name);
    }
    if (!first &&
        !(pipeline->stages[pipeline->stage_count - 1].command->flags & (KD_GIVES | KD_STAGE))) {
        kd_fail_at(at, "'%s' gives no values for '%s'",
                   pipeline->stages[pipeline->stage_count - 1].command->name, command->name);
    }
    if (command->flags & forbidden) {
        kd_fail_at(at, "'%s' may not be used from here", command->name);
    }
    if (!kd_permits(command->flags & KD_PARTLY ? command->flags & KD_READS : command->flags)) {
        kd_fail_at(at, "this boot does not allow '%s' (kdebug_lock=)", command->name);
    }
    if ((command->flags & (KD_WRITES | KD_PARTLY)) == KD_WRITES && !kd_can_write()) {
        kd_fail_at(at, "'%s' changes the machine, and this one is dead", command->name);
    }
    if ((command->flags & KD_LIVE) && !kd_target->live) {
        kd_fail_at(at, "'%s' needs a live machine", command->name);
    }
}

static void add_stage(struct kd_pipeline *pipeline, struct span text)
{
    if (pipeline->stage_count > 0 && means_filter(pipeline, text)) {
        add_filter(pipeline, text);
        return;
    }
    if (pipeline->stage_count == KD_STAGES_MAX) {
        kd_fail_at(text.start, "at most %u stages", KD_STAGES_MAX);
    }
    size_t length = first_word(text);
    const struct kd_command *command = kd_command_named(text.start, length);
    if (command == NULL && kd_expression_begins(text.start, text.end)) {
        command = kd_command_named("print", 5);
        length = 0;
    }
    if (command == NULL) {
        kd_fail_at(text.start, "no command '%.*s', or several begin so; 'help' lists them",
                   (int)MIN(length, 40u), text.start);
    }
    check_stage(pipeline, command, text.start);
    pipeline->stages[pipeline->stage_count++] = (struct stage){
        .command = command,
        .arguments = trim((struct span){text.start + length, text.end}),
    };
}

static void cut_statement(struct kd_pipeline *pipeline, struct span statement)
{
    const char *at = statement.start;
    char separator = '|';
    for (;;) {
        const char *end = find_separator(at, statement.end, "|!");
        struct span text = trim((struct span){at, end});
        if (text.start == text.end) {
            kd_fail_at(at, "a command is missing");
        }
        if (separator == '!') {
            add_filter(pipeline, text);
        } else {
            add_stage(pipeline, text);
        }
        if (end == statement.end) {
            return;
        }
        separator = *end;
        at = end + 1;
    }
}

/* ---- running ---- */

static struct kd_call call_of(struct kd_pipeline *pipeline, unsigned index)
{
    struct stage *stage = &pipeline->stages[index];
    return (struct kd_call){
        .command = stage->command,
        .args = stage->arguments.start,
        .args_end = stage->arguments.end,
        .state = stage->state,
        .pipeline = pipeline,
        .stage = index,
    };
}

static void show(struct kd_pipeline *pipeline, const struct kd_value *value)
{
    const struct kd_type *type = value->type != NULL ? value->type
                                 : value->ctype != 0 ? &kd_type_c
                                                     : &kd_type_number;
    if (pipeline->shown != type && type->header != NULL) {
        kd_print("%s\n", type->header);
    }
    pipeline->shown = type;
    type->show(value);
}

bool kd_emit(struct kd_call *call, struct kd_value value)
{
    struct kd_pipeline *pipeline = call->pipeline;
    if (pipeline->stopped) {
        return false;
    }
    unsigned next = call->stage + 1;
    if (next == pipeline->stage_count) {
        show(pipeline, &value);
    } else {
        struct kd_call following = call_of(pipeline, next);
        following.has_input = true;
        following.input = value;
        following.command->run(&following);
    }
    return !pipeline->stopped;
}

bool kd_is_last(const struct kd_call *call)
{
    return call->stage + 1 == call->pipeline->stage_count;
}

void kd_emit_no_more(struct kd_call *call)
{
    call->pipeline->stopped = true;
}

/* A line that a command runs is within what is packed already. */
static void begin_packing(struct kd_pipeline *pipeline)
{
    const struct kd_filter *packing = packing_of(pipeline);
    const struct kd_command *command = pipeline->stages[0].command;
    if (packing == NULL) {
        return;
    }
    if (command->flags & KD_RESUMES) {
        kd_fail("'%s' may let the machine go on, with nobody to end what is packed", command->name);
    }
    if (!kd_packed_is_on()) {
        kd_packed_begin(packing->limit, packing->seen);
    }
    pipeline->filter_count--;
}

static void run_statement(struct span statement)
{
    struct kd_pipeline pipeline = {0};
    cut_statement(&pipeline, statement);
    begin_packing(&pipeline);
    kd_output_begin(pipeline.filters, pipeline.filter_count);
    struct kd_call first = call_of(&pipeline, 0);
    first.command->run(&first);
    for (unsigned i = 1; i < pipeline.stage_count; i++) {
        struct kd_call call = call_of(&pipeline, i);
        pipeline.stopped = false; /* who has had enough still says what came of it */
        if (call.command->finish != NULL) {
            call.command->finish(&call);
        }
    }
}

void kd_report_raised(void)
{
    static struct kd_raised raised;
    struct kd_guard guard;
    raised = kd_raised;
    if (KD_GUARD(guard)) {
        if (raised.cause == KD_CAUSE_FAULT) {
            report_fault(&raised);
        } else if (raised.cause == KD_CAUSE_QUIT) {
            kd_terminal_write("^C\n", 3);
        }
        kd_guard_leave(&guard);
    }
    kd_output_begin(NULL, 0);
}

static bool run_guarded(struct span statement)
{
    struct kd_guard guard;
    bool is_inner = kd_packed_is_on();
    volatile bool fine = false;
    if (KD_GUARD(guard)) {
        run_statement(statement);
        kd_output_end();
        kd_guard_leave(&guard);
        fine = true;
    } else {
        kd_report_raised();
    }
    if (!is_inner) {
        kd_packed_end();
    }
    return fine;
}

/* A macro that names itself ends here. */
static bool run_macro(const char *line)
{
    static unsigned depth;
    char copy[KD_MACRO_LINE_BYTES];
    const char *outer = current_line;
    bool fine = false;
    if (depth < MACRO_DEPTH_MAX) {
        depth++;
        string_copy(copy, line, sizeof(copy));
        fine = kd_run_line(copy);
        depth--;
    } else {
        static const char message[] = "error: macros within macros, too deep\n";
        kd_terminal_write(message, sizeof(message) - 1);
    }
    current_line = outer;
    kd_terminal_watch(true);
    return fine;
}

static bool run_one(struct span statement)
{
    const char *macro = kd_macro_get(statement.start, (size_t)(statement.end - statement.start));
    return macro != NULL ? run_macro(macro) : run_guarded(statement);
}

bool kd_run_line(const char *line)
{
    const char *end = line + strlen(line);
    const char *at = line;
    bool fine = true;
    current_line = line;
    kd_terminal_watch(true);
    while (fine && at < end) {
        const char *stop = find_separator(at, end, ";");
        struct span statement = trim((struct span){at, stop});
        if (statement.start < statement.end && *statement.start != '#') {
            fine = run_one(statement);
        }
        at = stop + 1;
    }
    kd_terminal_watch(false);
    current_line = NULL;
    return fine;
}

bool kd_run_line_without(const char *line, uint32_t flags)
{
    uint32_t outer = forbidden;
    forbidden |= flags;
    bool fine = kd_run_line(line);
    forbidden = outer;
    return fine;
}
