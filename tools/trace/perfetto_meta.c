/* SPDX-License-Identifier: MIT */
/* Packets that come once: clock, system, attributes; and processes and threads. */
#include "perfetto.h"
#include "perfetto_fields.h"

#define META_PACKET_BYTES 1024u

struct meta_packet {
    uint8_t *start;
    uint8_t *at;
};

static struct meta_packet begin_packet(struct perfetto *perfetto, size_t room)
{
    uint8_t *p = proto_open(out_room(&perfetto->out, room + META_PACKET_BYTES), TRACE_PACKET);
    perfetto->packets++;
    return (struct meta_packet){.start = p, .at = proto_uint(p, PACKET_SEQUENCE_ID, SEQUENCE_META)};
}

static void end_packet(struct perfetto *perfetto, struct meta_packet *packet)
{
    out_take(&perfetto->out, proto_close(packet->start, packet->at));
}

void perfetto_init(struct perfetto *perfetto)
{
    memset(perfetto, 0, sizeof(*perfetto));
    perfetto->names.next = 1;
    perfetto->args.next = ARG_COUNT + 1;
    perfetto->categories.next = CATEGORY_COUNT + 1;
    perfetto->next_track = 1;
}

static uint8_t *put_clock(uint8_t *p, unsigned id, uint64_t time)
{
    uint8_t *clock = proto_open(p, CLOCKS_CLOCK);
    p = proto_uint(clock, CLOCK_ID, id);
    p = proto_uint(p, CLOCK_TIMESTAMP, time);
    return proto_close(clock, p);
}

void perfetto_clock(struct perfetto *perfetto, uint64_t ns, uint64_t unix_ns)
{
    struct meta_packet packet = begin_packet(perfetto, 0);
    packet.at = proto_uint(packet.at, PACKET_TIMESTAMP, ns);
    uint8_t *snapshot = proto_open(packet.at, PACKET_CLOCK_SNAPSHOT);
    uint8_t *p = put_clock(snapshot, CLOCK_BOOTTIME, ns);
    if (unix_ns != 0) {
        p = put_clock(p, CLOCK_REALTIME, unix_ns);
    }
    p = proto_uint(p, CLOCKS_PRIMARY, CLOCK_BOOTTIME);
    packet.at = proto_close(snapshot, p);
    end_packet(perfetto, &packet);
}

void perfetto_system(struct perfetto *perfetto, const char *version)
{
    struct meta_packet packet = begin_packet(perfetto, strlen(version));
    uint8_t *info = proto_open(packet.at, PACKET_SYSTEM_INFO);
    uint8_t *name = proto_open(info, SYSTEM_UTSNAME);
    uint8_t *p = proto_text(name, UTSNAME_SYSNAME, "Linux");
    p = proto_text(p, UTSNAME_VERSION, version);
    p = proto_text(p, UTSNAME_RELEASE, "6.1.0");
    p = proto_text(p, UTSNAME_MACHINE, "x86_64");
    packet.at = proto_close(info, proto_close(name, p));
    end_packet(perfetto, &packet);
}

void perfetto_attributes(struct perfetto *perfetto, const struct perfetto_attribute *attributes,
                         size_t count)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++) {
        room += 64 + strlen(attributes[i].key) +
                (attributes[i].text != NULL ? strlen(attributes[i].text) : 0);
    }
    struct meta_packet packet = begin_packet(perfetto, room);
    uint8_t *list = proto_open(packet.at, PACKET_TRACE_ATTRIBUTES);
    uint8_t *p = list;
    for (size_t i = 0; i < count; i++) {
        uint8_t *attribute = proto_open(p, ATTRIBUTES_ATTRIBUTE);
        p = proto_text(attribute, ATTRIBUTE_KEY, attributes[i].key);
        p = attributes[i].text != NULL
                ? proto_text(p, ATTRIBUTE_STRING, attributes[i].text)
                : proto_uint(p, ATTRIBUTE_LONG, (uint64_t)attributes[i].number);
        p = proto_close(attribute, p);
    }
    packet.at = proto_close(list, p);
    end_packet(perfetto, &packet);
}

void perfetto_core_stats(struct perfetto *perfetto, uint64_t ns, bool is_end,
                         const struct perfetto_core_stats *stats, unsigned count)
{
    struct meta_packet packet = begin_packet(perfetto, count * 64u);
    packet.at = proto_uint(packet.at, PACKET_TIMESTAMP, ns);
    uint8_t *body = proto_open(packet.at, PACKET_FTRACE_STATS);
    uint8_t *p = proto_uint(body, STATS_PHASE, is_end ? STATS_PHASE_END : STATS_PHASE_START);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *core = proto_open(p, STATS_CPU);
        p = proto_uint(core, CPU_STATS_CPU, stats[i].cpu);
        p = proto_uint(p, CPU_STATS_ENTRIES, stats[i].entries);
        p = proto_uint(p, CPU_STATS_OVERRUN, stats[i].overwritten);
        p = proto_uint(p, CPU_STATS_COMMIT_OVERRUN, stats[i].nested);
        p = proto_uint(p, CPU_STATS_BYTES, stats[i].bytes);
        p = proto_uint(p, CPU_STATS_DROPPED, stats[i].dropped);
        p = proto_close(core, proto_uint(p, CPU_STATS_READ, stats[i].entries));
    }
    packet.at = proto_close(body, p);
    end_packet(perfetto, &packet);
}

void perfetto_process(struct perfetto *perfetto, uint64_t ns,
                      const struct perfetto_process *process)
{
    struct meta_packet packet = begin_packet(perfetto, strlen(process->name));
    packet.at = proto_uint(packet.at, PACKET_TIMESTAMP, ns);
    uint8_t *tree = proto_open(packet.at, PACKET_PROCESS_TREE);
    uint8_t *body = proto_open(tree, TREE_PROCESS);
    uint8_t *p = proto_uint(body, PROCESS_PID, process->pid);
    p = proto_uint(p, PROCESS_PPID, process->parent);
    p = proto_text(p, PROCESS_CMDLINE, process->name);
    if (strchr(process->name, ' ') != NULL) {
        p = proto_text(p, PROCESS_CMDLINE,
                       ""); /* or the importer takes the first word for the name */
    }
    if (process->is_kernel) {
        p = proto_uint(p, PROCESS_IS_KTHREAD, 1);
    }
    packet.at = proto_close(tree, proto_close(body, p));
    end_packet(perfetto, &packet);
}

void perfetto_thread(struct perfetto *perfetto, uint64_t ns, uint32_t tid, uint32_t pid,
                     const char *name)
{
    struct meta_packet packet = begin_packet(perfetto, strlen(name));
    packet.at = proto_uint(packet.at, PACKET_TIMESTAMP, ns);
    uint8_t *tree = proto_open(packet.at, PACKET_PROCESS_TREE);
    uint8_t *thread = proto_open(tree, TREE_THREAD);
    uint8_t *p = proto_uint(thread, THREAD_TID, tid);
    p = proto_text(p, THREAD_NAME, name);
    p = proto_uint(p, THREAD_TGID, pid);
    packet.at = proto_close(tree, proto_close(thread, p));
    end_packet(perfetto, &packet);
}
