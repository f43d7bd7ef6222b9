/* SPDX-License-Identifier: MIT */
/* Patterns in words: the names of files that fit. */
#pragma once

#include <stdbool.h>

#include "userspace/programs/shell/parse.h"

/*
 * expand() - put the names that fit in place of each pattern, in order; a pattern that nothing fits stays as it is. Only the last part of a
 * path may be a pattern. False, and said why: too many. The names live until the next call.
 */
bool expand(struct pipeline *pipeline);
