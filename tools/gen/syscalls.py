# SPDX-License-Identifier: MIT
"""System calls: numbers, user stubs, kernel prototypes and the checked dispatch table."""

from __future__ import annotations

from model import ARG_REGISTERS, CHECKED_TYPES, RESULT_REGISTERS, SYSCALLS_TOML, Arg, Model, Result, Syscall
from text import c_head, joined

# Message words of a raw call, in order (kernel/abi/message.h).
WORD_REGISTERS = ("r8", "r9", "r10", "r12", "r13", "r14", "r15", "rbx")

USER_TYPES = {"handle": "uint64_t ", "entry": "uint64_t ", "handle_number": "uint64_t ", "u64": "uint64_t ",
              "u32": "uint32_t ", "ns": "uint64_t ", "va": "uint64_t "}
KERNEL_TYPES = {"handle": "struct object *", "entry": "const struct handle_entry *", "handle_number": "uint64_t ",
                "user_ptr": "vaddr_t ", "va": "vaddr_t ", "ns": "ns_t ",
                "u64": "uint64_t ", "u32": "uint32_t "}


def syscall_numbers_h(model: Model) -> str:
    count = max((call.number for call in model.syscalls), default=-1) + 1
    lines = c_head(SYSCALLS_TOML, "Numbers of the system calls.")
    lines.append("enum syscall_number {")
    lines += [f"    SYSCALL_{call.name.upper()} = {call.number}," for call in model.syscalls]
    lines += ["};", "", f"#define SYSCALL_COUNT {count} /* highest number plus 1 */", "",
              "/* syscall_name() - \"mailbox_call\" and so on; \"?\" for a number that means nothing. */",
              "static inline const char *syscall_name(unsigned number)", "{", "    switch (number) {"]
    for call in model.syscalls:
        lines += [f"    case SYSCALL_{call.name.upper()}:", f'        return "{call.name}";']
    lines += ["    default:", '        return "?";', "    }", "}", "",
              "/* syscall_parameters() - their names, in the order of SYSCALL_ARGUMENTS(); \"\" none. */",
              "static inline const char *syscall_parameters(unsigned number)", "{", "    switch (number) {"]
    for call in model.syscalls:
        if call.args:
            names = " ".join(arg.name for arg in call.args)
            lines += [f"    case SYSCALL_{call.name.upper()}:", f'        return "{names}";']
    registers = ", ".join(f"(frame)->{register}" for register in ARG_REGISTERS)
    lines += ["    default:", '        return "";', "    }", "}", "",
              "/* SYSCALL_ARGUMENTS() - for an array: what the caller has given, until results are written. */",
              f"#define SYSCALL_ARGUMENTS(frame) {{{registers}}}"]
    return joined(lines)


def describe(call: Syscall, results: list[Result]) -> list[str]:
    """The comment above a prototype: what it does, arguments, results, errors."""
    lines = ["/*", f" * {call.doc}"]
    for arg in call.args:
        facts = [arg.doc] if arg.doc else []
        if arg.type in CHECKED_TYPES:
            facts.append(f"{arg.object}, rights: {' '.join(arg.rights) or 'any'}")
        if facts:
            lines.append(f" * @{arg.name}  {'; '.join(facts)}")
    if results:
        lines.append(" * Results, written only on OK: " + ", ".join(result.name for result in results))
    if call.errors:
        lines.append(" * Errors: " + " ".join(call.errors))
    return lines + [" */"]


# ---- user stubs ----

def user_type(arg: Arg) -> str:
    if arg.type == "user_ptr":
        return "const void *" if arg.dir == "in" else "void *"
    return USER_TYPES[arg.type]


def inout_names(call: Syscall) -> set[str]:
    return {arg.name for arg in call.args} & {result.name for result in call.results}


def user_parameters(call: Syscall) -> str:
    both = inout_names(call) if call.raw else set()
    parts = []
    for arg in call.args:
        star = "*" if arg.name in both else ""
        parts.append(f"{user_type(arg)}{star}{arg.name}")
    parts += [f"uint64_t *out_{result.name}" for result in call.results if result.name not in both]
    if call.words != "none":
        parts.append(("const " if call.words == "in" else "") + "uint64_t words[8]")
    return ", ".join(parts) or "void"


def user_value(arg: Arg, both: set[str]) -> str:
    if arg.name in both:
        return f"*{arg.name}"
    return f"(uint64_t){arg.name}" if arg.type == "user_ptr" else arg.name


