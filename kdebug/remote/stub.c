/* SPDX-License-Identifier: MIT */
/*
 * The gdb stub: one function per kind of packet, found by its first character.
 *
 * Each packet is served under a guard, so a fault or a kd_fail() is an error answer and the next
 * packet is served. Nothing is kept about gdb but the thread it has selected; breakpoints are in
 * the table of everybody's, marked as gdb's.
 *
 * Sources: gdb manual, "GDB Remote Serial Protocol": "Packets", "Stop Reply Packets", "General
 * Query Packets".
 */
#include "kdebug/core/remote.h"

#include "base/string.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/run.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"
#include "kdebug/remote/packet.h"
#include "kdebug/remote/thread.h"

#define CHUNK          1024u /* bytes read at a time: two digits each must fit a packet */
#define LINE_BYTES     256u
#define CONSOLE_BYTES  128u
#define CRC_POLYNOMIAL 0x04c11db7u
#define LENGTH_MAX     0x4000000u

extern const char kernel_text_start[], kernel_text_end[];

static struct kd_packet received, answer;
static struct kd_remote_stop last_stop;
static uint64_t selected; /* thread of g, m and the like */
static bool attached, acknowledges = true, is_leaving;

static char console[CONSOLE_BYTES];
static size_t console_bytes;

bool kd_remote_is_attached(void)
{
    return attached;
}

