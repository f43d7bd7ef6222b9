/* SPDX-License-Identifier: MIT */
/* The gdb stub: packets as bytes in, answers as bytes out, on the fake machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/core/guard.h"
#include "kdebug/core/session.h"
#include "kdebug/remote/packet.h"
#include "kdebug/core/remote.h"
#include "sched/process.h"
#include "tests/host/kdebug_support.h"

#define K KERNEL_IMAGE_BASE

static uint64_t *words;

/* Nothing more comes: the test has its answer. */
static void no_more(void)
{
    kd_session_end();
}

static void type_packet(const char *data, size_t length)
{
    char text[512];
    uint8_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + (uint8_t)data[i]);
    }
    text[0] = '$';
    memcpy(text + 1, data, length);
    snprintf(text + 1 + length, sizeof(text) - 1 - length, "#%02x", sum);
    fake_type(text, length + 4);
}

static const char *serve(void)
{
    kd_session_begin(0);
    kd_session_prompt(no_more);
    return fake_output();
}

static int begin(void **state)
{
    fake_begin(state);
    atomic_uint *slot_count = fake_alloc(sizeof(*slot_count));
    struct thread **slots = fake_alloc(THREAD_MAX * sizeof(vaddr_t));
    struct cpu *cores = fake_alloc(CPU_MAX * sizeof(*cores));
    struct process *process = fake_alloc(sizeof(*process));
    uint64_t *stack = fake_alloc(64);
    fake_cpus = 2;
    fake_global("thread_slot_count", slot_count);
    fake_global("thread_slots", slots);
    fake_global("cpus", cores);
    fake_global("kernel_text_start", (void *)K);
    fake_global("kernel_text_end", (void *)(K + 0x10000));
    fake_global("entry_text_start", (void *)K);
    fake_global("entry_text_end", (void *)(K + 0x100));
    fake_global("nmi_text_start", (void *)(K + 0x100));
    fake_global("nmi_text_end", (void *)(K + 0x1000));
    strcpy(process->name, "server");
    for (unsigned i = 0; i < 2; i++) {
        struct thread *thread = fake_alloc(sizeof(*thread));
        atomic_store(&thread->object.refs, 1);
        thread->tid = 11 + i;
        thread->process = process;
        thread->run = i == 0 ? THREAD_RUNNING : THREAD_READY;
        thread->context.rsp = (uint64_t)stack;
        strcpy(thread->name, "worker");
        slots[i] = thread;
    }
    stack[5] = 0x5555;
    stack[6] = K + 0x1234;
    cores[0].current = slots[0];
    atomic_store(slot_count, 2);
    words = fake_alloc(64);
    words[0] = 0x1122334455667788;
    fake_registers[0].frame.rax = 0x11;
    fake_registers[0].frame.rip = K + 0x2000;
    fake_registers[0].frame.rflags = 0x202;
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        if (kd_breakpoint(number) != NULL) {
            kd_breakpoint_remove(kd_breakpoint(number));
        }
    }
    fake_type("+", 1);
    type_packet("qSupported:swbreak+", 19);
    (void)serve();
    assert_true(kd_remote_is_attached());
    return 0;
}

/* What comes back for one packet: "+$data#xx" without the frame. */
static const char *ask(const char *data)
{
    static char answer[KD_PACKET_BYTES + 1];
    type_packet(data, strlen(data));
    kd_session_begin(0);
    kd_remote_serve(no_more);
    const char *output = fake_output();
    const char *start = strrchr(output, '$');
    const char *end = start == NULL ? NULL : strchr(start, '#');
    if (end == NULL) {
        return output;
    }
    uint8_t sum = 0;
    for (const char *at = start + 1; at < end; at++) {
        sum = (uint8_t)(sum + (uint8_t)*at);
    }
    assert_int_equal(strtoul(end + 1, NULL, 16), sum);
    snprintf(answer, sizeof(answer), "%.*s", (int)(end - start - 1), start + 1);
    return answer;
}

static const char *with_address(const char *format, const void *address)
{
    static char text[256];
    snprintf(text, sizeof(text), format, (unsigned long long)(uintptr_t)address);
    return text;
}

static void test_threads(void **state)
{
    (void)state;
    assert_string_equal(ask("?"), "T05thread:b;core:0;");
    assert_string_equal(ask("qfThreadInfo"), "m100001,b,c");
    assert_string_equal(ask("qsThreadInfo"), "l");
    assert_string_equal(ask("qC"), "QCb");
    assert_string_equal(ask("Tc"), "OK");
    assert_string_equal(ask("T63"), "E01");
    assert_string_equal(ask("Hg63"), "E01");
    const char *hex = ask("qThreadExtraInfo,b");
    char text[64] = "";
    assert_true(kd_hex_bytes(&hex, text, strlen(hex) / 2));
    assert_string_equal(text, "server/worker, running on core 0");
    hex = ask("qThreadExtraInfo,100001");
    memset(text, 0, sizeof(text));
    assert_true(kd_hex_bytes(&hex, text, strlen(hex) / 2));
    assert_string_equal(text, "kernel/idle of core 1");
}

