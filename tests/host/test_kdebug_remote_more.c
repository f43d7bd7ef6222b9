/* SPDX-License-Identifier: MIT */
/* The gdb stub: several processes, documents, files, searches, ranges, conditions. */
#include "tests/host/remote_multi.h"

#include "kdebug/core/run.h"

/* The kernel's view and the process' view of one thread. */
static void test_processes(void **state)
{
    (void)state;
    assert_string_equal(ask("?"), "T05thread:p1.b;core:0;");
    assert_string_equal(ask("qfThreadInfo"), "mp1.100001,p1.b,p1.c,p15.b,p15.c");
    assert_string_equal(ask("Tp15.b"), "OK");
    assert_string_equal(ask("Tp16.b"), "E01");
    assert_string_equal(ask("Hgp1.b"), "OK");
    assert_string_equal(ask("p10"), "00200080ffffffff");
    assert_string_equal(ask("Hgp15.b"), "OK");
    assert_string_equal(ask("p10"), "0010400000000000");
    assert_string_equal(ask("p0"), "7700000000000000");
    assert_string_equal(ask("P0=8800000000000000"), "OK");
    assert_true(user_frame->rax == 0x88);
    assert_string_equal(ask("Hgp15.0"), "OK"); /* any of it */
    assert_string_equal(ask("Hgp0.0"), "OK");  /* any at all: the one that has stopped */
    assert_string_equal(ask("p10"), "00200080ffffffff");
}

/* All must be let go: gdb speaks until then. */
static void test_processes_are_let_go_one_by_one(void **state)
{
    (void)state;
    (void)ask("qfThreadInfo");
    assert_string_equal(ask("D;1"), "OK");
    assert_true(kd_remote_is_attached());
    assert_string_equal(ask("qC"), "QCp1.b"); /* which makes it known again */
    assert_string_equal(ask("D;1"), "OK");
    assert_string_equal(ask("D;15"), "OK");
    assert_false(kd_remote_is_attached());
}

static void test_a_kill_lets_the_machine_go_when_all_are_gone(void **state)
{
    (void)state;
    (void)ask("qfThreadInfo");
    assert_string_equal(ask("vKill;1"), "OK");
    assert_true(kd_remote_is_attached());
    assert_string_equal(ask("D;15"), "OK");
    assert_false(kd_remote_is_attached());
    assert_true(kd_session_is_over());
}

/* A person after gdb has died: ENTER between packets. */
static void test_enter_gives_the_prompt_back(void **state)
{
    (void)state;
    assert_string_equal(ask("Z0,ffffffff80002000,1"), "OK");
    fake_type("\r", 1);
    kd_session_begin(0);
    kd_remote_serve(no_more);
    assert_false(kd_remote_is_attached());
    assert_null(kd_breakpoint(1));
}

static const char *read_document(const char *object, unsigned piece)
{
    static char document[8192];
    size_t length = 0;
    for (;;) {
        char packet[128];
        snprintf(packet, sizeof(packet), "qXfer:%s:%zx,%x", object, length, piece);
        const char *part = ask(packet);
        if (part[0] != 'm' && part[0] != 'l') {
            return NULL;
        }
        for (const char *at = part + 1; *at != '\0'; at++) {
            document[length++] = *at == '}' ? (char)(*++at ^ 0x20) : *at;
        }
        if (part[0] == 'l') {
            document[length] = '\0';
            return document;
        }
    }
}

static void test_documents_come_in_pieces(void **state)
{
    (void)state;
    static const char *const objects[] = {"features:read:target.xml",
                                          "threads:read:", "memory-map:read:"};
    for (size_t i = 0; i < 3; i++) {
        const char *document = read_document(objects[i], 0x1000);
        assert_non_null(document);
        char *whole = strdup(document);
        assert_string_equal(read_document(objects[i], 7), whole);
        free(whole);
    }
    assert_null(read_document("features:read:other.xml", 64));
    assert_string_equal(ask("qXfer:auxv:read::0,100"), "");
    assert_string_equal(ask("qXfer:threads:read:0,100"), "E00");
    assert_string_equal(ask("qXfer:threads:read::fffff,100"), "l");
}