static bool begins_with(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

static void say(const char *text)
{
    answer.length = 0;
    answer.data[0] = '\0';
    kd_packet_put(&answer, text);
}

/* ---- being recognised ---- */

int kd_remote_begins(unsigned char byte)
{
    static const char opening[] = "+$q";
    static unsigned seen;
    seen = byte == (unsigned char)opening[seen] ? seen + 1 : byte == '+' ? 1 : 0;
    if (opening[seen] != '\0') {
        return seen == 0 ? 0 : -1;
    }
    seen = 0;
    attached = acknowledges = true;
    is_leaving = false;
    received.state = 0;
    (void)kd_packet_feed(&received, '$');
    (void)kd_packet_feed(&received, 'q');
    last_stop = (struct kd_remote_stop){.cpu = kd_session_cpu(), .signal = 5};
    selected = kd_remote_thread_of(kd_session_cpu());
    return 1;
}

/* ---- stops ---- */

static void describe_stop(void)
{
    char signal = (char)last_stop.signal;
    say("T");
    kd_packet_put_hex(&answer, &signal, 1);
    kd_packet_put(&answer, "thread:");
    kd_packet_put_number(&answer, kd_remote_thread_of(last_stop.cpu));
    kd_packet_put(&answer, ";core:");
    kd_packet_put_number(&answer, last_stop.cpu);
    kd_packet_put(&answer, ";");
    if (last_stop.watch != NULL) {
        kd_packet_put(&answer, last_stop.watch);
        kd_packet_put(&answer, ":");
        kd_packet_put_number(&answer, last_stop.watch_address);
        kd_packet_put(&answer, ";");
    } else if (last_stop.is_breakpoint) {
        kd_packet_put(&answer, "swbreak:;");
    }
}

void kd_remote_stopped(const struct kd_remote_stop *stop, bool tell)
{
    last_stop = *stop;
    selected = kd_remote_thread_of(stop->cpu);
    received.state = 0;
    if (tell) {
        describe_stop();
        kd_packet_send(&answer, kd_terminal_raw);
    }
}

/* ---- registers ---- */

static void put_register(unsigned number)
{
    uint64_t value;
    unsigned bytes = kd_remote_read_register(selected, number, &value);
    unsigned room = number < KD_REMOTE_WIDE ? 8 : 4;
    if (bytes != 0) {
        kd_packet_put_hex(&answer, &value, bytes);
        return;
    }
    for (unsigned i = 0; i < room; i++) {
        kd_packet_put(&answer, "xx"); /* not available */
    }
}

static void read_registers(const char *at UNUSED)
{
    say("");
    for (unsigned number = 0; number < KD_REMOTE_REGISTERS; number++) {
        put_register(number);
    }
}

static void read_register(const char *at)
{
    uint64_t number;
    say("E01");
    if (kd_hex_number(&at, &number) && number < KD_REMOTE_REGISTERS) {
        say("");
        put_register((unsigned)number);
    }
}

static bool take_register(const char **at, unsigned number)
{
    uint64_t value = 0;
    uint64_t old;
    if (!kd_hex_bytes(at, &value, number < KD_REMOTE_WIDE ? 8 : 4)) {
        return false;
    }
    (void)kd_remote_read_register(selected, number, &old);
    return value == old || kd_remote_write_register(selected, number, value);
}

static void write_registers(const char *at)
{
    bool fine = true;
    for (unsigned number = 0; number < KD_REMOTE_REGISTERS && *at != '\0'; number++) {
        fine = take_register(&at, number) && fine;
    }
    say(fine ? "OK" : "E01");
}

static void write_register(const char *at)
{
    uint64_t number;
    bool fine = kd_hex_number(&at, &number) && kd_hex_take(&at, '=') &&
                number < KD_REMOTE_REGISTERS && take_register(&at, (unsigned)number);
    say(fine ? "OK" : "E01");
}

/* ---- memory ---- */

static bool take_range(const char **at, uint64_t *out_address, uint64_t *out_length)
{
    return kd_hex_number(at, out_address) && kd_hex_take(at, ',') && kd_hex_number(at, out_length);
}

static void read_memory(const char *at)
{
    uint8_t bytes[CHUNK];
    uint64_t address, length;
    say("E01");
    if (!take_range(&at, &address, &length)) {
        return;
    }
    length = MIN(length, (uint64_t)CHUNK);
    while (length > 0 &&
           kd_read(kd_remote_space(selected, address), address, bytes, length) != OK) {
        length /= 2; /* as much as there is */
    }
    say(length == 0 ? "E14" : "");
    kd_packet_put_hex(&answer, bytes, length);
}

static bool may_write(uint64_t address, uint64_t length)
{
    return address >= KD_GLOBAL(kernel_text_end) ||
           address + length <= KD_GLOBAL(kernel_text_start);
}

static void store(uint64_t address, const void *bytes, uint64_t length)
{
    bool fine = may_write(address, length) &&
                kd_write(kd_remote_space(selected, address), address, bytes, length) == OK;
    say(fine ? "OK" : "E14");
}

static void write_memory(const char *at)
{
    uint8_t bytes[CHUNK];
    uint64_t address, length;
    say("E01");
    if (take_range(&at, &address, &length) && kd_hex_take(&at, ':') && length <= CHUNK &&
        kd_hex_bytes(&at, bytes, length)) {
        store(address, bytes, length);
    }
}

/* X: bytes as they are, but 0x7d escapes the next one. */
static void write_binary(const char *at)
{
    uint8_t bytes[CHUNK];
    uint64_t address, length;
    uint64_t count = 0;
    say("E01");
    if (!take_range(&at, &address, &length) || !kd_hex_take(&at, ':') || length > CHUNK) {
        return;
    }
    const char *end = received.data + received.length;
    while (at < end && count < length) {
        bool escaped = *at == 0x7d && at + 1 < end;
        at += escaped;
        bytes[count++] = (uint8_t)(*at++ ^ (escaped ? 0x20 : 0));
    }
    if (count == length) {
        store(address, bytes, length);
    }
}

/* ---- threads ---- */

static void select_thread(const char *at)
{
    uint64_t id;
    bool general = kd_hex_take(&at, 'g');
    if (!general && !kd_hex_take(&at, 'c')) {
        say("E01");
        return;
    }
    bool any = *at == '-' || (kd_hex_number(&at, &id) && id == 0);
    if (any) {
        id = kd_remote_thread_of(last_stop.cpu);
    } else if (!kd_remote_thread_exists(id)) {
        say("E01");
        return;
    }
    selected = general ? id : selected;
    say("OK");
}

static void check_thread(const char *at)
{
    uint64_t id;
    say(kd_hex_number(&at, &id) && kd_remote_thread_exists(id) ? "OK" : "E01");
}

static void describe_thread(const char *at)
{
    char text[96];
    uint64_t id;
    say("E01");
    if (kd_hex_number(&at, &id)) {
        kd_remote_describe(id, text, sizeof(text));
        say("");
        kd_packet_put_hex(&answer, text, strlen(text));
    }
}

/* ---- going on ---- */

static void go_on(uint64_t steps)
{
    kd_run_step(steps);
    kd_session_end();
    is_leaving = true;
}

static void go(const char *at)
{
    uint64_t address;
    if (kd_hex_number(&at, &address)) {
        say("E01"); /* "continue at": gdb sets rip itself */
        return;
    }
    go_on(received.data[0] == 's' || received.data[0] == 'S' ? 1 : 0);
}

/* vCont;action[:thread]...: the first action decides; everybody goes on. */
static void go_by_actions(const char *at)
{
    uint64_t id = 0;
    char action = *at;
    at += *at != '\0';
    if (action == 'C' || action == 'S') {
        at += MIN(strlen(at), (size_t)2); /* a signal, which means nothing here */
    }
    if (kd_hex_take(&at, ':') && *at != '-') {
        (void)kd_hex_number(&at, &id);
    }
    bool steps = action == 's' || action == 'S';
    if (steps && id != 0 && id != kd_remote_thread_of(last_stop.cpu)) {
        say("E16"); /* only the core that entered can be stepped */
    } else if (steps || action == 'c' || action == 'C') {
        go_on(steps ? 1 : 0);
    } else {
        say("E01");
    }
}

static void detach(const char *at UNUSED)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_for_remote) {
            kd_breakpoint_remove(breakpoint);
        }
    }
    attached = false;
    say("OK");
}