def user_stub(call: Syscall) -> list[str]:
    """One inline function. Registers that carry nothing are left alone: the kernel preserves them."""
    both = inout_names(call) if call.raw else set()
    kind = "_Noreturn static inline void" if call.noreturn else "static inline status_t"
    lines = describe(call, list(call.results))
    lines += [f"{kind} sys_{call.name}({user_parameters(call)})", "{",
              f"    register uint64_t rax __asm__(\"rax\") = {call.number};"]
    values = {arg.register: user_value(arg, both) for arg in call.args}
    if call.words != "none":
        values |= {register: f"words[{index}]" for index, register in enumerate(WORD_REGISTERS)}
    changed = {result.register for result in call.results}
    if call.words != "none":
        changed |= set(WORD_REGISTERS) | set(RESULT_REGISTERS)
    used = [register for register in (*RESULT_REGISTERS, *WORD_REGISTERS) if register in values or register in changed]
    for register in used:
        value = f" = {values[register]}" if register in values else ""
        lines.append(f"    register uint64_t {register} __asm__(\"{register}\"){value};")
    outputs = ['"+r"(rax)']
    inputs = []
    for register in used:
        if register in changed:
            outputs.append(f'"{"+" if register in values else "="}r"({register})')
        else:
            inputs.append(f'"r"({register})')
    lines += ['    __asm__ volatile("syscall"', f"                     : {', '.join(outputs)}",
              f"                     : {', '.join(inputs)}".rstrip(),
              '                     : "rcx", "r11", "memory");']
    return lines + user_ending(call, both) + ["}", ""]


def user_ending(call: Syscall, both: set[str]) -> list[str]:
    if call.noreturn:
        return ["    __builtin_unreachable();"]
    stores = [f"{'*' if result.name in both else '*out_'}{result.name} = {result.register};"
              for result in call.results]
    if call.words == "inout":
        stores += [f"words[{index}] = {register};" for index, register in enumerate(WORD_REGISTERS)]
    lines = []
    if stores:
        lines += ["    if (status == OK) {", *[f"        {store}" for store in stores], "    }"]
    return ["    status_t status = (status_t)rax;", *lines, "    return status;"]


def syscall_user_h(model: Model) -> str:
    lines = c_head(SYSCALLS_TOML, "System calls as inline functions, for user programs.")
    lines += ["#include <stdint.h>", "", '#include "gen/errors.h"', ""]
    for call in model.syscalls:
        lines += user_stub(call)
    return joined(lines[:-1])


# ---- kernel side ----

def kernel_prototype(call: Syscall) -> str:
    if call.raw:
        return f"void sys_{call.name}(struct trap_frame *frame, struct handle_entry *entry)"
    parts = [f"{KERNEL_TYPES[arg.type]}{arg.name}" for arg in call.args]
    parts += [f"uint64_t *out_{result.name}" for result in call.results]
    return f"status_t sys_{call.name}({', '.join(parts) or 'void'})"


REGISTER_ARGS = 6  # the seventh lies on the stack, where function tracing would move it

HANDLERS_HEAD = """\
#include "base/types.h"
#include "gen/syscall_numbers.h"

struct handle_entry;
struct object;
struct trap_frame;

/* The wrappers, by number: check arguments, handles and rights, call the handler, write back. Every slot is set. */
extern void (*const syscall_table[SYSCALL_COUNT])(struct trap_frame *frame);

/*
 * Objects come with a reference that the wrapper drops after the call; an entry is a copy of the handle's, for calls
 * that need its type, rights or badge or pass it on. User pointers are unchecked addresses: only
 * the copy layer may touch them. A raw handler sets rax and the results in the frame itself; its entry was looked up
 * without a lock, so it checks again under the object's lock.
 */
"""


def syscall_handlers_h(model: Model) -> str:
    lines = c_head(SYSCALLS_TOML, "What the kernel implements, one function per system call.")
    lines.append(HANDLERS_HEAD)
    for call in model.syscalls:
        lines += describe(call, list(call.results))
        on_stack = len(call.args) + len(call.results) > REGISTER_ARGS and not call.raw
        lines += [kernel_prototype(call) + (" NOT_TRACED;" if on_stack else ";"), ""]
    return joined(lines[:-1])


def rights_mask(arg: Arg) -> str:
    return " | ".join(f"RIGHT_{arg.object}_{right}".upper() if right not in ("duplicate", "transfer")
                      else f"RIGHT_{right}".upper() for right in arg.rights) or "0"


RAW_SLOWLY = """
/*
 * A handle that the fast look of a raw call did not find good: refused, or under a lease. Out of the way, so that the
 * wrappers need no register saved.
 */
static NOINLINE void enter_raw_slowly(struct trap_frame *frame, enum object_type type, uint32_t rights,
                                      void (*handler)(struct trap_frame *, struct handle_entry *))
{
    status_t status = OK;
    struct handle_entry *entry = handle_peek(frame->rdi, type, rights, &status);
    if (entry == NULL) {
        frame->rax = (uint64_t)(int64_t)status;
        return;
    }
    handler(frame, entry);
}
"""


def raw_wrapper(call: Syscall) -> list[str]:
    """The handle of a raw call is its first argument."""
    arg = call.args[0]
    check = f"OBJECT_{arg.object.upper()}, {rights_mask(arg)}"
    return [f"    struct handle_entry *entry = handle_peek_fast(frame->{arg.register}, {check});",
            "    if (LIKELY(entry != NULL)) {", f"        sys_{call.name}(frame, entry);", "    } else {",
            f"        enter_raw_slowly(frame, {check}, sys_{call.name});", "    }"]


def argument_value(arg: Arg) -> str:
    if arg.type == "handle":
        return arg.name
    if arg.type == "entry":
        return f"&{arg.name}"
    return f"(uint32_t)frame->{arg.register}" if arg.type == "u32" else f"frame->{arg.register}"


