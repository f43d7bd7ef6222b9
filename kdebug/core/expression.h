/* SPDX-License-Identifier: MIT */
/*
 * Expressions: C over the target's numbers, symbols, registers, variables, types and memory.
 *
 *   numbers    12  0x1f  0b101  1_000_000        (what looks like hex must say so)
 *   names      functions, as addresses; variables, with their C type; enumerators, also without
 *              their prefix: BLOCKED. Those of the kernel, then those of the program in the
 *              selected core's address space; the other way round for a process that was chosen
 *   registers  %rip %rsp ... of the selected core      own variables  $name
 *   objects    cpus[1].current->tid   .field of the value that comes through a pipe
 *   types      (struct thread *)x   sizeof(T)   offsetof(struct T, a.b)
 *   operators  ( )  - ~ ! * &  * / %  + -  << >>  < <= > >=  == !=  &  ^  |  &&  ||
 *              as in C: && and || leave out what cannot matter any more, + and - count elements of
 *              pointers. Plain numbers have 64 bits and no sign; * of one reads 8 bytes.
 *   texts      x.name == "init"
 *
 * In a command line `|` outside parentheses separates stages, and a blank before % or / makes
 * "%rax" a register and "/p" an option; a blank before "." begins another expression.
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/value.h"

struct kd_error {
    const char *at; /* where in the text */
    char message[160];
};

/*
 * kd_expression_parse() - evaluate the longest expression that begins at *at.
 *
 * @at   moved past it on success
 * @end  of the text; nothing from there on is read
 * @dot  what ".field" means; NULL: nothing
 * True, or false with *out_error filled; then *at and *out are as before. The result may be a
 * place, whose content has not been read yet. Reads the target. Depth is bounded.
 */
bool kd_expression_parse_on(const char **at, const char *end, const struct kd_value *dot,
                            struct kd_value *out, struct kd_error *out_error);

/* kd_expression_parse() - the same without a dot. */
static inline bool kd_expression_parse(const char **at, const char *end, struct kd_value *out,
                                       struct kd_error *out_error)
{
    return kd_expression_parse_on(at, end, NULL, out, out_error);
}

/*
 * kd_expression_begins() - could an expression begin with this word? For telling a line that is
 * an expression from a mistyped command.
 */
bool kd_expression_begins(const char *at, const char *end);

/* kd_type_parse() - a type name: "struct thread *", "uint32_t", "thread" for the structure. As
 * kd_expression_parse(). */
bool kd_type_parse(const char **at, const char *end, kd_ctype_t *out, struct kd_error *out_error);