static void test_threads_have_names_and_cores(void **state)
{
    (void)state;
    const char *threads = read_document("threads:read:", 0x800);
    assert_non_null(
        strstr(threads, "<thread id=\"p1.100001\" core=\"1\" name=\"kernel/idle of core 1\">"));
    assert_non_null(strstr(
        threads, "<thread id=\"p1.b\" core=\"0\" name=\"server/worker\">running on core 0<"));
    assert_non_null(strstr(threads, "<thread id=\"p15.c\" name=\"server/worker\">ready<"));
}

static void test_names_cannot_break_a_document(void **state)
{
    (void)state;
    struct thread **slots = (struct thread **)kd_target->global("thread_slots", NULL);
    strcpy(slots[0]->name, "<&\"\x01\xff}#$*");
    const char *threads = read_document("threads:read:", 0x800);
    assert_non_null(strstr(threads, "name=\"server/&#60;&#38;&#34;&#63;&#63;}#$*\""));
}

static void test_registers_with_a_description(void **state)
{
    (void)state;
    fake_registers[0].cr3 = 0xabc000;
    assert_int_equal(strlen(ask("g")), 17 * 16 + 7 * 8);
    const char *description = read_document("features:read:target.xml", 0x1000);
    assert_non_null(strstr(description, "name=\"cr3\""));
    const char *all = ask("g");
    assert_int_equal(strlen(all), 17 * 16 + 7 * 8 + 8 * 20 + 8 * 8 + 8 * 16);
    assert_memory_equal(all + 17 * 16 + 7 * 8, "xxxxxxxx", 8); /* the x87 is not known */
    assert_string_equal(ask("p2c"), "00c0ab0000000000");
    assert_string_equal(ask("P2c=0000000000000000"), "E01"); /* not to be set */
    assert_string_equal(ask("Hgp15.c"), "OK");
    assert_string_equal(ask("p28"), "3412000000000000"); /* fs_base of the thread */
    assert_string_equal(ask("p30"), "E01");
}

/* ---- files ---- */

static void test_the_program_of_a_process(void **state)
{
    (void)state;
    assert_string_equal(read_document("exec-file:read:15", 0x100), "/server");
    assert_null(read_document("exec-file:read:1", 0x100)); /* gdb was given the kernel's */
    assert_null(read_document("exec-file:read:99", 0x100));
    assert_string_equal(ask("vFile:setfs:15"), "F0");
    assert_string_equal(ask("vFile:open:2f736572766572,0,0"), "F1");
    assert_string_equal(ask("vFile:pread:1,4,1"), "F4;ELF ");
    assert_memory_equal(ask("vFile:pread:1,100,5"), "Fd;}\x03}\x04}]}\x0a and more", 20);
    assert_string_equal(ask("vFile:pread:1,100,100"), "F0;");
    (void)ask("vFile:fstat:1");
    assert_int_equal(answer_bytes, 4 + 64 + 1); /* one byte of the mode is escaped */
    assert_string_equal(ask("vFile:close:1"), "F0");
}

#define NO_LIBRARY "<library-list>\n</library-list>\n"

