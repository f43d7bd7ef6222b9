/* SPDX-License-Identifier: MIT */
/* The gdb stub: packets as bytes in, answers as bytes out, on the fake machine. */
#include "tests/host/remote_support.h"

#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"

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
    assert_string_equal(text, "kernel/idle of core 1, running on core 1");
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
    fake_map(K + 0x2000, 0x700000, PAGE_BYTES, PTE_WRITE);
    fake_map(K + 0x10000, 0x701000, PAGE_BYTES, PTE_WRITE);
    assert_string_equal(ask("Mffffffff80002000,1:cc"), "E14"); /* text: by Z0 only */
    assert_string_equal(ask("Mffffffff80010000,1:cc"), "OK");
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
    kd_pager_set(1);                             /* whose question nobody could answer */
    type_packet("qRcmd,7072696e7420362a37", 24); /* print 6*7 */
    kd_session_begin(0);
    kd_remote_serve(no_more);
    assert_string_equal(fake_output(), "+$O30783261203d2034320a#a5$OK#9a");
    const char *output = ask("qRcmd,636f6e74696e7565"); /* continue */
    assert_string_equal(output, "OK");
    assert_string_equal(ask("vMustReplyEmpty"), "");
    assert_string_equal(ask("vCont?"), "vCont;c;C;s;S;t;r");
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

static void put_hex(char *to, const char *text)
{
    for (; *text != '\0'; text++, to += 2) {
        snprintf(to, 3, "%02x", (unsigned char)*text);
    }
}

/* Without the runs of gdb's protocol: "0* " is 0 four times. */
static const char *without_runs(const char *packets)
{
    static char text[2048];
    size_t bytes = 0;
    for (; *packets != '\0'; packets++) {
        if (packets[0] == '*' && bytes > 0 && packets[1] != '\0') {
            packets++;
            for (int left = *packets - 29; left > 0 && bytes < sizeof(text) - 1; left--, bytes++) {
                text[bytes] = text[bytes - 1];
            }
        } else if (bytes < sizeof(text) - 1) {
            text[bytes++] = *packets;
        }
    }
    text[bytes] = '\0';
    return text;
}

/* What 'monitor' with this line says: whether it is that this boot does not allow it, or that gdb may not. */
static bool is_refused_to_monitor(const char *line)
{
    char packet[128] = "qRcmd,", lock[64], gdb[64];
    put_hex(packet + strlen(packet), line);
    put_hex(lock, "this boot does not allow");
    put_hex(gdb, "may not be used from here");
    type_packet(packet, strlen(packet));
    kd_session_begin(0);
    kd_remote_serve(no_more);
    const char *said = without_runs(fake_output());
    return strstr(said, lock) != NULL || strstr(said, gdb) != NULL;
}

/* Of every command whose record says that it writes or resumes. */
static void check_monitor(void)
{
    unsigned refused = 0;
    for (const struct kd_command *command = kdebug_commands_start; command < kdebug_commands_end;
         command++) {
        bool is_locked =
            (command->flags & (KD_WRITES | KD_RESUMES)) && !(command->flags & KD_PARTLY);
        if (is_locked && !is_refused_to_monitor(command->name)) {
            fail_msg("'monitor %s' is not refused", command->name);
        }
        refused += is_locked;
    }
    assert_true(refused >= 10);
    assert_false(is_refused_to_monitor("print 1"));
}

/* The last one: nothing unlocks. */
static void test_locks_hold_for_gdb(void **state)
{
    (void)state;
    static const char *const writes[] = {"M100000,1:00", "X100000,1:a", "P0=00",      "G00",
                                         "Z0,100000,1",  "Z2,100000,8", "z0,100000,1"};
    assert_false(is_refused_to_monitor("write"));
    assert_true(kd_permit_lock("writes,resumes"));
    check_monitor();
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        assert_string_equal(ask(writes[i]), "E03");
    }
    assert_string_equal(ask("vCont;s"), "E03");
    assert_string_equal(ask("s"), "E03");
    assert_string_equal(ask("T1"), ask("T1")); /* and it is still there */
    assert_true(kd_remote_is_attached());
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
        cmocka_unit_test_setup(test_locks_hold_for_gdb, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
