/* SPDX-License-Identifier: MIT */
/* The code of probes on entries (arch/function_probe.h), and who has one. Changed in a rendezvous, as all text. */
#include "arch/function_probe.h"

#include "arch/cpu.h"
#include "arch/frame.h"
#include "arch/function_patch.h"
#include "arch/text_patch.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/text_patch_impl.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"

extern const char probe_thunk[];

static struct entry {
    vaddr_t function;
    vaddr_t tail; /* of its code: what differs while it is traced */
    vaddr_t slot;
    bool is_traced;
} entries[TEXT_PROBES_MAX];
static unsigned entry_count;

/* Words of struct trap_frame as instructions number them: r15 to r8, rbp, rdi, rsi, rdx, rcx, rbx, rax. */
static const uint8_t encodings[] = {15, 14, 13, 12, 11, 10, 9, 8, 5, 7, 6, 2, 1, 3, 0};
static_assert(offsetof(struct trap_frame, rax) == 8 * (ARRAY_COUNT(encodings) - 1), "encodings[]");

bool function_probe_takes(unsigned reg)
{
    return reg < ARRAY_COUNT(encodings);
}

/* ---- code ---- */

struct code {
    uint8_t bytes[TEXT_PROBE_BYTES];
    unsigned count;
    vaddr_t at; /* where the first of them will lie */
};

static void put(struct code *code, const void *bytes, unsigned count)
{
    memcpy(code->bytes + code->count, bytes, count);
    code->count += count;
}

static void put_byte(struct code *code, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    put(code, &one, sizeof(one));
}

static void put_4(struct code *code, uint64_t value)
{
    uint32_t four = (uint32_t)value;
    put(code, &four, sizeof(four));
}

/* CALL or JMP. */
static void put_branch(struct code *code, unsigned opcode, vaddr_t target)
{
    put_byte(code, opcode);
    put_4(code, target - (code->at + code->count + 4));
}

static void put_push(struct code *code, unsigned reg)
{
    unsigned encoding = encodings[reg];
    if (encoding >= 8) {
        put_byte(code, 0x41); /* REX.B */
    }
    put_byte(code, 0x50 + encoding % 8);
}

static void put_push_number(struct code *code, unsigned number)
{
    put_byte(code, 0x6a);
    put_byte(code, number);
}

static void put_count(struct code *code, unsigned number)
{
    static const uint8_t inc_gs[] = {0x65, 0x48, 0xff, 0x04, 0x25}; /* inc qword [gs:disp32] */
    put(code, inc_gs, sizeof(inc_gs));
    put_4(code, offsetof(struct cpu, probe_hits) + number * sizeof(uint64_t));
}

static void put_call(struct code *code, const struct function_probe *probe)
{
    static const uint8_t drop[] = {0x48, 0x8d, 0x64, 0x24,
                                   8 * (FUNCTION_PROBE_VALUES + 1)}; /* lea rsp, [rsp + 40] */
    for (unsigned i = FUNCTION_PROBE_VALUES; i > 0; i--) {
        if (i > probe->count) {
            put_push_number(code, 0);
        } else {
            put_push(code, probe->reg[i - 1]);
        }
    }
    put_push_number(code, probe->number);
    put_branch(code, CALL_REL32, (vaddr_t)probe_thunk);
    put(code, drop, sizeof(drop));
}

/* How it goes on. An address of the kernel is the 32 bits of PUSH, extended by their sign. */
static void put_tail(struct code *code, const struct entry *entry)
{
    static const uint8_t make_frame[] = {0x55, 0x48, 0x89, 0xe5};
    if (entry->is_traced) {
        put_byte(code, 0x68);
        put_4(code, entry->function);
        put_branch(code, JMP_REL32, (vaddr_t)function_thunk);
    } else {
        put(code, make_frame, sizeof(make_frame));
        put_branch(code, JMP_REL32, entry->function + FUNCTION_FRAME_BYTES);
    }
}

static void write_tail(const struct entry *entry)
{
    struct code code = {.at = entry->tail};
    put_tail(&code, entry);
    text_write_slot(entry->tail, code.bytes, code.count);
}

static void write_code(struct entry *entry, const struct function_probe *probe)
{
    struct code code = {.at = probe->slot};
    put_count(&code, probe->number);
    put_call(&code, probe);
    entry->tail = code.at + code.count;
    put_tail(&code, entry);
    text_write_slot(probe->slot, code.bytes, code.count);
}

/* ---- who has one ---- */

static struct entry *entry_of(vaddr_t function)
{
    for (struct entry *entry = entries; entry < entries + entry_count; entry++) {
        if (entry->function == function) {
            return entry;
        }
    }
    return NULL;
}

vaddr_t function_probe_slot(vaddr_t function)
{
    const struct entry *entry = entry_of(function);
    return entry == NULL ? 0 : entry->slot;
}

bool function_probe_is_traced(vaddr_t function)
{
    return entry_of(function)->is_traced;
}

void function_probe_trace(vaddr_t function, bool is_traced)
{
    struct entry *entry = entry_of(function);
    if (entry->is_traced != is_traced) {
        entry->is_traced = is_traced;
        write_tail(entry);
    }
}

struct request {
    const struct function_probe *probe;
    vaddr_t function;
    status_t status;
};

static void run_set(void *argument)
{
    struct request *request = argument;
    bool is_traced;
    request->status = function_look(request->function, &is_traced);
    if (request->status != OK) {
        return;
    }
    struct entry *entry = &entries[entry_count++];
    *entry = (struct entry){
        .function = request->function, .slot = request->probe->slot, .is_traced = is_traced};
    write_code(entry, request->probe);
    function_give_form(request->function, is_traced);
    cpuid_read(0, 0); /* serialise this core */
}

status_t function_probe_set(const struct function_probe *probe)
{
    if (entry_count == TEXT_PROBES_MAX) {
        return ERR_NO_MEMORY;
    }
    struct request request = {probe, probe->function, OK};
    rendezvous_run(run_set, &request);
    return request.status;
}

static void run_clear(void *argument)
{
    const struct request *request = argument;
    struct entry *entry = entry_of(request->function);
    if (entry != NULL) {
        bool is_traced = entry->is_traced;
        *entry = entries[--entry_count];
        function_give_form(request->function, is_traced);
    }
    cpuid_read(0, 0);
}

void function_probe_clear(vaddr_t function)
{
    struct request request = {.function = function};
    rendezvous_run(run_clear, &request);
}
