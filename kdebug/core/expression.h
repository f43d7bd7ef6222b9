/* SPDX-License-Identifier: MIT */
/*
 * Expressions: 64-bit unsigned C arithmetic over numbers, symbols, registers and memory.
 *
 *   numbers    12  0x1f  0b101  1_000_000        (what looks like hex must say so)
 *   symbols    run_queues  log_write+0x10        registers  %rip %rsp ... of the selected core
 *   operators  ( )  - ~ ! *  * / %  + -  << >>  < <= > >=  == !=  &  ^  |  &&  ||
 *              as in C; unary * reads 8 bytes
 *
 * In a command line `|` outside parentheses separates stages, and a blank before % or / makes
 * "%rax" a register and "/p" an option.
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/value.h"

struct kd_error {
    const char *at; /* where in the text */
    char message[96];
};

/*
 * kd_expression_parse() - evaluate the longest expression that begins at *at.
 *
 * @at   moved past it on success
 * @end  of the text; nothing from there on is read True, or false with *out_error filled; then
 *       *at and *out are as before. Reads the target for unary *. Depth is bounded.
 */
bool kd_expression_parse(const char **at, const char *end, struct kd_value *out,
                         struct kd_error *out_error);
