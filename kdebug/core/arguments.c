/* SPDX-License-Identifier: MIT */
/* Taking a command's arguments from its text (command.h). */
#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/command.h"

static void skip_blanks(struct kd_call *call)
{
    while (call->args < call->args_end && (*call->args == ' ' || *call->args == '\t')) {
        call->args++;
    }
}

static size_t word_length(const struct kd_call *call)
{
    size_t length = 0;
    while (call->args + length < call->args_end && call->args[length] != ' ' &&
           call->args[length] != '\t') {
        length++;
    }
    return length;
}

bool kd_arg_is_end(struct kd_call *call)
{
    skip_blanks(call);
    return call->args == call->args_end;
}

bool kd_arg_accept(struct kd_call *call, const char *word)
{
    skip_blanks(call);
    size_t length = word_length(call);
    if (length == 0 || strlen(word) != length || memcmp(call->args, word, length) != 0) {
        return false;
    }
    call->args += length;
    return true;
}

bool kd_arg_word(struct kd_call *call, char *to, size_t bytes)
{
    skip_blanks(call);
    size_t length = word_length(call);
    if (length == 0) {
        return false;
    }
    if (length >= bytes) {
        kd_fail_at(call->args, "this word is too long");
    }
    memcpy(to, call->args, length);
    to[length] = '\0';
    call->args += length;
    return true;
}

bool kd_arg_value(struct kd_call *call, struct kd_value *out)
{
    if (kd_arg_is_end(call)) {
        return false;
    }
    struct kd_error error;
    const struct kd_value *dot = call->has_input ? &call->input : NULL;
    if (!kd_expression_parse_on(&call->args, call->args_end, dot, out, &error)) {
        kd_fail_at(error.at, "%s", error.message);
    }
    skip_blanks(call);
    if (call->args < call->args_end && *call->args == ',') {
        call->args++;
    }
    return true;
}

bool kd_arg_number(struct kd_call *call, uint64_t *out)
{
    struct kd_value value;
    skip_blanks(call);
    const char *start = call->args;
    if (!kd_arg_value(call, &value)) {
        return false;
    }
    const char *error = kd_load_bits(&value, out);
    if (error != NULL) {
        kd_fail_at(start, "%s", error);
    }
    return true;
}

bool kd_arg_type(struct kd_call *call, kd_ctype_t *out)
{
    struct kd_error error;
    if (kd_arg_is_end(call)) {
        return false;
    }
    if (!kd_type_parse(&call->args, call->args_end, out, &error)) {
        kd_fail_at(error.at, "%s", error.message);
    }
    return true;
}

void kd_arg_done(struct kd_call *call)
{
    if (!kd_arg_is_end(call)) {
        kd_fail_at(call->args, "'%s' has no use for this; usage: %s %s", call->command->name,
                   call->command->name, call->command->usage);
    }
}

size_t kd_arg_rest(struct kd_call *call, const char **out)
{
    skip_blanks(call);
    *out = call->args;
    size_t length = (size_t)(call->args_end - call->args);
    call->args = call->args_end;
    return length;
}