static void test_registers(void **state)
{
    (void)state;
    const char *all = ask("g");
    assert_int_equal(strlen(all), 17 * 16 + 7 * 8);
    assert_memory_equal(all, "1100000000000000", 16);
    assert_memory_equal(all + 16 * 16,
                        "00200080ffffffff"
                        "02020000",
                        24);
    assert_string_equal(ask("p10"), "00200080ffffffff");
    assert_string_equal(ask("p99"), "E01");
    assert_string_equal(ask("P0=8877665544332211"), "OK");
    assert_true(fake_registers[0].frame.rax == 0x1122334455667788);
    assert_string_equal(ask("Hgc"), "OK"); /* one that does not run */
    all = ask("g");
    assert_memory_equal(all, "xxxxxxxxxxxxxxxx", 16);
    assert_memory_equal(all + 6 * 16, "5555000000000000", 16);
    assert_memory_equal(all + 16 * 16, "34120080ffffffff", 16);
    assert_string_equal(ask("P0=8877665544332211"), "E01");
}

static void test_memory(void **state)
{
    (void)state;
    assert_string_equal(ask(with_address("m%llx,8", words)), "8877665544332211");
    assert_string_equal(ask("m5000,8"), "E14");
    assert_string_equal(ask("mzz"), "E01");
    assert_string_equal(ask(with_address("M%llx,2:0102", words)), "OK");
    assert_true(words[0] == 0x1122334455660201);
    assert_string_equal(ask(with_address("M%llx,2:01", words)), "E01");
    const char *binary = with_address("X%llx,2:}\x03z", words);
    assert_string_equal(ask(binary), "OK"); /* "}\x03" is '#' */
    assert_true(words[0] == 0x1122334455667a23);
    assert_string_equal(ask("Mffffffff80002000,1:cc"), "E14"); /* text: by Z0 only */
    memcpy(words, "123456789", 9);
    assert_string_equal(ask(with_address("qCRC:%llx,9", words)), "C376e6e7"); /* CRC-32/MPEG-2 */
    assert_string_equal(ask("qCRC:5000,9"), "E01");
}

static void test_breakpoints(void **state)
{
    (void)state;
    assert_string_equal(ask("Z0,ffffffff80002000,1"), "OK");
    assert_string_equal(ask("Z0,ffffffff80002000,1"), "OK");
    assert_int_equal(kd_breakpoint_at(K + 0x2000, 0), 1);
    assert_int_equal(kd_breakpoint_at(K + 0x2000, 1), 0);     /* asked twice is once */
    assert_string_equal(ask("Z0,ffffffff80000200,1"), "E22"); /* NMI code */
    assert_string_equal(ask("Z2,ffffffff80010000,8"), "OK");
    assert_string_equal(ask("Z9,1,1"), "");
    assert_string_equal(ask("z0,ffffffff80002000,1"), "OK");
    assert_null(kd_breakpoint(1));
    assert_string_equal(ask("D"), "OK");
    assert_null(kd_breakpoint(2)); /* none stays behind */
    assert_false(kd_remote_is_attached());
}

static void test_monitor_and_the_rest(void **state)
{
    (void)state;
    type_packet("qRcmd,7072696e7420362a37", 24); /* print 6*7 */
    kd_session_begin(0);
    kd_remote_serve(no_more);
    assert_string_equal(fake_output(), "+$O30783261203d2034320a#a5$OK#9a");
    const char *output = ask("qRcmd,636f6e74696e7565"); /* continue */
    assert_string_equal(output, "OK");
    assert_string_equal(ask("vMustReplyEmpty"), "");
    assert_string_equal(ask("vCont?"), "vCont;c;C;s;S");
    assert_string_equal(ask("vCont;s:c"), "E16"); /* it does not run */
    assert_string_equal(ask("vCont;x"), "E01");
    assert_string_equal(ask("qOffsets"), "Text=0;Data=0;Bss=0");
    assert_string_equal(ask("nonsense"), "");
    fake_type("$g#00", 5); /* a wrong sum */
    kd_session_begin(0);
    kd_remote_serve(no_more);
    assert_string_equal(fake_output(), "-");
    assert_string_equal(ask("QStartNoAckMode"), "OK");
    type_packet("qC", 2);
    kd_session_begin(0);
    kd_remote_serve(no_more);
    assert_string_equal(fake_output(), "$QCb#f6");
}

/* Whatever comes, the stub answers the next good packet. */
static void test_random_bytes(void **state)
{
    (void)state;
    srand(8);
    for (unsigned round = 0; round < 2000; round++) {
        char bytes[64];
        static const char starts[] = "gGpPmMXHTzZqQv?";
        bytes[0] = starts[(size_t)rand() % (sizeof(starts) - 1)];
        size_t length = 1 + (size_t)rand() % (sizeof(bytes) - 1);
        for (size_t i = 1; i < length; i++) {
            bytes[i] =
                rand() % 3 == 0 ? (char)(rand() % 255 + 1) : "0123456789abcdef,:;="[rand() % 20];
        }
        if (memchr(bytes, '#', length) == NULL && memchr(bytes, '$', length) == NULL) {
            type_packet(bytes, length);
        }
        kd_session_begin(0);
        kd_remote_serve(no_more);
        (void)fake_output();
        if (round % 100 == 99) {
            begin(NULL);
            assert_string_equal(ask("qOffsets"), "Text=0;Data=0;Bss=0");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_threads, begin),
        cmocka_unit_test_setup(test_registers, begin),
        cmocka_unit_test_setup(test_memory, begin),
        cmocka_unit_test_setup(test_breakpoints, begin),
        cmocka_unit_test_setup(test_monitor_and_the_rest, begin),
        cmocka_unit_test_setup(test_random_bytes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
