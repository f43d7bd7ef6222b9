/* SPDX-License-Identifier: MIT */
/*
 * gdb's agent expressions (agent.h): one function per group of operations, a stack of 64-bit words.
 *
 * A1  Nothing reaches outside of stack and code, whatever the bytes are: every access to them is checked in push(), pop()
 *     and take(), which remember a failure; the loop ends with it.
 *
 * Source: gdb manual, appendix "The GDB Agent Expression Mechanism", "Bytecode Descriptions".
 */
#include "kdebug/remote/agent.h"

#include "base/string.h"

enum operation {
    OP_ADD = 0x02,
    OP_SUB,
    OP_MUL,
    OP_DIV_SIGNED,
    OP_DIV_UNSIGNED,
    OP_REM_SIGNED,
    OP_REM_UNSIGNED,
    OP_LSH,
    OP_RSH_SIGNED,
    OP_RSH_UNSIGNED,
    OP_LOG_NOT = 0x0e,
    OP_BIT_AND,
    OP_BIT_OR,
    OP_BIT_XOR,
    OP_BIT_NOT,
    OP_EQUAL,
    OP_LESS_SIGNED,
    OP_LESS_UNSIGNED,
    OP_EXT,
    OP_REF8,
    OP_REF16,
    OP_REF32,
    OP_REF64,
    OP_IF_GOTO = 0x20,
    OP_GOTO,
    OP_CONST8,
    OP_CONST16,
    OP_CONST32,
    OP_CONST64,
    OP_REG,
    OP_END,
    OP_DUP,
    OP_POP,
    OP_ZERO_EXT,
    OP_SWAP,
    OP_PICK = 0x32,
    OP_ROT = 0x33,
    OP_PRINTF = 0x34,
};

struct machine {
    const struct kd_agent_code *code;
    const struct kd_agent_target *target;
    unsigned at, depth;
    bool failed;
    uint64_t stack[KD_AGENT_STACK];
};

static void push(struct machine *machine, uint64_t value)
{
    if (machine->depth == KD_AGENT_STACK) {
        machine->failed = true;
        return;
    }
    machine->stack[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
    if (machine->depth == 0) {
        machine->failed = true;
        return 0;
    }
    return machine->stack[--machine->depth];
}

/* A number in the code, most significant byte first. */
static uint64_t take(struct machine *machine, unsigned bytes)
{
    uint64_t value = 0;
    if (bytes > machine->code->count - machine->at) {
        machine->failed = true;
        return 0;
    }
    while (bytes-- > 0) {
        value = value << 8 | machine->code->bytes[machine->at++];
    }
    return value;
}

static uint64_t extend(uint64_t value, unsigned bits, bool is_signed)
{
    if (bits == 0 || bits >= 64) {
        return value;
    }
    uint64_t mask = (1ull << bits) - 1;
    bool is_negative = is_signed && (value >> (bits - 1) & 1);
    return is_negative ? value | ~mask : value & mask;
}

/* The two divisions that have no result fail, in place of raising an exception. */
static uint64_t divide(struct machine *machine, enum operation operation, uint64_t a, uint64_t b)
{
    bool is_signed = operation == OP_DIV_SIGNED || operation == OP_REM_SIGNED;
    if (b == 0 || (is_signed && a == 1ull << 63 && b == ~0ull)) {
        machine->failed = true;
        return 0;
    }
    switch (operation) {
    case OP_DIV_SIGNED:
        return (uint64_t)((int64_t)a / (int64_t)b);
    case OP_REM_SIGNED:
        return (uint64_t)((int64_t)a % (int64_t)b);
    case OP_DIV_UNSIGNED:
        return a / b;
    default:
        return a % b;
    }
}

static uint64_t combine(struct machine *machine, enum operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_LSH:
        return b < 64 ? a << b : 0;
    case OP_RSH_UNSIGNED:
        return b < 64 ? a >> b : 0;
    case OP_RSH_SIGNED:
        return (uint64_t)((int64_t)a >> MIN(b, 63ull));
    case OP_BIT_AND:
        return a & b;
    case OP_BIT_OR:
        return a | b;
    case OP_BIT_XOR:
        return a ^ b;
    case OP_EQUAL:
        return a == b;
    case OP_LESS_SIGNED:
        return (int64_t)a < (int64_t)b;
    case OP_LESS_UNSIGNED:
        return a < b;
    default:
        return divide(machine, operation, a, b);
    }
}

static bool is_binary(enum operation operation)
{
    return (operation >= OP_ADD && operation <= OP_RSH_UNSIGNED) ||
           (operation >= OP_BIT_AND && operation <= OP_BIT_XOR) ||
           (operation >= OP_EQUAL && operation <= OP_LESS_UNSIGNED);
}

static void load(struct machine *machine, unsigned bytes)
{
    uint64_t value = 0;
    if (!machine->target->read_memory(pop(machine), &value, bytes)) {
        machine->failed = true;
    }
    push(machine, value);
}