static void kill(const char *at)
{
    detach(at);
    go_on(0);
}

/* ---- breakpoints ---- */

static unsigned find_breakpoint(unsigned kind, uint64_t address)
{
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        const struct kd_breakpoint *breakpoint = kd_breakpoint(number);
        if (breakpoint != NULL && breakpoint->is_for_remote && breakpoint->kind == kind &&
            breakpoint->address == address) {
            return number;
        }
    }
    return 0;
}

static void change_breakpoint(const char *at)
{
    static const uint8_t kinds[] = {KD_BREAK_CODE, KD_BREAK_EXECUTE, KD_BREAK_WRITE,
                                    KD_BREAK_ACCESS, KD_BREAK_ACCESS};
    uint64_t type, address, length;
    const char *why;
    if (!kd_hex_number(&at, &type) || type >= ARRAY_COUNT(kinds) || !kd_hex_take(&at, ',') ||
        !take_range(&at, &address, &length)) {
        say("");
        return;
    }
    unsigned number = find_breakpoint(kinds[type], address);
    say("OK");
    if (received.data[0] == 'z') {
        if (number != 0) {
            kd_breakpoint_remove(kd_breakpoint(number));
        }
    } else if (number == 0) {
        number = kd_breakpoint_add(kinds[type], address, (unsigned)MIN(length, 64ull), &why);
        if (number == 0) {
            say("E22");
            return;
        }
        kd_breakpoint(number)->is_for_remote = true;
    }
}

/* ---- queries ---- */

static void flush_console(void)
{
    static struct kd_packet output; /* not the answer: that is still to be written */
    output.length = 0;
    kd_packet_put(&output, "O");
    kd_packet_put_hex(&output, console, console_bytes);
    console_bytes = 0;
    kd_terminal_redirect(NULL);
    kd_packet_send(&output, kd_terminal_raw);
}

static void put_console(char c)
{
    console[console_bytes++] = c;
    if (c == '\n' || console_bytes == CONSOLE_BYTES) {
        flush_console();
        kd_terminal_redirect(put_console);
    }
}

/* monitor LINE: any command but those that would let the machine go behind gdb's back. */
static void run_monitor(const char *at)
{
    char line[LINE_BYTES];
    size_t length = MIN(strlen(at) / 2, sizeof(line) - 1);
    say("E01");
    if (!kd_hex_bytes(&at, line, length)) {
        return;
    }
    line[length] = '\0';
    kd_terminal_redirect(put_console);
    (void)kd_run_line_without(line, KD_RESUMES); /* what is wrong it has said */
    if (console_bytes > 0) {
        flush_console();
    }
    kd_terminal_redirect(NULL);
    say("OK");
}

/* Source: gdb manual, "qCRC": CRC-32 with the most significant bit first, from all ones. */
static uint32_t add_to_crc(uint32_t crc, const uint8_t *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ (crc >> 31 ? CRC_POLYNOMIAL : 0);
        }
    }
    return crc;
}