def plain_wrapper(call: Syscall) -> list[str]:
    """Checks that need no cleanup first, then the handles in order; labels undo them in reverse."""
    lines = []
    small = [arg for arg in call.args if arg.type == "u32"]
    handles = [arg for arg in call.args if arg.type in CHECKED_TYPES]
    parts = [argument_value(arg) for arg in call.args] + [f"&{result.name}_value" for result in call.results]
    invoke = f"sys_{call.name}({', '.join(parts)})"
    if not small and not handles and not call.results:
        return [f"    frame->rax = (uint64_t)(int64_t){invoke};"]
    lines += [f"    struct object *{arg.name};" if arg.type == "handle" else f"    struct handle_entry {arg.name};"
              for arg in handles]
    lines += [f"    uint64_t {result.name}_value;" for result in call.results]
    lines.append("    status_t status;")
    if small:
        upper = " | ".join(f"frame->{arg.register}" for arg in small)
        test = f"({upper}) >> 32 != 0" if len(small) > 1 else f"{upper} >> 32 != 0"
        lines += [f"    if (UNLIKELY({test})) {{", "        status = ERR_BAD_ARGUMENT;", "        goto done;", "    }"]
    for index, arg in enumerate(handles):
        target = f"put_{handles[index - 1].name}" if index else "done"
        look_up = "handle_get" if arg.type == "handle" else "handle_get_entry"
        lines += [f"    status = {look_up}(frame->{arg.register}, OBJECT_{arg.object.upper()}, {rights_mask(arg)}, "
                  f"&{arg.name});",
                  "    if (UNLIKELY(status != OK)) {", f"        goto {target};", "    }"]
    lines.append(f"    status = {invoke};")
    if call.results:
        lines.append("    if (LIKELY(status == OK)) {")
        lines += [f"        frame->{result.register} = {result.name}_value;" for result in call.results]
        lines.append("    }")
    for index in range(len(handles) - 1, -1, -1):
        if index < len(handles) - 1:
            lines.append(f"put_{handles[index].name}:")
        arg = handles[index]
        lines.append(f"    object_put({arg.name});" if arg.type == "handle" else f"    handle_entry_put(&{arg.name});")
    if small or handles:
        lines.append("done:")
    lines.append("    frame->rax = (uint64_t)(int64_t)status;")
    return lines


def syscall_dispatch_c(model: Model) -> str:
    lines = c_head(SYSCALLS_TOML, "Between the entry stub and the handlers: all checks that the definition asks for.",
                   header=False)
    lines += ['#include "gen/syscall_handlers.h"', "", '#include "arch/frame.h"', '#include "sched/process.h"',
              '#include "object/object.h"', ""]
    count = max((call.number for call in model.syscalls), default=-1) + 1
    numbers = {call.number for call in model.syscalls}
    if len(numbers) < count:
        lines += ["static void refuse_unknown(struct trap_frame *frame)", "{",
                  "    frame->rax = (uint64_t)(int64_t)ERR_NO_SYSCALL;", "}", ""]
    if any(call.raw for call in model.syscalls):
        lines += RAW_SLOWLY.splitlines()[1:] + [""]
    for call in model.syscalls:
        lines += [f"static void enter_{call.name}(struct trap_frame *frame)", "{"]
        lines += raw_wrapper(call) if call.raw else plain_wrapper(call)
        lines += ["}", ""]
    lines.append("void (*const syscall_table[SYSCALL_COUNT])(struct trap_frame *) = {")
    lines += [f"    [SYSCALL_{call.name.upper()}] = enter_{call.name}," for call in model.syscalls]
    lines += [f"    [{number}] = refuse_unknown," for number in range(count) if number not in numbers]
    lines.append("};")
    return joined(lines)


# ---- what a test must try ----

CHECKS_HEAD = """\
#include <stdint.h>

#include "gen/objects.h"
#include "gen/syscall_numbers.h"

/* One argument that the kernel looks up: of which call, the how many-th, what it must name, which rights it needs. */
struct syscall_handle_arg {
    uint8_t number;
    uint8_t place;
    uint8_t type; /* OBJECT_ANY: of any type */
    uint32_t rights;
};
"""


def syscall_checks_h(model: Model) -> str:
    """Every handle that any call takes, so that a test of wrong handles covers a new call by itself."""
    lines = c_head(SYSCALLS_TOML, "Every argument that names an object, for tests that pass wrong ones.")
    lines += [CHECKS_HEAD, "static const struct syscall_handle_arg syscall_handle_args[] = {"]
    rows = [(call, place, arg) for call in model.syscalls for place, arg in enumerate(call.args)
            if arg.type in CHECKED_TYPES]
    lines += [f"    {{SYSCALL_{call.name.upper()}, {place}, OBJECT_{arg.object.upper()}, {rights_mask(arg)}}},"
              for call, place, arg in rows]
    lines += ["};", f"#define SYSCALL_HANDLE_ARG_COUNT {len(rows)}u"]
    return joined(lines)