static void test_a_program_is_a_library_of_the_kernel(void **state)
{
    (void)state;
    assert_string_equal(ask("Hgp1.b"), "OK");
    assert_string_equal(read_document("libraries:read:", 0x100), NO_LIBRARY); /* nobody asked */
    (void)ask("qRcmd,676462206c6962726172696573206f6e");                      /* gdb libraries on */
    assert_string_equal(read_document("libraries:read:", 7),
                        "<library-list>\n<library name=\"/server\"><segment "
                        "address=\"0x400000\"/></library>\n</library-list>\n");
    const char *svr4 = read_document("libraries-svr4:read:", 0x100);
    assert_non_null(strstr(svr4, "<library name=\"/server\" lm=\"0x"));
    assert_non_null(strstr(svr4, "l_addr=\"0x0\" l_ld=\"0x400000\"/>\n</library-list-svr4>"));
    assert_string_equal(ask("Hgp1.100001"), "OK"); /* a kernel thread */
    assert_string_equal(read_document("libraries:read:", 0x100), NO_LIBRARY);
    assert_string_equal(ask("Hgp15.b"), "OK"); /* as a process it has an exec-file */
    assert_string_equal(read_document("libraries:read:", 0x100), NO_LIBRARY);
    assert_string_equal(read_document("libraries-svr4:read:", 0x100),
                        "<library-list-svr4 version=\"1.0\">\n</library-list-svr4>\n");
}

static void test_files_that_are_not_there(void **state)
{
    (void)state;
    assert_string_equal(ask("vFile:open:2f6e6f,0,0"), "F-1,2");
    assert_string_equal(ask("vFile:open:2f736572766572,1,0"), "F-1,1e");
    assert_string_equal(ask("vFile:pread:9,4,1"), "F-1,9");
    assert_string_equal(ask("vFile:close:9"), "F-1,9");
    assert_string_equal(ask("vFile:unlink:2f6e6f"), "");
}

static void test_a_damaged_image_leads_nowhere(void **state)
{
    (void)state;
    struct kd_files *files = (struct kd_files *)kd_target->global("kd_files", NULL);
    struct boot_image_header *header = fake_at(files->base);
    struct boot_image_entry *entries = (struct boot_image_entry *)(header + 1);
    entries[1].bytes = ~0ull;
    assert_string_equal(ask("vFile:open:2f736572766572,0,0"), "F-1,2");
    entries[1] = entries[0];
    memset(entries[1].name, 'x', sizeof(entries[1].name)); /* no end */
    assert_string_equal(ask("vFile:open:2f736572766572,0,0"), "F-1,2");
    header->magic = 1;
    assert_string_equal(ask("vFile:open:2f696e6974,0,0"), "F-1,2");
}

/* ---- memory ---- */

static void test_search(void **state)
{
    (void)state;
    uint8_t *bytes = fake_alloc(0x3000);
    memcpy(bytes + 0xffe, "needle", 6);     /* across a page */
    memcpy(bytes + 0x1fa0 - 3, "}\x23", 2); /* one that has to be escaped on the line */
    char packet[128];
    snprintf(packet, sizeof(packet), "qSearch:memory:%llx;3000;needle",
             (unsigned long long)(uintptr_t)bytes);
    char expected[64];
    snprintf(expected, sizeof(expected), "1,%llx", (unsigned long long)(uintptr_t)(bytes + 0xffe));
    assert_string_equal(ask(packet), expected);
    snprintf(packet, sizeof(packet), "qSearch:memory:%llx;1003;needle",
             (unsigned long long)(uintptr_t)bytes);
    assert_string_equal(ask(packet), "0"); /* one byte too short */
    snprintf(packet, sizeof(packet), "qSearch:memory:%llx;3000;}]}\x03",
             (unsigned long long)(uintptr_t)bytes);
    snprintf(expected, sizeof(expected), "1,%llx",
             (unsigned long long)(uintptr_t)(bytes + 0x1fa0 - 3));
    assert_string_equal(ask(packet), expected);
    assert_string_equal(ask("qSearch:memory:5000;100000;needle"), "0");
    assert_string_equal(ask("qSearch:memory:5000;10;"), "E01");
}

/* The pattern begins at each place around the end of a window of KD_REMOTE_CHUNK bytes. */
static void test_search_at_the_ends_of_windows(void **state)
{
    (void)state;
    uint8_t *bytes = fake_alloc(0x3000);
    for (unsigned at = 3990; at < 4010; at++) {
        char packet[128], expected[64];
        memset(bytes, 0, 0x3000);
        memcpy(bytes + at, "needle", 6);
        snprintf(packet, sizeof(packet), "qSearch:memory:%llx;3000;needle",
                 (unsigned long long)(uintptr_t)bytes);
        snprintf(expected, sizeof(expected), "1,%llx", (unsigned long long)(uintptr_t)(bytes + at));
        assert_string_equal(ask(packet), expected);
    }
}

