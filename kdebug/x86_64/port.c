/* SPDX-License-Identifier: MIT */
/* in, out, pci: ports, and through two of them the configuration of PCI functions. Source: PCI Local Bus 3.0, 3.2.2.3.2 and chapter 6. */
#include "arch/cpu.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"

#define PORT_MAX      0xffffu
#define PCI_ADDRESS   0xcf8u
#define PCI_DATA      0xcfcu
#define PCI_ENABLE    0x80000000u
#define PCI_BUSES     256u
#define PCI_DEVICES   32u
#define PCI_FUNCTIONS 8u
#define PCI_NOBODY    0xffffffffu
#define PCI_COMMAND   0x04u
#define PCI_CLASS     0x08u
#define PCI_HEADER    0x0cu
#define PCI_BARS      0x10u
#define PCI_INTERRUPT 0x3cu
#define HEADER_BRIDGE 1u
#define HEADER_MANY   0x80u /* more than one function */
#define CONFIG_BYTES  256u
#define ROW_WORDS     4u

static unsigned take_width(struct kd_call *call)
{
    static const struct {
        const char *option;
        unsigned width;
    } widths[] = {{"/b", 1}, {"/h", 2}, {"/w", 4}};
    for (unsigned i = 0; i < ARRAY_COUNT(widths); i++) {
        if (kd_arg_accept(call, widths[i].option)) {
            return widths[i].width;
        }
    }
    return 1;
}

static uint16_t take_port(struct kd_call *call)
{
    uint64_t port;
    if (!kd_arg_number(call, &port)) {
        kd_fail_usage(call);
    }
    if (port > PORT_MAX) {
        kd_fail("ports are 0 to 0x%x", PORT_MAX);
    }
    return (uint16_t)port;
}

static void run_in(struct kd_call *call)
{
    uint16_t port = take_port(call);
    unsigned width = take_width(call);
    kd_arg_done(call);
    kd_print("%0*x\n", (int)(2 * width), port_read(port, width));
}
KD_COMMAND(in, .usage = "PORT [/b /h /w]", .help = "read a port: 1, 2 or 4 bytes",
           .flags = KD_READS | KD_IO | KD_LIVE, .run = run_in);

static void run_out(struct kd_call *call)
{
    uint16_t port = take_port(call);
    uint64_t value;
    if (!kd_arg_number(call, &value)) {
        kd_fail_usage(call);
    }
    unsigned width = take_width(call);
    kd_arg_done(call);
    port_write(port, width, (uint32_t)value);
}
KD_COMMAND(out, .usage = "PORT VALUE [/b /h /w]", .help = "write a port: 1, 2 or 4 bytes",
           .flags = KD_WRITES | KD_IO | KD_LIVE, .run = run_out);

/* ---- PCI ---- */

struct function {
    unsigned bus, device, function;
};

/* A driver may stand between its two accesses: the address is put back. */
static uint32_t read_config(const struct function *which, unsigned offset)
{
    uint32_t outer = port_read(PCI_ADDRESS, 4);
    port_write(PCI_ADDRESS, 4,
               PCI_ENABLE | which->bus << 16 | which->device << 11 | which->function << 8 | offset);
    uint32_t value = port_read(PCI_DATA, 4);
    port_write(PCI_ADDRESS, 4, outer);
    return value;
}

static unsigned header_of(const struct function *which)
{
    return read_config(which, PCI_HEADER) >> 16 & 0xff;
}

static void print_bars(const struct function *which)
{
    unsigned count = (header_of(which) & ~HEADER_MANY) == HEADER_BRIDGE ? 2 : 6;
    for (unsigned i = 0; i < count; i++) {
        uint32_t bar = read_config(which, PCI_BARS + 4 * i);
        bool is_wide = !(bar & 1) && (bar >> 1 & 3) == 2;
        if (bar == 0) {
            continue;
        }
        uint64_t high = is_wide ? (uint64_t)read_config(which, PCI_BARS + 4 * i + 4) << 32 : 0;
        kd_print("  bar %u %s 0x%llx", i, bar & 1 ? "port" : "memory",
                 (unsigned long long)(high | (bar & (bar & 1 ? ~3u : ~15u))));
        i += is_wide;
    }
}

static void print_function(const struct function *which)
{
    uint32_t id = read_config(which, 0);
    uint32_t class = read_config(which, PCI_CLASS);
    uint32_t interrupt = read_config(which, PCI_INTERRUPT);
    kd_print("%02x:%02x.%u  %04x:%04x  class %04x  command %04x", which->bus, which->device,
             which->function, id & 0xffff, id >> 16, class >> 16,
             read_config(which, PCI_COMMAND) & 0xffff);
    if (interrupt >> 8 & 0xff) {
        kd_print("  pin %c line %u", 'A' + (char)((interrupt >> 8 & 0xff) - 1), interrupt & 0xff);
    }
    print_bars(which);
    kd_print("\n");
}

static void list_device(unsigned bus, unsigned device)
{
    struct function which = {bus, device, 0};
    if (read_config(&which, 0) == PCI_NOBODY) {
        return;
    }
    unsigned count = header_of(&which) & HEADER_MANY ? PCI_FUNCTIONS : 1;
    for (; which.function < count; which.function++) {
        if (read_config(&which, 0) != PCI_NOBODY) {
            print_function(&which);
        }
    }
}

static void print_config(const struct function *which)
{
    for (unsigned at = 0; at < CONFIG_BYTES; at += 4 * ROW_WORDS) {
        kd_print("%02x ", at);
        for (unsigned i = 0; i < ROW_WORDS; i++) {
            kd_print(" %08x", read_config(which, at + 4 * i));
        }
        kd_print("\n");
    }
}

static void run_pci(struct kd_call *call)
{
    uint64_t bus, device = 0, function = 0;
    bool is_one = kd_arg_number(call, &bus);
    if (is_one && !kd_arg_number(call, &device)) {
        kd_fail_usage(call);
    }
    kd_arg_number(call, &function);
    kd_arg_done(call);
    if (!is_one) {
        for (unsigned at = 0; at < PCI_BUSES * PCI_DEVICES; at++) {
            list_device(at / PCI_DEVICES, at % PCI_DEVICES);
        }
        return;
    }
    struct function which = {(unsigned)bus, (unsigned)device, (unsigned)function};
    if (bus >= PCI_BUSES || device >= PCI_DEVICES || function >= PCI_FUNCTIONS ||
        read_config(&which, 0) == PCI_NOBODY) {
        kd_fail("no such function");
    }
    print_function(&which);
    print_config(&which);
}
KD_COMMAND(pci, .usage = "[BUS DEVICE [FUNCTION]]",
           .help = "PCI functions, or the configuration of one",
           .flags = KD_READS | KD_IO | KD_LIVE, .run = run_pci);
