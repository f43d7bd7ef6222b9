/* SPDX-License-Identifier: MIT */
/*
 * Commands: records in a linker section, found by name, joined by pipes.
 *
 *     line      := statement { ';' statement }
 *     statement := stage { '|' stage } { '!' filter }
 *     stage     := command arguments        (or an expression, which is printed)
 *                                            (a command's name wins over a symbol's)
 *
 * Values flow: a command gives each of its results to the next stage by kd_emit(), which calls
 * that stage at once; nothing is stored. What comes out of the last stage is shown as rows of its
 * type. "! grep text" works on the printed lines; behind a command that gives no values, and
 * always for grep and tail, "|" means the same as "!".
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/expression.h"
#include "kdebug/core/value.h"

/* What a command does; security classes, dumps and the manual derive from it. */
#define KD_READS   0x01u /* looks at memory, registers, rings */
#define KD_WRITES  0x02u /* changes memory or the kernel's settings */
#define KD_IO      0x04u /* touches devices */
#define KD_RESUMES 0x08u /* ends the stop or the machine */
#define KD_LIVE    0x10u /* needs the live machine: no use on a dump */
#define KD_GIVES   0x20u /* emits values */
#define KD_TAKES   0x40u /* may stand behind '|' */
#define KD_STAGE   0x80u /* must stand behind '|' */
#define KD_PARTLY                                                                                  \
    0x100u /* only some of what it does is more than reading: it calls kd_require() itself */

struct kd_call;

struct kd_command {
    const char *name;
    const char *usage; /* arguments; "" none */
    const char *help;  /* one line */
    uint32_t flags;
    void (*run)(struct kd_call *call);
    void (*finish)(struct kd_call *call); /* of a stage, after the last value; NULL none */
};

/* KD_COMMAND() - one command. Found by the linker, so no list of commands exists anywhere; it refuses two of one name. */
#define KD_COMMAND(id, ...)                                                                        \
    extern const struct kd_command kd_command_##id;                                                \
    const struct kd_command kd_command_##id                                                        \
        __attribute__((used, section("kdebug_commands"),                                           \
                       aligned(__alignof__(struct kd_command)))) = {.name = #id, __VA_ARGS__}

extern const struct kd_command kdebug_commands_start[], kdebug_commands_end[];

#define KD_STAGES_MAX  8u
#define KD_STATE_WORDS 3u

struct kd_pipeline;

/* One call of a command: once for a first stage, once per value for the others. */
struct kd_call {
    const struct kd_command *command;
    const char *args; /* what is left of the arguments */
    const char *args_end;
    bool has_input;
    struct kd_value input; /* from the stage before */
    uint64_t *state;       /* KD_STATE_WORDS of this stage, 0 before its first value */
    struct kd_pipeline *pipeline;
    unsigned stage;
};

/* kd_run_line() - run a line. True: no statement failed. The first that fails ends the line. Does
 * not raise. */
bool kd_run_line(const char *line);

/* kd_run_line_without() - the same, but commands with any of these flags are refused. */
bool kd_run_line_without(const char *line, uint32_t flags);

/* kd_emit() - give a value to the next stage, or show it. False: nobody wants more, so stop. */
bool kd_emit(struct kd_call *call, struct kd_value value);

/* kd_is_last() - this call's values are shown, not piped on. */
bool kd_is_last(const struct kd_call *call);

/* kd_emit_no_more() - a stage has had enough: kd_emit() of the stages before it returns false
 * from now on. */
void kd_emit_no_more(struct kd_call *call);

/* kd_report_raised() - say why a guard was left by kd_raise(), unless that has been said. Cannot
 * raise. */
void kd_report_raised(void);

/* kd_command_named() - by full name or by the beginning of one only; NULL: none or several. */
const struct kd_command *kd_command_named(const char *name, size_t length);

/*
 * kd_complete() - what TAB adds at the cursor.
 *
 * Completes a command name in the first word of a stage, types and fields where they stand, else a symbol. Returns the bytes put to
 * `to`. *out_listed: several ways to go on have been listed on the terminal.
 */
size_t kd_complete(const char *text, size_t cursor, char *to, size_t bytes, bool *out_listed);

/* Taking arguments, left to right. All raise KD_CAUSE_ERROR, with a mark under the column, for
 * what cannot be. */
bool kd_arg_is_end(struct kd_call *call);
/* kd_arg_accept() - take the next word if it is this one. */
bool kd_arg_accept(struct kd_call *call, const char *word);
/* kd_arg_word() - take the next word; false: there is none. */
bool kd_arg_word(struct kd_call *call, char *to, size_t bytes);
/* kd_arg_value() - take an expression; false: there is none. A comma behind it is taken, too.
 * ".field" in it is one of the piped value. */
bool kd_arg_value(struct kd_call *call, struct kd_value *out);
/* kd_arg_number() - the same as a number; an array or structure gives its address. */
bool kd_arg_number(struct kd_call *call, uint64_t *out);
/* kd_arg_type() - take the name of a type; false: nothing is left. */
bool kd_arg_type(struct kd_call *call, kd_ctype_t *out);
/* kd_arg_done() - nothing may be left. */
void kd_arg_done(struct kd_call *call);
/* kd_arg_rest() - take all that is left. */
size_t kd_arg_rest(struct kd_call *call, const char **out);

/* kd_fail() - say what is wrong and end the line. kd_fail_usage() - and how the command is used. */
NORETURN void kd_fail(const char *format, ...) PRINTF_LIKE(1, 2);
NORETURN void kd_fail_usage(const struct kd_call *call);
NORETURN void kd_fail_at(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