static void test_binary_reads(void **state)
{
    (void)state;
    memcpy(words, "#a$b}c*d", 8);
    assert_memory_equal(ask(with_address("x%llx,8", words)),
                        "b}\x03"
                        "a}\x04"
                        "b}]c}\x0a"
                        "d",
                        13);
    assert_string_equal(ask("x5000,8"), "E14");
    assert_string_equal(ask(with_address("x%llx,0", words)), "b");
}

/* ---- going on, breakpoints ---- */

static void test_actions(void **state)
{
    (void)state;
    assert_string_equal(ask("vCont;t"), "OK"); /* all stand still already */
    assert_string_equal(ask("vCont;r5000"), "E01");
    assert_string_equal(ask("vCont;s:p1.c;c"), "E16"); /* no core runs it */
    (void)ask("vCont;c:p1.b;s:p1.100001");
    assert_true(kd_session_is_over());
    assert_int_equal(kd_session_cpu(), 1);
    (void)ask("vCont;r5000,5010:p1.b;c");
    assert_true(kd_session_is_over());
    assert_string_equal(ask("vAttach;1"), "T05thread:p1.b;core:0;");
    assert_string_equal(ask("vAttach;77"), "E01");
}

static void test_breakpoints_of_a_process(void **state)
{
    (void)state;
    assert_string_equal(ask("Hgp15.b"), "OK");
    assert_string_equal(ask("Z0,401000,1"), "OK");
    struct kd_breakpoint *breakpoint = kd_breakpoint(1);
    assert_true(breakpoint->kind == KD_BREAK_EXECUTE && breakpoint->pid == PID);
    assert_string_equal(ask("Hgp1.b"), "OK");
    assert_string_equal(ask("z0,401000,1"), "OK"); /* not the same one */
    assert_non_null(kd_breakpoint(1));
    assert_string_equal(ask("Hgp15.b"), "OK");
    assert_string_equal(ask("z0,401000,1"), "OK");
    assert_null(kd_breakpoint(1));
}

static bool stops(void)
{
    const struct kd_hit hit = {.cpu = 0, .tid = 11, .pid = PID};
    return kd_breakpoint_stops(kd_breakpoint(1), &hit);
}

/* reg 0 == 0x11; 8 bytes of memory at words == 1 */
static void test_conditions(void **state)
{
    (void)state;
    assert_string_equal(ask("Z0,ffffffff80002000,1;X7,2600002211"
                            "1327"),
                        "OK");
    assert_true(stops());
    fake_registers[0].frame.rax = 0x12;
    assert_false(stops());
    char packet[128];
    snprintf(packet, sizeof(packet), "Z0,ffffffff80002000,1;Xe,25%016llx1a22011327",
             (unsigned long long)(uintptr_t)words);
    assert_string_equal(ask(packet), "OK"); /* takes the place of the other */
    assert_null(kd_breakpoint(2));
    words[0] = 1;
    assert_true(stops());
    words[0] = 2;
    assert_false(stops());
    assert_string_equal(ask("Z0,ffffffff80002000,1"), "OK");
    assert_true(stops());
    assert_string_equal(ask("Z0,ffffffff80002000,1;X7,26"), "E01");
    assert_string_equal(ask("Z0,ffffffff80002000,1;X999,26"), "E01");
}

static void put_hex(char *to, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        snprintf(to + 2 * i, 3, "%02x", (unsigned)(unsigned char)from[i]);
    }
}

