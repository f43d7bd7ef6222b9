/* SPDX-License-Identifier: MIT */
/*
 * lines: what a line of 80 characters costs, on the serial console and on the screen.
 *
 *   lines=N   to each (200)
 *
 * All that the machine does from the beginning of a line to its end counts: alone on one core, that is the writer, the kernel, and for
 * the screen its service. Each line differs from the last in every place, so that one more at the bottom is a whole screen to draw anew.
 */
#include "gen/interface/screen_client.h"
#include "userspace/lib/check.h"
#include "userspace/lib/find.h"
#include "userspace/lib/option.h"
#include "userspace/lib/stream.h"
#include "userspace/programs/bench/bench.h"

#define COLUMNS   80u
#define LETTERS   26u
#define TO_SCROLL 100u /* a screen full */

static char line[COLUMNS + 2];

/* LF moves down only, so the screen wants CR, too. Returns the bytes. */
static uint64_t make_line(unsigned number, bool is_for_screen)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        line[i] = (char)('a' + (i + number) % LETTERS);
    }
    line[COLUMNS] = is_for_screen ? '\r' : '\n';
    line[COLUMNS + 1] = '\n';
    return COLUMNS + 1 + is_for_screen;
}

static void measure_console(unsigned lines)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < lines; i++) {
        uint64_t bytes = make_line(i, false);

        MEASURE(samples, must(stream_write(STREAM_OUTPUT, line, bytes)));
    }
    figure_print("driver.console_instr_per_line", samples_figure(samples));
}

/* Its answer comes when all that was sent before is drawn. */
static void write_drawn(uint64_t screen, uint64_t bytes)
{
    uint32_t columns, rows;

    must(screen_write(screen, line, bytes, DEADLINE_FOREVER));
    must(screen_size(screen, DEADLINE_FOREVER, &columns, &rows));
}

static void measure_screen(unsigned lines)
{
    struct samples *samples = samples_reset();
    uint64_t screen;

    must(service_find("screen", DEADLINE_FOREVER, &screen));
    for (unsigned i = 0; i < TO_SCROLL; i++) {
        write_drawn(screen, make_line(i, true));
    }
    for (unsigned i = 0; i < lines; i++) {
        uint64_t bytes = make_line(i, true);

        MEASURE(samples, write_drawn(screen, bytes));
    }
    figure_print("driver.screen_instr_per_line", samples_figure(samples));
}

int main(int argc, char **argv)
{
    unsigned lines = (unsigned)option_u64("lines", 200);

    (void)argc;
    (void)argv;
    bench_calibrate();
    measure_console(lines);
    measure_screen(lines);
    return 0;
}
