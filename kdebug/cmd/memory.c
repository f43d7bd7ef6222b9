/* SPDX-License-Identifier: MIT */
/* Memory: read, write, find, sym. */
#include "base/string.h"
#include "gen/layout.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/lines.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/search.h"
#include "kdebug/core/session.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/core/terminal.h"

#define ROW_BYTES        16u
#define COUNT_DEFAULT    64u
#define COUNT_MAX        0x100000u
#define FIND_PIECE_BYTES 0x10000u

extern const char kernel_text_start[], kernel_text_end[];

struct place {
    kd_space_t space;
    bool is_chosen; /* by an option */
    uint64_t width; /* bytes of one item; 0: not said */
};

static bool parse_width(struct kd_call *call, struct place *place)
{
    static const struct {
        const char *option;
        uint8_t width;
    } widths[] = {{"/b", 1}, {"/h", 2}, {"/w", 4}, {"/g", 8}};
    for (unsigned i = 0; i < ARRAY_COUNT(widths); i++) {
        if (kd_arg_accept(call, widths[i].option)) {
            place->width = widths[i].width;
            return true;
        }
    }
    return false;
}

/* Options behind the numbers: /p physical, /u PID of a process, /b /h /w /g width, the letters of
 * gdb. */
static struct place parse_place(struct kd_call *call)
{
    struct place place = {.space = KD_SPACE_KERNEL};
    while (!kd_arg_is_end(call)) {
        if (parse_width(call, &place)) {
            continue;
        }
        place.is_chosen = true;
        if (kd_arg_accept(call, "/p")) {
            place.space = KD_SPACE_PHYSICAL;
        } else if (kd_arg_accept(call, "/u")) {
            uint64_t pid;
            if (!kd_arg_number(call, &pid)) {
                kd_fail_usage(call);
            }
            place.space =
                kd_fetch_word(kd_process_named(pid) + offsetof(struct process, root), "process");
        } else {
            kd_arg_done(call);
        }
    }
    return place;
}

static kd_space_t space_of(const struct place *place, uint64_t address)
{
    return place->is_chosen ? place->space : kd_session_space(address);
}

static void print_row(uint64_t address, const uint8_t *row, unsigned bytes, unsigned width)
{
    kd_print("%016llx ", (unsigned long long)address);
    for (unsigned i = 0; i < ROW_BYTES; i += width) {
        uint64_t item = 0;
        if (i >= bytes) {
            kd_print("%*s", (int)(2 * width + 1), "");
            continue;
        }
        memcpy(&item, row + i, MIN(width, bytes - i));
        kd_print(" %0*llx", (int)(2 * width), (unsigned long long)item);
    }
    kd_print("  ");
    for (unsigned i = 0; i < bytes; i++) {
        kd_print("%c", row[i] >= ' ' && row[i] < 127 ? row[i] : '.');
    }
    kd_print("\n");
}

static void run_read(struct kd_call *call)
{
    uint64_t address, count = COUNT_DEFAULT;
    if (call->has_input) {
        address = call->input.bits;
    } else if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    if (!kd_arg_is_end(call) && *call->args != '/') {
        kd_arg_number(call, &count);
    }
    struct place place = parse_place(call);
    if (count == 0 || count > COUNT_MAX) {
        kd_fail("1 to %u bytes", COUNT_MAX);
    }
    unsigned width = place.width == 0 ? 1 : (unsigned)place.width;
    for (uint64_t done = 0; done < count; done += ROW_BYTES) {
        uint8_t row[ROW_BYTES];
        uint64_t at = address + done;
        unsigned bytes = (unsigned)MIN(count - done, (uint64_t)ROW_BYTES);
        if (kd_read(space_of(&place, at), at, row, bytes) != OK) {
            kd_fail("0x%llx cannot be read: nothing is mapped there, or it is no RAM",
                    (unsigned long long)at);
        }
        print_row(at, row, bytes, width);
    }
}
KD_COMMAND(
    read, .usage = "ADDRESS [BYTES] [/p | /u PID] [/b /h /w /g]",
    .help = "memory in hex: kernel, /p physical, /u of a process; in items of 1, 2, 4, 8 bytes",
    .flags = KD_READS | KD_TAKES, .run = run_read);

static void run_write(struct kd_call *call)
{
    uint64_t address, value;
    if (!kd_arg_number(call, &address) || !kd_arg_number(call, &value)) {
        kd_fail_usage(call);
    }
    struct place place = parse_place(call);
    uint64_t width = place.width == 0 ? 8 : place.width;
    if (address < KD_GLOBAL(kernel_text_end) && address + width > KD_GLOBAL(kernel_text_start)) {
        kd_fail("kernel text is only written by the text patcher");
    }
    if (kd_write(space_of(&place, address), address, &value, width) != OK) {
        kd_fail("0x%llx cannot be written: nothing is mapped there, or it is no RAM",
                (unsigned long long)address);
    }
}
KD_COMMAND(write, .usage = "ADDRESS VALUE [/p | /u PID] [/b /h /w /g]",
           .help = "store VALUE, 8 bytes unless said otherwise", .flags = KD_WRITES,
           .run = run_write);

