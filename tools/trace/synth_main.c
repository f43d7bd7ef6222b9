/* SPDX-License-Identifier: MIT */
/* spoor-synth: writes a synthetic capture, for benchmarks and for trying out the tools without a machine. */
#include <getopt.h>
#include <stdlib.h>

#include "synth.h"

static const char usage[] =
    "usage: spoor-synth [OPTIONS] OUTPUT\n\n"
    "Writes a synthetic capture, the same one for the same options.\n\n"
    "  --kind sched|mixed  switches, wake-ups and interrupts only, or everything (default)\n"
    "  --events N          about so many (default 100000)\n"
    "  --cpus N            1 to 32 (default 4)\n"
    "  --khz N             clock (default 1000000: one tick is one nanosecond)\n"
    "  --seed N            (default 1)\n"
    "  --image             an image of the trace region's memory instead\n";

struct synth_options {
    enum synth_kind kind;
    unsigned long events;
    unsigned long cpus;
    unsigned long khz;
    unsigned long seed;
    bool image;
};

static bool read_options(int argc, char **argv, struct synth_options *options)
{
    static const struct option table[] = {
        {"help", no_argument, NULL, 'h'},         {"kind", required_argument, NULL, 'k'},
        {"events", required_argument, NULL, 'e'}, {"cpus", required_argument, NULL, 'c'},
        {"khz", required_argument, NULL, 'z'},    {"seed", required_argument, NULL, 's'},
        {"image", no_argument, NULL, 'i'},        {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'k':
            options->kind = strcmp(optarg, "sched") == 0 ? SYNTH_SCHED : SYNTH_MIXED;
            break;
        case 'e':
            options->events = strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options->cpus = strtoul(optarg, NULL, 10);
            break;
        case 'z':
            options->khz = strtoul(optarg, NULL, 10);
            break;
        case 's':
            options->seed = strtoul(optarg, NULL, 10);
            break;
        case 'i':
            options->image = true;
            break;
        default:
            return false;
        }
    }
    return optind + 1 == argc && options->cpus >= 1 && options->cpus <= CPU_MAX &&
           options->khz != 0;
}

int main(int argc, char **argv)
{
    struct synth_options options = {
        .kind = SYNTH_MIXED, .events = 100000, .cpus = 4, .khz = 1000000, .seed = 1};
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    FILE *out = fopen(argv[optind], "wb");
    if (out == NULL) {
        perror(argv[optind]);
        return 2;
    }
    struct synth synth;
    synth_open(&synth, options.image ? NULL : out, (unsigned)options.cpus, options.khz);
    synth_work(&synth, options.kind, options.events, options.seed);
    if (options.image) {
        synth_write_image(&synth, out);
    } else {
        synth_close(&synth);
    }
    synth_free(&synth);
    if (fclose(out) != 0) {
        perror(argv[optind]);
        return 2;
    }
    return 0;
}