static void check_memory(const char *at)
{
    uint8_t bytes[CHUNK];
    uint64_t address, length;
    uint32_t crc = UINT32_MAX;
    say("E01");
    if (!take_range(&at, &address, &length) || length > LENGTH_MAX) {
        return;
    }
    while (length > 0) {
        uint64_t count = MIN(length, (uint64_t)CHUNK);
        if (kd_read(kd_remote_space(selected, address), address, bytes, count) != OK) {
            return;
        }
        crc = add_to_crc(crc, bytes, count);
        address += count;
        length -= count;
    }
    say("C");
    kd_packet_put_number(&answer, crc);
}

static void answer_query(const char *at)
{
    if (begins_with(&at, "Supported")) {
        say("PacketSize=1000;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+");
    } else if (begins_with(&at, "fThreadInfo")) {
        say("");
        kd_remote_list_threads(&answer);
    } else if (begins_with(&at, "sThreadInfo")) {
        say("l");
    } else if (begins_with(&at, "ThreadExtraInfo,")) {
        describe_thread(at);
    } else if (begins_with(&at, "Rcmd,")) {
        run_monitor(at);
    } else if (begins_with(&at, "CRC:")) {
        check_memory(at);
    } else if (begins_with(&at, "Attached")) {
        say("1");
    } else if (begins_with(&at, "Offsets")) {
        say("Text=0;Data=0;Bss=0");
    } else if (strcmp(at, "C") == 0) {
        say("QC");
        kd_packet_put_number(&answer, kd_remote_thread_of(last_stop.cpu));
    } else {
        say("");
    }
}

static void take_setting(const char *at)
{
    if (strcmp(at, "StartNoAckMode") == 0) {
        acknowledges = false;
        say("OK");
    } else {
        say("");
    }
}

static void answer_verbose(const char *at)
{
    if (strcmp(at, "Cont?") == 0) {
        say("vCont;c;C;s;S");
    } else if (begins_with(&at, "Cont;")) {
        go_by_actions(at);
    } else if (begins_with(&at, "Kill")) {
        kill(at);
        say("OK");
    } else {
        say("");
    }
}

static void answer_why(const char *at UNUSED)
{
    describe_stop();
}

/* ---- the loop ---- */

static const struct {
    char first;
    void (*serve)(const char *at);
} kinds[] = {
    {'?', answer_why},
    {'g', read_registers},
    {'G', write_registers},
    {'p', read_register},
    {'P', write_register},
    {'m', read_memory},
    {'M', write_memory},
    {'X', write_binary},
    {'H', select_thread},
    {'T', check_thread},
    {'c', go},
    {'C', go},
    {'s', go},
    {'S', go},
    {'D', detach},
    {'k', kill},
    {'Z', change_breakpoint},
    {'z', change_breakpoint},
    {'q', answer_query},
    {'Q', take_setting},
    {'v', answer_verbose},
};

static void serve_packet(void)
{
    say("");
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (received.data[0] == kinds[i].first && received.length > 0) {
            kinds[i].serve(received.data + 1);
            return;
        }
    }
}

static void serve_guarded(void)
{
    struct kd_guard guard;
    if (KD_GUARD(guard)) {
        serve_packet();
        kd_guard_leave(&guard);
    } else {
        kd_terminal_redirect(NULL);
        say("E02");
    }
}

static void take_packet(void)
{
    bool acknowledged = acknowledges;
    if (acknowledged) {
        kd_terminal_raw('+');
    }
    serve_guarded();
    if (!is_leaving) {
        kd_packet_send(&answer, kd_terminal_raw);
    }
}

void kd_remote_serve(void (*idle)(void))
{
    is_leaving = false;
    while (attached && !kd_session_is_over()) {
        int byte = kd_terminal_get();
        if (byte < 0) {
            idle();
            continue;
        }
        switch (kd_packet_feed(&received, (unsigned char)byte)) {
        case KD_PACKET_GOOD:
            take_packet();
            break;
        case KD_PACKET_DAMAGED:
            if (acknowledges) {
                kd_terminal_raw('-');
            }
            break;
        default:
            if (byte == '-' && received.state == 0 && answer.length > 0) {
                kd_packet_send(&answer, kd_terminal_raw); /* it came damaged */
            }
            break;
        }
    }
    if (!kd_session_is_over()) {
        kd_terminal_raw('\n'); /* a person's prompt begins a line */
    }
}
