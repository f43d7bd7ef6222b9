/* SPDX-License-Identifier: MIT */
/* The person's own variables (variables.h). */
#include "kdebug/core/variables.h"

#include "base/string.h"

#define VARIABLES_MAX 32u
#define NAME_MAX      24u

static struct {
    char name[NAME_MAX];
    struct kd_value value;
} variables[VARIABLES_MAX];
static unsigned count;

/* Its index, `count` if there is none. */
static unsigned find(const char *name, size_t length)
{
    unsigned i = 0;
    while (i < count &&
           !(strncmp(variables[i].name, name, length) == 0 && variables[i].name[length] == '\0')) {
        i++;
    }
    return i;
}

bool kd_variable_get(const char *name, size_t length, struct kd_value *out)
{
    unsigned i = length < NAME_MAX ? find(name, length) : count;
    if (i == count) {
        return false;
    }
    *out = variables[i].value;
    return true;
}

bool kd_variable_set(const char *name, size_t length, const struct kd_value *value)
{
    if (length == 0 || length >= NAME_MAX) {
        return false;
    }
    unsigned i = find(name, length);
    if (i == VARIABLES_MAX) {
        return false;
    }
    if (i == count) {
        memcpy(variables[i].name, name, length);
        variables[i].name[length] = '\0';
        count++;
    }
    variables[i].value = *value;
    return true;
}

bool kd_variable_number(unsigned i, const char **out_name, struct kd_value *out)
{
    if (i >= count) {
        return false;
    }
    *out_name = variables[i].name;
    *out = variables[i].value;
    return true;
}
