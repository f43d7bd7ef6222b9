/* SPDX-License-Identifier: MIT */
/*
 * The gdb stub: being recognised, telling of stops, finding who serves a packet, by its first character or word.
 *
 * Each packet is served under a guard, so a fault or a kd_fail() is an error answer and the next packet is served. Little is
 * kept about gdb: the thread it has selected and what it can do (stub.h). Breakpoints are in the table of everybody's.
 *
 * With several processes gdb lets go of one after the other. The prompt comes back, or the machine goes on, when all are
 * gone that it has been told of: it speaks until then.
 *
 * Sources: gdb manual, "GDB Remote Serial Protocol": "Packets", "Stop Reply Packets", "General
 * Query Packets".
 */
#include "kdebug/remote/stub.h"

#include "arch/cpu.h"
#include "base/format.h"
#include "base/string.h"
#include "kdebug/core/command.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/session.h"
#include "kdebug/core/terminal.h"

#define LINE_BYTES    256u
#define CONSOLE_BYTES 128u
#define PROCESSES_MAX 64u
#define ID_BYTES_MAX  20u /* ",p" pid "." tid */

struct kd_remote kd_remote = {.acknowledges = true};

static char console[CONSOLE_BYTES];
static size_t console_bytes;

/* Processes that gdb holds. One too many to be kept is not waited for. */
static struct {
    uint32_t pid[PROCESSES_MAX];
    unsigned count;
    bool goes_on; /* the kernel was "killed": the machine goes on when all are gone */
} held;

void kd_remote_hold(struct kd_remote_id id)
{
    for (unsigned i = 0; i < held.count; i++) {
        if (held.pid[i] == id.pid) {
            return;
        }
    }
    if (held.count < PROCESSES_MAX) {
        held.pid[held.count++] = id.pid;
    }
}

bool kd_remote_is_attached(void)
{
    return kd_remote.is_attached;
}

void kd_remote_show_processes(bool on)
{
    kd_remote.newest_shown = on && kd_remote.is_multiprocess ? kd_remote_newest_process() : 0;
}

bool kd_remote_shows_processes(void)
{
    return kd_remote.newest_shown != 0;
}

void kd_remote_show_libraries(bool on)
{
    kd_remote.shows_libraries = on;
}

bool kd_remote_shows_libraries(void)
{
    return kd_remote.shows_libraries;
}

