/* SPDX-License-Identifier: MIT */
/* C values: print, type, list, array, set. */
#include "base/string.h"
#include "kdebug/core/access.h"
#include "kdebug/core/command.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/parser.h"
#include "kdebug/core/session.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/program_types.h"
#include "kdebug/core/target.h"
#include "kdebug/core/type_print.h"
#include "kdebug/core/variables.h"
#include "kdebug/x86_64/registers.h"

#define CHAIN_MAX 1000000u

/* ---- print ---- */

/* Several values in one row. */
static void print_row(struct kd_call *call, struct kd_value value)
{
    char separator = ' ';
    do {
        struct kd_value loaded;
        if (value.ctype == 0 || kd_load(&value, &loaded) != NULL) {
            kd_print("0x%llx%c", (unsigned long long)value.bits, separator);
        } else {
            kd_print_value_within(&value);
            kd_print("%c", separator);
        }
    } while (kd_arg_value(call, &value));
    kd_print("\n");
}

static void run_print(struct kd_call *call)
{
    struct kd_value value;
    bool hex = kd_arg_accept(call, "/x");
    bool decimal = !hex && kd_arg_accept(call, "/d");
    if (!kd_arg_value(call, &value)) {
        if (!call->has_input) {
            kd_fail_usage(call);
        }
        value = call->input;
        (void)kd_object(&call->input, &value); /* a row as the structure that it stands for */
    }
    if (hex || decimal) {
        uint64_t bits;
        const char *error = kd_load_bits(&value, &bits);
        kd_arg_done(call);
        if (error != NULL) {
            kd_fail("%s", error);
        }
        kd_print(hex ? "0x%llx\n" : "%lld\n", (unsigned long long)bits);
        return;
    }
    if (!kd_arg_is_end(call)) {
        print_row(call, value);
        return;
    }
    value.is_brief = call->has_input && value.is_brief && call->input.bits != value.bits;
    kd_emit(call, value);
}
KD_COMMAND(print, .usage = "[/x | /d] EXPRESSION...",
           .help = "evaluate: C over numbers, symbols, %registers, $variables, types; .field of "
                   "what comes through a pipe",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_print);

/* ---- type ---- */

static bool has_part(const char *name, const char *part)
{
    size_t length = strlen(part);
    for (; *name != '\0'; name++) {
        if (strncmp(name, part, length) == 0) {
            return true;
        }
    }
    return false;
}

static void list_types(kd_scope_t scope, const char *part)
{
    const char *keyword, *name;
    for (unsigned i = 0; kd_ctype_number(scope, i, &keyword, &name) != 0; i++) {
        if (*name != '\0' && has_part(name, part) &&
            (scope == KD_SCOPE_KERNEL ||
             kd_ctype_named(KD_SCOPE_KERNEL, keyword, name, strlen(name)) == 0)) {
            kd_print("%s%s%s\n", keyword, *keyword == '\0' ? "" : " ", name);
        }
    }
}