/* What gdb 13 makes of a dprintf in the style "agent"; the last conversion has no argument. */
static void test_commands_of_a_breakpoint(void **state)
{
    (void)state;
    static const char format[] = "%s %3d|%-3x|%05lx|%c|%p|%%|%q%d\\\\\\n\\";
    static const char wanted[] = "text  -2|ab |000aa|A|0x33445566778899aa|%|%q\\\n";
    char packet[400], hex[2 * sizeof(format) + 1], answer[2 * sizeof(wanted)];
    strcpy((char *)words, "text");
    put_hex(hex, format, sizeof(format));
    put_hex(answer, wanted, sizeof(wanted) - 1);
    /* the arguments in reverse, then channel and function, then printf */
    snprintf(packet, sizeof(packet),
             "Z0,ffffffff80002000,1;cmds:0,X%zx,2533445566778899aa"
             "2241"
             "22aa"
             "22ab"
             "22fe1608"
             "25%016llx"
             "2200"
             "2200"
             "3406%04zx%s27",
             37 + sizeof(format), (unsigned long long)(uintptr_t)words, sizeof(format), hex);
    assert_string_equal(ask(packet), "OK");
    assert_true(kd_remote_commands_run(&kd_breakpoint(1)->remote_commands, 0));
    char output[512];
    const char *sent = fake_output();
    (void)expand(output, sent, strlen(sent));
    assert_int_equal(strncmp(output, "$O", 2), 0);
    assert_int_equal(strncmp(output + 2, answer, strlen(answer)), 0);
    assert_int_equal(output[2 + strlen(answer)], '#');
    /* Behind conditions, and wrong ones. */
    assert_string_equal(ask("Z0,ffffffff80002000,1;X3,220027X3,220027;cmds:1,X1,27X1,27"), "OK");
    assert_int_equal(kd_breakpoint(1)->remote_commands.count, 4);
    assert_int_equal(kd_breakpoint(1)->remote_condition.count, 0); /* of several, none is asked */
    assert_string_equal(ask("Z0,ffffffff80002000,1"), "OK");
    assert_false(kd_remote_commands_run(&kd_breakpoint(1)->remote_commands, 0));
    assert_string_equal(ask("Z0,ffffffff80002000,1;cmds:0,X2,27"), "E01");
    assert_string_equal(ask("Z0,ffffffff80002000,1;cmds:0,Xffff,27"), "E01");
    assert_string_equal(ask("Z0,ffffffff80002000,1;X3,220027X9,2200;cmds:0,X1,27"), "E01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_processes, begin_multi),
        cmocka_unit_test_setup(test_processes_are_let_go_one_by_one, begin_multi),
        cmocka_unit_test_setup(test_a_kill_lets_the_machine_go_when_all_are_gone, begin_multi),
        cmocka_unit_test_setup(test_enter_gives_the_prompt_back, begin_multi),
        cmocka_unit_test_setup(test_documents_come_in_pieces, begin_multi),
        cmocka_unit_test_setup(test_threads_have_names_and_cores, begin_multi),
        cmocka_unit_test_setup(test_names_cannot_break_a_document, begin_multi),
        cmocka_unit_test_setup(test_registers_with_a_description, begin_multi),
        cmocka_unit_test_setup(test_the_program_of_a_process, begin_multi),
        cmocka_unit_test_setup(test_a_program_is_a_library_of_the_kernel, begin_multi),
        cmocka_unit_test_setup(test_files_that_are_not_there, begin_multi),
        cmocka_unit_test_setup(test_a_damaged_image_leads_nowhere, begin_multi),
        cmocka_unit_test_setup(test_search, begin_multi),
        cmocka_unit_test_setup(test_commands_of_a_breakpoint, begin_multi),
        cmocka_unit_test_setup(test_search_at_the_ends_of_windows, begin_multi),
        cmocka_unit_test_setup(test_binary_reads, begin_multi),
        cmocka_unit_test_setup(test_actions, begin_multi),
        cmocka_unit_test_setup(test_breakpoints_of_a_process, begin_multi),
        cmocka_unit_test_setup(test_conditions, begin_multi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
