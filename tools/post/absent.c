/* SPDX-License-Identifier: MIT */
/*
 * What kdebug asks of a live kernel around it, for programs that have none: the post-mortem debugger
 * and the host tests.
 *
 * Commands that need these are refused on a dead machine (KD_LIVE, kd_target->live) before they get
 * here; so what could only be wrong aborts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arch/acpi.h"
#include "arch/cpu.h"
#include "base/assert.h"
#include "base/string.h"
#include "kdebug/core/call.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/run.h"
#include "kdebug/core/stop.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/hardware.h"
#include "mm/frame_impl.h"
#include "mm/heap_impl.h"
#include "trace/function/function.h"
#include "trace/probe/probe.h"
#include "trace/profile/profile.h"
#include "vm/space_impl.h"

struct kd_stop_record kd_stop_records[CPU_MAX];

void kd_run_step(uint64_t count)
{
    (void)count; /* nothing runs here */
}

void kd_run_step_range(uint64_t start, uint64_t end)
{
    (void)start;
    (void)end;
}

void kd_run_step_to_branch(void)
{
}

uint64_t kd_call_function(uint64_t function, const uint64_t arguments[KD_CALL_ARGUMENTS])
{
    (void)function;
    (void)arguments;
    abort();
}

unsigned kd_run_cpu(void)
{
    abort();
}

bool kd_run_can_step(unsigned cpu)
{
    struct kd_registers registers;
    return kd_target->registers(cpu, &registers) == OK;
}

void kd_run_move(unsigned cpu)
{
    (void)cpu;
    abort();
}

bool kd_run_is_moving(void)
{
    abort();
}

/* Weak: a test may have registers of its own. */
__attribute__((weak)) bool kd_msr_read(uint32_t number, uint64_t *out)
{
    (void)number;
    (void)out;
    abort();
}

__attribute__((weak)) bool kd_msr_write(uint32_t number, uint64_t value)
{
    (void)number;
    (void)value;
    abort();
}

__attribute__((weak)) void kd_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    (void)leaf;
    (void)subleaf;
    (void)out;
    abort();
}

uint32_t kd_device_read(paddr_t pa)
{
    (void)pa;
    abort();
}

void kd_device_write(paddr_t pa, uint32_t value)
{
    (void)pa;
    (void)value;
    abort();
}

uint32_t port_read(uint16_t port, unsigned width)
{
    (void)port;
    (void)width;
    abort();
}

void port_write(uint16_t port, unsigned width, uint32_t value)
{
    (void)port;
    (void)width;
    (void)value;
    abort();
}

struct acpi_info acpi_info;

void power_off(void)
{
    abort();
}

void power_reset(void)
{
    abort();
}

void panic(const char *format, ...)
{
    fprintf(stderr, "%s\n", format);
    abort();
}

bool kd_stop_has(unsigned cpu)
{
    (void)cpu;
    abort();
}

uint64_t kd_stop_us(tsc_t ticks)
{
    (void)ticks;
    abort();
}

bool frame_check(char *why, size_t bytes)
{
    (void)why;
    (void)bytes;
    abort();
}

bool space_check(const struct space *space, char *why, size_t bytes)
{
    (void)space;
    (void)why;
    (void)bytes;
    return true;
}

bool heap_check(char *why, size_t bytes)
{
    (void)why;
    (void)bytes;
    abort();
}

void kd_deferred_events(const struct trace_event_set *wanted)
{
    (void)wanted;
    abort();
}

void kd_deferred_times(bool on)
{
    (void)on;
}

void kd_deferred_sweep(void)
{
}

bool kd_deferred_wanted(struct trace_event_set *out)
{
    (void)out;
    return false;
}

bool kd_deferred_hook(unsigned event, const struct trace_condition *conditions, unsigned count,
                      const struct trace_grouping *grouping)
{
    (void)grouping;
    (void)event;
    (void)conditions;
    (void)count;
    abort();
}

bool kd_deferred_trigger(unsigned event, const struct trace_trigger_wish *wish)
{
    (void)event;
    (void)wish;
    abort();
}

bool kd_deferred_probe(const struct probe *plan)
{
    (void)plan;
    abort();
}

bool kd_deferred_control(const struct kd_control *request)
{
    (void)request;
    abort();
}

bool kd_deferred_unprobe(unsigned number)
{
    (void)number;
    abort();
}

struct probe probes[PROBES_MAX];

const char *probe_plan(const char *text, size_t length, struct probe *out)
{
    (void)text;
    (void)length;
    (void)out;
    abort();
}

void kd_deferred_rings(uint64_t bytes, bool keeps_oldest)
{
    (void)bytes;
    (void)keeps_oldest;
    abort();
}

bool kd_deferred_function(const char *pattern, bool on)
{
    (void)pattern;
    (void)on;
    abort();
}

bool function_is_traced(unsigned i)
{
    (void)i;
    abort();
}

unsigned function_count(void)
{
    return 0;
}

vaddr_t function_address(unsigned i)
{
    (void)i;
    abort();
}

bool function_can_be_traced(unsigned i)
{
    (void)i;
    abort();
}

status_t function_trace_check(const char *pattern, size_t length)
{
    (void)pattern;
    (void)length;
    return ERR_NOT_FOUND;
}

status_t profile_set_rate(unsigned rate)
{
    (void)rate;
    abort();
}

unsigned profile_rate(void)
{
    return 0;
}

size_t string_copy(char *to, const char *from, size_t bytes)
{
    return (size_t)snprintf(to, bytes, "%s", from);
}