static void run_type(struct kd_call *call)
{
    char part[40];
    kd_ctype_t type;
    if (kd_arg_accept(call, "-part") && kd_arg_word(call, part, sizeof(part))) {
        kd_arg_done(call);
        kd_scope_t program = kd_program_scope();
        list_types(KD_SCOPE_KERNEL, part);
        if (program != KD_SCOPE_KERNEL) {
            list_types(program, part);
        }
        return;
    }
    if (!kd_arg_type(call, &type)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_print_layout(type);
}
KD_COMMAND(type, .usage = "NAME | -part TEXT",
           .help = "a C type: offset, size, type and name of its fields, or its enumerators",
           .flags = KD_READS, .run = run_type);

/* ---- list, array ---- */

/* At the head that a value is, points to, or gives the address of. */
static void begin_list(struct kd_list_walk *walk, const struct kd_value *head)
{
    struct kd_value object;
    if (head->type == NULL && kd_object(head, &object) == NULL &&
        strcmp(kd_ctype_get(object.ctype).name, "list") == 0) {
        kd_list_begin(walk, object.bits);
        walk->space = object.space;
        return;
    }
    uint64_t address;
    const char *error = kd_load_bits(head, &address);
    if (error != NULL) {
        kd_fail("%s", error);
    }
    kd_list_begin(walk, address);
    walk->space = head->space != KD_SPACE_KERNEL ? head->space : kd_session_space(address);
}

/* Structures that point to the next one, to NULL or round to the first. */
static void follow_chain(struct kd_call *call, const struct kd_value *head, kd_ctype_t type,
                         const struct kd_member *member)
{
    uint64_t first, at;
    const char *error = kd_load_bits(head, &first);
    kd_space_t space = head->space != KD_SPACE_KERNEL ? head->space : kd_session_space(first);
    at = first;
    for (unsigned i = 0; error == NULL && at != 0 && (i == 0 || at != first); i++) {
        struct kd_value element = kd_value_place(at, space, type);
        struct kd_value next = kd_value_place(at + member->bit_offset / 8, space, member->type);
        element.is_brief = true;
        if (i == CHAIN_MAX) {
            kd_fail("the list at 0x%llx does not end", (unsigned long long)first);
        }
        if (!kd_emit(call, element)) {
            return;
        }
        error = kd_load_bits(&next, &at);
    }
    if (error != NULL) {
        kd_fail("0x%llx: %s", (unsigned long long)at, error);
    }
}

static void run_list(struct kd_call *call)
{
    struct kd_value head;
    kd_ctype_t type;
    struct kd_member member;
    char name[40];
    if (!kd_arg_value(call, &head) || !kd_arg_type(call, &type) ||
        !kd_arg_word(call, name, sizeof(name))) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    if (!kd_ctype_find_member(type, name, strlen(name), &member)) {
        kd_fail("no field '%s'", name);
    }
    if (kd_ctype_get(member.type).kind == KD_KIND_POINTER) {
        follow_chain(call, &head, type, &member);
        return;
    }
    struct kd_list_walk walk;
    vaddr_t node;
    begin_list(&walk, &head);
    while (kd_list_next(&walk, &node)) {
        struct kd_value element = kd_value_place(node - member.bit_offset / 8, walk.space, type);
        element.is_brief = true;
        if (!kd_emit(call, element)) {
            return;
        }
    }
}
KD_COMMAND(list, .usage = "HEAD TYPE FIELD",
           .help = "the structures in a list: its head, or the first of a chain of pointers; their "
                   "type, the field that links them",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_list);

static void run_array(struct kd_call *call)
{
    struct kd_value value;
    uint64_t count;
    if (!kd_arg_value(call, &value)) {
        kd_fail_usage(call);
    }
    struct kd_ctype type = kd_ctype_get(value.ctype);
    if (!kd_arg_number(call, &count)) {
        if (!value.is_place || type.kind != KD_KIND_ARRAY) {
            kd_fail("a pointer does not know how many elements there are: say it");
        }
        count = type.count;
    }
    kd_arg_done(call);
    for (uint64_t i = 0; i < count; i++) {
        struct kd_value element;
        const char *error = kd_element(&value, i, &element);
        if (error != NULL) {
            kd_fail("element %llu: %s", (unsigned long long)i, error);
        }
        element.is_brief = true;
        if (!kd_emit(call, element)) {
            return;
        }
    }
}
KD_COMMAND(array, .usage = "EXPRESSION [COUNT]",
           .help = "the elements of an array, or so many behind a pointer",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_array);

/* ---- set ---- */

static struct kd_value take_assigned(struct kd_call *call)
{
    struct kd_value place, value;
    if (kd_arg_is_end(call) || *call->args != '=' || call->args[1] == '=') {
        kd_fail_at(call->args, "'=' is missing");
    }
    call->args++;
    if (!kd_arg_value(call, &place)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    const char *error = kd_load(&place, &value);
    return error == NULL ? value : place; /* a structure stays the place that it is */
}

static void set_register(const char *name, uint64_t bits)
{
    struct kd_registers registers;
    unsigned cpu = kd_session_cpu();
    kd_require(KD_WRITES);
    if (kd_target->set_registers == NULL || kd_target->registers(cpu, &registers) != OK) {
        kd_fail("the registers of core %u cannot be set", cpu);
    }
    if (!kd_register_set(&registers, name, strlen(name), bits)) {
        kd_fail("no register '%s' that can be set", name);
    }
    if (kd_target->set_registers(cpu, &registers) != OK) {
        kd_fail("the registers of core %u cannot be set", cpu);
    }
}

static void set_place(struct kd_call *call)
{
    struct kd_value place;
    if (!kd_arg_value(call, &place)) {
        kd_fail_usage(call);
    }
    struct kd_value value = take_assigned(call);
    kd_require(KD_WRITES);
    const char *error = kd_store(&place, value.bits);
    if (error != NULL) {
        kd_fail("%s", error);
    }
}

/* "$name" or "%name" before a blank or '='. Bytes of it. */
static size_t name_length(const struct kd_call *call)
{
    size_t length = 1;
    while (call->args + length < call->args_end &&
           (kd_is_letter(call->args[length]) || kd_is_digit(call->args[length]))) {
        length++;
    }
    return length;
}

static void set_named(struct kd_call *call)
{
    char name[32];
    size_t length = name_length(call);
    if (length >= sizeof(name)) {
        kd_fail_at(call->args, "this word is too long");
    }
    memcpy(name, call->args, length);
    name[length] = '\0';
    call->args += length;
    struct kd_value value = take_assigned(call);
    if (name[0] == '%') {
        set_register(name + 1, value.bits);
    } else if (!kd_variable_set(name + 1, strlen(name + 1), &value)) {
        kd_fail("the name is too long, or there are too many variables");
    }
}

static void list_variables(void)
{
    const char *name;
    struct kd_value value;
    for (unsigned i = 0; kd_variable_number(i, &name, &value); i++) {
        kd_print("$%s = ", name);
        if (value.ctype != 0) {
            kd_print_value_line(&value);
        } else {
            kd_print("0x%llx\n", (unsigned long long)value.bits);
        }
    }
}

/* "$name" or "%name" and nothing more: not "$name->field". */
static bool names_one(const struct kd_call *call)
{
    if (*call->args != '$' && *call->args != '%') {
        return false;
    }
    const char *at = call->args + name_length(call);
    return at == call->args_end || *at == ' ' || *at == '=';
}

static void run_set(struct kd_call *call)
{
    uint64_t lines;
    if (kd_arg_is_end(call)) {
        list_variables();
    } else if (kd_arg_accept(call, "pager")) {
        if (!kd_arg_number(call, &lines) || lines > 1000) {
            kd_fail_usage(call);
        }
        kd_arg_done(call);
        kd_pager_set((unsigned)lines);
    } else if (names_one(call)) {
        set_named(call);
    } else {
        set_place(call);
    }
}
KD_COMMAND(set, .usage = "[pager LINES | $NAME = E | %REGISTER = E | EXPRESSION = E]",
           .help = "change a variable, a register of the selected core, memory; stop output after "
                   "so many lines, 0 never",
           .flags = KD_READS | KD_WRITES | KD_PARTLY, .run = run_set);