static void load_register(struct machine *machine)
{
    uint64_t value = 0;
    if (!machine->target->read_register((unsigned)take(machine, 2), &value)) {
        machine->failed = true;
    }
    push(machine, value);
}

static void jump(struct machine *machine, bool is_taken)
{
    unsigned to = (unsigned)take(machine, 2);
    if (is_taken) {
        machine->failed |= to >= machine->code->count;
        machine->at = to;
    }
}

static void pick(struct machine *machine, unsigned below)
{
    if (below >= machine->depth) {
        machine->failed = true;
        return;
    }
    push(machine, machine->stack[machine->depth - 1 - below]);
}

static void shuffle(struct machine *machine, enum operation operation)
{
    uint64_t top = pop(machine);
    switch (operation) {
    case OP_DUP:
        push(machine, top);
        push(machine, top);
        break;
    case OP_SWAP: {
        uint64_t next = pop(machine);
        push(machine, top);
        push(machine, next);
        break;
    }
    case OP_ROT: { /* a b c => c a b */
        uint64_t b = pop(machine), a = pop(machine);
        push(machine, top);
        push(machine, a);
        push(machine, b);
        break;
    }
    default: /* OP_POP */
        break;
    }
}

/* Behind it: how many arguments, and a format with its NUL. On the stack, top first: a function and a channel, which only
 * a C library has a use for, and the arguments. */
static void print(struct machine *machine)
{
    uint64_t arguments[KD_AGENT_STACK];
    unsigned count = (unsigned)take(machine, 1), length = (unsigned)take(machine, 2);
    const uint8_t *format = machine->code->bytes + machine->at;
    if (machine->failed || length == 0 || length > machine->code->count - machine->at ||
        format[length - 1] != '\0' || count > KD_AGENT_STACK || machine->target->print == NULL) {
        machine->failed = true;
        return;
    }
    machine->at += length;
    (void)pop(machine);
    (void)pop(machine);
    for (unsigned i = 0; i < count; i++) {
        arguments[i] = pop(machine);
    }
    if (!machine->failed) {
        machine->target->print((const char *)format, arguments, count);
    }
}

static void step_other(struct machine *machine, enum operation operation)
{
    switch (operation) {
    case OP_LOG_NOT:
        push(machine, pop(machine) == 0);
        break;
    case OP_BIT_NOT:
        push(machine, ~pop(machine));
        break;
    case OP_EXT:
    case OP_ZERO_EXT: {
        unsigned bits = (unsigned)take(machine, 1);
        push(machine, extend(pop(machine), bits, operation == OP_EXT));
        break;
    }
    case OP_REF8:
    case OP_REF16:
    case OP_REF32:
    case OP_REF64:
        load(machine, 1u << (operation - OP_REF8));
        break;
    case OP_CONST8:
    case OP_CONST16:
    case OP_CONST32:
    case OP_CONST64:
        push(machine, take(machine, 1u << (operation - OP_CONST8)));
        break;
    case OP_REG:
        load_register(machine);
        break;
    case OP_IF_GOTO:
        jump(machine, pop(machine) != 0);
        break;
    case OP_GOTO:
        jump(machine, true);
        break;
    case OP_PICK:
        pick(machine, (unsigned)take(machine, 1));
        break;
    case OP_DUP:
    case OP_POP:
    case OP_SWAP:
    case OP_ROT:
        shuffle(machine, operation);
        break;
    case OP_PRINTF:
        print(machine);
        break;
    default:
        machine->failed = true; /* floating point, tracepoints, or nonsense */
        break;
    }
}

static void step(struct machine *machine, enum operation operation)
{
    if (is_binary(operation)) {
        uint64_t b = pop(machine), a = pop(machine);
        push(machine, combine(machine, operation, a, b));
    } else {
        step_other(machine, operation);
    }
}

/* False: it has not come to its end. */
static bool run_to_end(struct machine *machine)
{
    for (unsigned steps = 0; steps < KD_AGENT_STEPS && !machine->failed; steps++) {
        enum operation operation = (enum operation)take(machine, 1);
        if (operation == OP_END && !machine->failed) {
            return true;
        }
        step(machine, operation);
    }
    return false;
}

bool kd_agent_holds(const struct kd_agent_code *code, const struct kd_agent_target *target)
{
    struct machine machine = {.code = code, .target = target};
    if (!run_to_end(&machine)) {
        return true;
    }
    uint64_t value = pop(&machine);
    return machine.failed || value != 0;
}

bool kd_agent_run(const struct kd_agent_code *commands, const struct kd_agent_target *target)
{
    struct kd_agent_code one;
    for (unsigned at = 0; at < commands->count; at += one.count) {
        one.count = commands->bytes[at++];
        if (one.count > commands->count - at) {
            return false;
        }
        memcpy(one.bytes, commands->bytes + at, one.count);
        struct machine machine = {.code = &one, .target = target};
        if (!run_to_end(&machine)) {
            return false;
        }
    }
    return true;
}