/* What is looked for: "TEXT", or a number of so many bytes. */
struct pattern {
    uint8_t bytes[KD_PATTERN_MAX];
    size_t count;
    bool is_text;
};

static bool take_text(struct kd_call *call, struct pattern *out)
{
    if (kd_arg_is_end(call) || *call->args != '"') {
        return false;
    }
    const char *text = call->args + 1, *end = text;
    while (end < call->args_end && *end != '"') {
        end++;
    }
    out->count = (size_t)(end - text);
    if (end == call->args_end || out->count == 0 || out->count > KD_PATTERN_MAX) {
        kd_fail_at(call->args, "a text in quotes, of 1 to %u bytes", KD_PATTERN_MAX);
    }
    memcpy(out->bytes, text, out->count);
    out->is_text = true;
    call->args = end + 1;
    return true;
}

/* In pieces, so that ^C ends it. */
static bool find_next(kd_space_t space, uint64_t *at, uint64_t end, const struct pattern *pattern)
{
    while (end - *at >= pattern->count) {
        uint64_t piece = MIN(end - *at, FIND_PIECE_BYTES + pattern->count - 1);
        if (kd_search(space, at, piece, pattern->bytes, pattern->count)) {
            return true;
        }
        if (kd_terminal_interrupted()) {
            kd_raise(KD_CAUSE_QUIT);
        }
    }
    return false;
}

static void run_find(struct kd_call *call)
{
    struct pattern pattern = {.is_text = false};
    uint64_t address, length, value = 0;
    if (!kd_arg_number(call, &address) || !kd_arg_number(call, &length) ||
        (!take_text(call, &pattern) && !kd_arg_number(call, &value))) {
        kd_fail_usage(call);
    }
    struct place place = parse_place(call);
    if (!pattern.is_text) {
        pattern.count = place.width == 0 ? sizeof(value) : place.width;
        memcpy(pattern.bytes, &value, pattern.count);
    }
    uint64_t end = address + length < address ? UINT64_MAX : address + length;
    while (find_next(space_of(&place, address), &address, end, &pattern) &&
           kd_emit(call, kd_value_of(address, &kd_type_number))) {
        address++;
    }
}
KD_COMMAND(find, .usage = "ADDRESS BYTES VALUE|\"TEXT\" [/p | /u PID] [/b /h /w /g]",
           .help = "where in memory a number of 1, 2, 4 or 8 bytes or a text stands",
           .flags = KD_READS | KD_GIVES, .run = run_find);

static void print_symbol(const struct kd_symbol *symbol)
{
    kd_print("%016llx  %c  %6llu  %s\n", (unsigned long long)symbol->address, symbol->kind,
             (unsigned long long)symbol->bytes, symbol->name);
}

static void list_symbols_with(const char *part)
{
    struct kd_symbol symbol;
    for (unsigned i = 0; kd_symbol_number(i, &symbol); i++) {
        for (const char *at = symbol.name; *at != '\0'; at++) {
            if (strncmp(at, part, strlen(part)) == 0) {
                print_symbol(&symbol);
                break;
            }
        }
    }
}

static void run_sym(struct kd_call *call)
{
    char name[80];
    struct kd_symbol symbol;
    bool found = false;
    if (kd_arg_accept(call, "-part") && kd_arg_word(call, name, sizeof(name))) {
        kd_arg_done(call);
        list_symbols_with(name);
        return;
    }
    struct kd_call by_name = *call;
    if (kd_arg_word(&by_name, name, sizeof(name)) && kd_arg_is_end(&by_name)) {
        for (unsigned which = 0; kd_symbol_named(name, strlen(name), which, &symbol); which++) {
            print_symbol(&symbol);
            found = true;
        }
    }
    uint64_t address;
    if (found) {
        return;
    }
    if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_print("%016llx  ", (unsigned long long)address);
    kd_print_address(address);
    struct kd_source line;
    if (kd_line_at(address, &line)) {
        kd_print("  %s:%u", line.file, line.line);
    }
    kd_print("\n");
}
KD_COMMAND(sym, .usage = "NAME | ADDRESS | -part TEXT",
           .help = "symbols: address, kind, bytes, name; of an address the source line, too",
           .flags = KD_READS, .run = run_sym);
