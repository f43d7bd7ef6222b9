/* SPDX-License-Identifier: MIT */
/* Types of user programs, out of their files (program_types.h). */
#include "kdebug/core/program_types.h"

#include "base/format.h"
#include "kdebug/core/program.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"

#define BYTES_MAX 32768u /* three times what the largest program has */

static uint32_t buffer[BYTES_MAX / sizeof(uint32_t)];

void kd_program_types_load(kd_scope_t scope)
{
    struct kd_program program;
    size_t bytes = 0;
    if (kd_program_numbered(scope - 1, &program) && program.type_bytes <= sizeof(buffer) &&
        kd_read(KD_SPACE_PHYSICAL, program.types, buffer, (size_t)program.type_bytes) == OK) {
        bytes = (size_t)program.type_bytes;
    }
    kd_types_use_program(scope, buffer, bytes);
}

static bool find_program(struct kd_program *out)
{
    kd_space_t space = kd_session_space(0);
    return space != KD_SPACE_KERNEL && kd_program_of(space, out) && out->number + 1 < KD_SCOPES_MAX;
}

kd_scope_t kd_program_scope(void)
{
    struct kd_program program;
    return find_program(&program) ? program.number + 1 : KD_SCOPE_KERNEL;
}

void kd_program_scopes(kd_scope_t out[2])
{
    bool is_chosen = kd_session_context() != 0;
    out[is_chosen ? 1 : 0] = KD_SCOPE_KERNEL;
    out[is_chosen ? 0 : 1] = kd_program_scope();
}

const char *kd_program_trouble(void)
{
    static char text[96];
    struct kd_program program;
    if (!find_program(&program) || kd_types_count(program.number + 1) != 0) {
        return "";
    }
    const char *trouble = program.type_bytes == 0               ? "its file has no types"
                          : program.type_bytes > sizeof(buffer) ? "it has too many types"
                                                                : "its types are damaged";
    format_text(text, sizeof(text), " (%s: %s)", program.name, trouble);
    return text;
}
