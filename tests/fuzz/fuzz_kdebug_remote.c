/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from gdb, on a small fake machine. Each NUL or newline of the input ends a packet, which is framed with its sum,
 * so that the input is not lost on sums; what begins with '!' goes to the line as it is. After it all, a good packet must be
 * answered.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gen/layout.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/files.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/session.h"
#include "sched/process.h"
#include "tests/host/kdebug_support.h"

#define INPUT_MAX  4000u
#define PACKET_MAX 600u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The prompt notices at the end of a line only. */
static void end_session(void)
{
    kd_session_end();
    if (!kd_remote_is_attached()) {
        fake_type("\r", 1);
    }
}

static void serve(void)
{
    kd_session_begin(0);
    if (kd_remote_is_attached()) {
        kd_remote_serve(end_session);
    } else {
        kd_session_prompt(end_session);
    }
}

static void make_threads(void)
{
    struct process *process = fake_alloc(sizeof(*process));
    struct thread *thread = fake_alloc(sizeof(*thread));
    struct thread **slots = fake_alloc(THREAD_MAX * sizeof(*slots));
    struct list *processes = fake_alloc(sizeof(*processes));
    struct cpu *cores = fake_alloc(CPU_MAX * sizeof(*cores));
    atomic_uint *count = fake_alloc(sizeof(*count));
    process->object.id = 5;
    strcpy(process->name, "server");
    list_init(processes);
    list_push_back(processes, &process->all_link);
    *thread = (struct thread){.object = {.refs = 1}, .tid = 7, .process = process};
    thread->frame = fake_alloc(sizeof(struct trap_frame));
    slots[0] = thread;
    cores[0].current = thread;
    *count = 1;
    fake_global("process_list", processes);
    fake_global("thread_slots", slots);
    fake_global("thread_slot_count", count);
    fake_global("cpus", cores);
}

static void make_image(const uint8_t *data, size_t size)
{
    struct kd_files *files = fake_alloc(sizeof(*files));
    uint8_t *image = fake_alloc(0x2000);
    struct boot_image_header header = {.magic = BOOT_IMAGE_MAGIC, .count = 2, .bytes = 0x2000};
    struct boot_image_entry entry = {.name = "server", .offset = 0x1000, .bytes = 0x800};
    memcpy(image, &header, sizeof(header));
    memcpy(image + sizeof(header), &entry, sizeof(entry));
    memcpy(image + sizeof(header) + sizeof(entry), data,
           size < sizeof(entry) ? size : sizeof(entry));
    *files = (struct kd_files){.base = fake_physical(image), .bytes = 0x2000};
    fake_global("kd_files", files);
}

static void type_packet(const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    char end[3] = {'#', digits[sum >> 4], digits[sum & 15]};
    fake_type("$", 1);
    fake_type((const char *)data, size);
    fake_type(end, sizeof(end));
}

static void feed(const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t length = 0;
        while (length < size && length < PACKET_MAX && data[length] != '\n') {
            length++;
        }
        if (length > 0 && data[0] == '!') {
            fake_type((const char *)data + 1, length - 1);
        } else {
            type_packet(data, length);
        }
        serve();
        size_t taken = length < size ? length + 1 : length;
        data += taken;
        size -= taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX) {
        return 0;
    }
    fake_begin(NULL);
    make_threads();
    make_image(data, size);
    fake_global("kernel_text_start", (void *)KERNEL_IMAGE_BASE);
    fake_global("kernel_text_end", (void *)(KERNEL_IMAGE_BASE + 0x10000));
    fake_type("+$qSupported:multiprocess+#c6", 29);
    serve();
    feed(data, size);
    fake_type("\r", 1); /* a person */
    serve();
    (void)fake_output();
    fake_type("+$qSupported:multiprocess+#c6", 29);
    serve();
    if (!kd_remote_is_attached() || strstr(fake_output(), "PacketSize=") == NULL) {
        abort();
    }
    fake_type("\r", 1);
    serve();
    return 0;
}
