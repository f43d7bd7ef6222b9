/* SPDX-License-Identifier: MIT */
/* What the roles of builder share: which units there are, what they need, and what becomes of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UNITS_MAX    64u
#define NEEDS_MAX    3u
#define SOURCE_MAX   4096u /* bytes of a source file */
#define OBJECT_MAGIC 0x746a624f72767073ull

/* A unit's object file. Its sum follows from its source and the sums of those that it needs. */
struct object_file {
    uint64_t magic, unit, sum;
};

/* plan_needs() - which earlier units a unit needs; returns how many. plan_source() - its source in this edition; returns its bytes. */
unsigned plan_needs(unsigned unit, unsigned needs[NEEDS_MAX]);
unsigned plan_source(unsigned unit, unsigned edition, char text[SOURCE_MAX]);

/* unit_sum() - what the compiler makes of a source and the objects it needs. */
uint64_t unit_sum(const char *source, unsigned bytes, const uint64_t *needed, unsigned count);

/* unit_path() - "/tmp/NAMEunit", where name is "s" for sources, "o" for objects. */
#define PATH_MAX_BYTES 24u
void unit_path(const char *name, unsigned unit, char path[PATH_MAX_BYTES]);

/* be_compiler() - read a source and the objects that it needs, write an object; the exit code. */
int be_compiler(unsigned unit);

/* be_make() - write sources, have all compiled, change one, have compiled what hangs on it; the exit code. */
int be_make(unsigned units, unsigned jobs);