bool kd_remote_accept(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

bool kd_remote_take_range(const char **at, uint64_t *out_address, uint64_t *out_length)
{
    return kd_hex_number(at, out_address) && kd_hex_take(at, ',') && kd_hex_number(at, out_length);
}

void kd_remote_say(const char *text)
{
    kd_remote.answer.length = 0;
    kd_remote.answer.data[0] = '\0';
    kd_packet_put(&kd_remote.answer, text);
}

void kd_remote_say_id(struct kd_remote_id id)
{
    kd_remote_hold(id);
    kd_remote_put_id(&kd_remote.answer, id, kd_remote.is_multiprocess);
}

struct kd_remote_id kd_remote_stopped_id(void)
{
    return kd_remote_id_of(kd_remote.stop.cpu, kd_remote.stop.is_user ? kd_remote.newest_shown : 0);
}

/* ---- being recognised ---- */

/* Nothing is known of this gdb. */
static void begin_talk(void)
{
    kd_remote.is_attached = kd_remote.acknowledges = true;
    kd_remote.is_leaving = kd_remote.is_multiprocess = kd_remote.shows_libraries = false;
    kd_remote.has_description = false;
    kd_remote.newest_shown = 0;
    held.count = 0;
    held.goes_on = false;
}

int kd_remote_begins(unsigned char byte)
{
    static const char opening[] = "+$q";
    static unsigned seen;
    seen = byte == (unsigned char)opening[seen] ? seen + 1 : byte == '+' ? 1 : 0;
    if (opening[seen] != '\0') {
        return seen == 0 ? 0 : -1;
    }
    seen = 0;
    begin_talk();
    kd_remote.received.state = 0;
    (void)kd_packet_feed(&kd_remote.received, '$');
    (void)kd_packet_feed(&kd_remote.received, 'q');
    kd_remote.stop = (struct kd_remote_stop){.cpu = kd_session_cpu(), .signal = 5};
    kd_remote.selected = kd_remote_stopped_id();
    return 1;
}

/* ---- stops ---- */

static void describe_stop(const char *at UNUSED)
{
    char signal = (char)kd_remote.stop.signal;
    kd_remote_say("T");
    kd_packet_put_hex(&kd_remote.answer, &signal, 1);
    kd_packet_put(&kd_remote.answer, "thread:");
    kd_remote_say_id(kd_remote_stopped_id());
    kd_packet_put(&kd_remote.answer, ";core:");
    kd_packet_put_number(&kd_remote.answer, kd_remote.stop.cpu);
    kd_packet_put(&kd_remote.answer, ";");
    if (kd_remote.stop.watch != NULL) {
        kd_packet_put(&kd_remote.answer, kd_remote.stop.watch);
        kd_packet_put(&kd_remote.answer, ":");
        kd_packet_put_number(&kd_remote.answer, kd_remote.stop.watch_address);
        kd_packet_put(&kd_remote.answer, ";");
    } else if (kd_remote.stop.breakpoint != NULL) {
        kd_packet_put(&kd_remote.answer, kd_remote.stop.breakpoint);
        kd_packet_put(&kd_remote.answer, ":;");
    }
}

void kd_remote_stopped(const struct kd_remote_stop *stop, bool tell)
{
    kd_remote.stop = *stop;
    kd_remote.selected = kd_remote_stopped_id();
    kd_remote.received.state = 0;
    if (tell) {
        describe_stop(NULL);
        kd_packet_send(&kd_remote.answer, kd_terminal_raw);
    }
}

/* ---- threads ---- */

/* H: for 'g' and the like this thread from now on; 'c' is of the time before vCont, and chooses nothing. */
static void select_thread(const char *at)
{
    struct kd_remote_id id;
    bool general = kd_hex_take(&at, 'g');
    if ((!general && !kd_hex_take(&at, 'c')) || !kd_remote_take_id(&at, &id)) {
        kd_remote_say("E01");
        return;
    }
    if (id.pid == KD_REMOTE_ANY) {
        id = kd_remote_stopped_id();
    } else if (id.tid == KD_REMOTE_ANY) {
        id.tid = kd_remote_stopped_id().tid;
    } else if (!kd_remote_id_exists(id)) {
        kd_remote_say("E01");
        return;
    }
    kd_remote.selected = general ? id : kd_remote.selected;
    kd_remote_say("OK");
}

static void check_thread(const char *at)
{
    struct kd_remote_id id;
    kd_remote_say(kd_remote_take_id(&at, &id) && kd_remote_id_exists(id) ? "OK" : "E01");
}

/* A list longer than an answer goes on in the next one: how many of it gdb has. */
static unsigned listed;

struct part {
    unsigned seen;
    bool is_full;
};

static void list_thread(struct kd_remote_id id, const struct thread *copy UNUSED, void *context)
{
    struct part *part = context;
    part->is_full |= kd_remote.answer.length + ID_BYTES_MAX > KD_PACKET_BYTES;
    if (part->seen++ < listed || part->is_full) {
        return;
    }
    kd_packet_put(&kd_remote.answer, kd_remote.answer.length == 1 ? "" : ",");
    kd_remote_say_id(id);
    listed++;
}

static void list_more_threads(const char *at UNUSED)
{
    struct part part = {0};
    kd_remote_say("m");
    kd_remote_each_id(kd_remote.newest_shown, list_thread, &part);
    if (kd_remote.answer.length == 1) {
        kd_remote_say("l");
    }
}

static void list_threads(const char *at)
{
    listed = 0;
    list_more_threads(at);
}

static void describe_thread(const char *at)
{
    char name[96], state[64], text[192];
    struct thread copy;
    struct kd_remote_id id;
    if (!kd_remote_take_id(&at, &id) || !kd_remote_id_exists(id)) {
        kd_remote_say("E01");
        return;
    }
    const struct thread *thread = kd_remote_thread_copy(id, &copy) ? &copy : NULL;
    kd_remote_describe(id, thread, name, sizeof(name));
    kd_remote_state(id, thread, state, sizeof(state));
    format_text(text, sizeof(text), "%s, %s", name, state);
    kd_packet_put_hex(&kd_remote.answer, text, strlen(text));
}

static void tell_stopped_thread(const char *at UNUSED)
{
    kd_remote_say("QC");
    kd_remote_say_id(kd_remote_stopped_id());
}

/* ---- leaving ---- */

static void leave(void)
{
    held.count = 0;
    kd_remote_forget_breaks();
    kd_remote.is_attached = false;
    if (held.goes_on) {
        kd_packet_send(&kd_remote.answer, kd_terminal_raw);
        kd_remote_go_on();
    }
}

static void let_go(uint64_t pid)
{
    for (unsigned i = 0; i < held.count; i++) {
        if (held.pid[i] == pid) {
            held.pid[i] = held.pid[--held.count];
        }
    }
    if (held.count == 0 || !kd_remote.is_multiprocess) {
        leave();
    }
}

static void detach(const char *at)
{
    uint64_t pid = KD_REMOTE_KERNEL;
    if (kd_hex_take(&at, ';') && !kd_hex_number(&at, &pid)) {
        kd_remote_say("E01");
        return;
    }
    kd_remote_say("OK");
    let_go(pid);
}

/* vKill;pid: no process is ended by that. */
static void kill_process(const char *at)
{
    uint64_t pid;
    if (!kd_hex_number(&at, &pid)) {
        kd_remote_say("E01");
        return;
    }
    held.goes_on |= pid == KD_REMOTE_KERNEL;
    kd_remote_say("OK");
    let_go(pid);
}

/* k: gdb expects no answer. */
static void kill(const char *at UNUSED)
{
    held.goes_on = false;
    leave();
    kd_remote_go_on();
}

static void attach(const char *at)
{
    uint64_t pid;
    struct kd_remote_id id = kd_remote_stopped_id();
    if (kd_hex_number(&at, &pid) && (pid == KD_REMOTE_KERNEL || pid == id.pid)) {
        describe_stop(at);
    } else {
        kd_remote_say("E01");
    }
}

/* R: gdb expects no answer, and there will be none. */
static void reset_machine(const char *at UNUSED)
{
    kd_run_line("reboot");
}

/* ---- monitor ---- */

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

void kd_remote_tell(const char *text, size_t bytes)
{
    kd_terminal_redirect(put_console);
    kd_terminal_write(text, bytes);
    if (console_bytes > 0) {
        flush_console();
    }
    kd_terminal_redirect(NULL);
}

/* monitor LINE: any command but those that would let the machine go behind gdb's back. */
static void run_monitor(const char *at)
{
    char line[LINE_BYTES];
    size_t length = MIN(strlen(at) / 2, sizeof(line) - 1);
    kd_remote_say("E01");
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
    kd_remote_say("OK");
}

/* ---- what it can do ---- */

static bool offers(const char *at, const char *feature)
{
    bool found = false;
    while (*at != '\0' && !found) {
        const char *next = at++;
        found = kd_remote_accept(&next, feature);
    }
    return found;
}

static void agree(const char *at)
{
    char text[64];
    kd_remote_forget_breaks(); /* of one that has died */
    begin_talk();
    kd_remote.is_multiprocess = offers(at, "multiprocess+");
    format_text(text, sizeof(text), "PacketSize=%x;", KD_PACKET_BYTES);
    kd_remote_say(text);
    kd_packet_put(
        &kd_remote.answer,
        "QStartNoAckMode+;multiprocess+;swbreak+;hwbreak+;vContSupported+;"
        "ConditionalBreakpoints+;BreakpointCommands+;qXfer:features:read+;qXfer:threads:read+;"
        "qXfer:memory-map:read+;qXfer:exec-file:read+;qXfer:libraries:read+;"
        "qXfer:libraries-svr4:read+;binary-upload+");
    kd_remote.selected = kd_remote_stopped_id();
}

static void say_attached(const char *at UNUSED)
{
    kd_remote_say("1");
}

static void say_offsets(const char *at UNUSED)
{
    kd_remote_say("Text=0;Data=0;Bss=0");
}

static void stop_acknowledging(const char *at UNUSED)
{
    kd_remote.acknowledges = false;
    kd_remote_say("OK");
}

static void list_actions(const char *at UNUSED)
{
    kd_remote_say("vCont;c;C;s;S;t;r");
}

/* ---- who serves what ---- */

struct kind {
    const char *begins;
    kd_remote_serve_fn serve; /* NULL: an empty answer */
    uint32_t classes;         /* that may be locked (permit.h) */
};

/* Looked up in this order. Continuing is of no class: no lock forbids the end of a stop. */
static const struct kind kinds[] = {
    {"?", describe_stop, 0},
    {"g", kd_remote_read_all, KD_READS},
    {"G", kd_remote_write_all, KD_WRITES},
    {"p", kd_remote_read_one, KD_READS},
    {"P", kd_remote_write_one, KD_WRITES},
    {"m", kd_remote_read_memory, KD_READS},
    {"x", kd_remote_read_binary, KD_READS},
    {"M", kd_remote_write_memory, KD_WRITES},
    {"X", kd_remote_write_binary, KD_WRITES},
    {"H", select_thread, 0},
    {"T", check_thread, 0},
    {"c", kd_remote_resume, 0},
    {"C", kd_remote_resume, 0},
    {"s", kd_remote_resume, 0},
    {"S", kd_remote_resume, 0},
    {"D", detach, 0},
    {"k", kill, 0},
    {"R", reset_machine, KD_IO},
    {"Z", kd_remote_change_break, KD_WRITES},
    {"z", kd_remote_change_break, KD_WRITES},
    {"qSupported", agree, 0},
    {"qfThreadInfo", list_threads, 0},
    {"qsThreadInfo", list_more_threads, 0},
    {"qThreadExtraInfo,", describe_thread, 0},
    {"qRcmd,", run_monitor, 0},
    {"qCRC:", kd_remote_check_memory, 0},
    {"qSearch:memory:", kd_remote_search_memory, 0},
    {"qXfer:", kd_remote_transfer, 0},
    {"qAttached", say_attached, 0},
    {"qOffsets", say_offsets, 0},
    {"qC", tell_stopped_thread, 0},
    {"QStartNoAckMode", stop_acknowledging, 0},
    {"vCont?", list_actions, 0},
    {"vCont;", kd_remote_resume_threads, 0},
    {"vKill;", kill_process, 0},
    {"vAttach;", attach, 0},
    {"vFile:", kd_remote_serve_file, 0},
};

static void serve_packet(void)
{
    kd_remote_say("");
    for (unsigned i = 0; i < ARRAY_COUNT(kinds); i++) {
        const char *at = kd_remote.received.data;
        if (kd_remote_accept(&at, kinds[i].begins)) {
            if (kd_permits(kinds[i].classes)) {
                kinds[i].serve(at);
            } else {
                kd_remote_say("E03");
            }
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
        kd_remote_say("E02");
    }
}

/* gdb asks once what we can do, before all else: if we talk to one already, that has died, and this is another. */
static bool is_from_another(void)
{
    const char *at = kd_remote.received.data;
    return kd_remote_accept(&at, "qSupported");
}

static void take_packet(void)
{
    kd_remote.acknowledges |= is_from_another();
    if (kd_remote.acknowledges) {
        kd_terminal_raw('+');
    }
    serve_guarded();
    if (!kd_remote.is_leaving) {
        kd_packet_send(&kd_remote.answer, kd_terminal_raw);
    }
}

/* Between packets gdb sends acknowledgements and ^C only. So this is a person, whose gdb has died. */
static bool is_person(int byte)
{
    return byte == '\r' || byte == '\n';
}

static void take_byte(int byte)
{
    bool is_outside = kd_remote.received.state == 0;
    switch (kd_packet_feed(&kd_remote.received, (unsigned char)byte)) {
    case KD_PACKET_GOOD:
        take_packet();
        break;
    case KD_PACKET_DAMAGED:
        if (kd_remote.acknowledges) {
            kd_terminal_raw('-');
        }
        break;
    default:
        if (is_outside && byte == '-' && kd_remote.answer.length > 0) {
            kd_packet_send(&kd_remote.answer, kd_terminal_raw); /* it came damaged */
        } else if (is_outside && is_person(byte)) {
            held.goes_on = false;
            leave();
        }
        break;
    }
}

void kd_remote_serve(void (*idle)(void))
{
    kd_remote.is_leaving = false;
    while (kd_remote.is_attached && !kd_session_is_over()) {
        int byte = kd_terminal_get();
        if (byte < 0) {
            idle();
        } else {
            take_byte(byte);
        }
    }
    if (!kd_session_is_over()) {
        kd_terminal_raw('\n'); /* a person's prompt begins a line */
    }
}
