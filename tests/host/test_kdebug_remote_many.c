/* SPDX-License-Identifier: MIT */
/* The gdb stub with hundreds of threads and a lot of memory: nothing is missing, and what it takes on the line. */
#include "tests/host/remote_support.h"

#define BAUD_BYTES 11520u /* in a second, at 115200 Bd */
#define THREADS    500u
#define MANY       3000u
#define MIB        0x100000u
#define REQUEST    0xfa0u /* what gdb 13 asks for at once, of packets of 0x2000 */

/* Threads 100, 101, ... of the process that there is, each blocked somewhere else. */
static void add_threads(unsigned count)
{
    struct thread **slots = (struct thread **)kd_target->global("thread_slots", NULL);
    atomic_uint *slot_count = (atomic_uint *)kd_target->global("thread_slot_count", NULL);
    for (unsigned i = 0; i < count; i++) {
        struct thread *thread = fake_alloc(sizeof(*thread));
        *thread = *slots[1];
        thread->tid = 100 + i;
        thread->run = THREAD_BLOCKED;
        snprintf(thread->name, sizeof(thread->name), "stand %u", i);
        slots[2 + i] = thread;
    }
    atomic_store(slot_count, 2 + count);
}

static void test_long_lists_go_on_in_the_next_packet(void **state)
{
    (void)state;
    static bool seen[MANY];
    unsigned count = 0, packets = 0;
    add_threads(MANY);
    for (const char *list = ask("qfThreadInfo"); list[0] == 'm'; list = ask("qsThreadInfo")) {
        const char *at = list;
        packets++;
        do {
            at++;
            unsigned id = (unsigned)strtoul(at, (char **)&at, 16);
            assert_true(id < 100 || id == 0x100001 || (id < 100 + MANY && !seen[id - 100]));
            seen[id >= 100 && id < 100 + MANY ? id - 100 : 0] |= id >= 100 && id < 100 + MANY;
            count++;
        } while (*at == ',');
        assert_int_equal(*at, '\0');
    }
    assert_int_equal(count, MANY + 3);
    assert_true(packets > 1);
    assert_string_equal(ask("qsThreadInfo"), "l");
    assert_int_equal(ask("qfThreadInfo")[0], 'm'); /* from the start again */
}

static size_t list_bytes(void)
{
    size_t offset = 0, bytes = 0;
    for (;;) {
        char packet[64];
        snprintf(packet, sizeof(packet), "qXfer:threads:read::%zx,1000", offset);
        const char *part = ask(packet);
        assert_true(part[0] == 'm' || part[0] == 'l');
        bytes += strlen(packet) + 4 + line_bytes;
        if (part[0] == 'l') {
            return bytes;
        }
        offset += answer_bytes - 1;
    }
}

/* gdb 13 keeps the registers while all stand still: then the list is all that 'info threads' needs. */
static void test_the_list_of_500_threads_takes_three_seconds(void **state)
{
    (void)state;
    add_threads(THREADS);
    size_t bytes = list_bytes();
    print_message("%zu bytes\n", bytes);
    assert_true(bytes <= 3u * BAUD_BYTES);
}

static void test_registers_that_nobody_knows_take_little(void **state)
{
    (void)state;
    add_threads(1);
    (void)ask("qXfer:features:read:target.xml:0,1000");
    assert_string_equal(ask("Hg64"), "OK");
    assert_int_equal(strlen(ask("g")), 680);
    assert_true(line_bytes <= 80);
}

static size_t read_bytes(const uint8_t *from)
{
    size_t bytes = 0;
    for (size_t at = 0; at < MIB; at += REQUEST) {
        char packet[64];
        uint8_t back[REQUEST];
        size_t count = MIB - at < REQUEST ? MIB - at : REQUEST;
        snprintf(packet, sizeof(packet), "m%llx,%zx", (unsigned long long)(uintptr_t)(from + at),
                 count);
        const char *hex = ask(packet);
        bytes += strlen(packet) + 4 + line_bytes;
        assert_true(kd_hex_bytes(&hex, back, count));
        assert_memory_equal(back, from + at, count);
    }
    return bytes;
}

/* Two digits a byte, so half the rate of the line is all there can be; here no two digits that follow each other are the same. */
static void test_memory_is_read_at_the_rate_of_the_line(void **state)
{
    (void)state;
    static const char same[] = "\x12\x34\x56\x78\x9a";
    uint8_t *from = fake_alloc(MIB);
    for (size_t i = 0; i < MIB; i++) {
        from[i] = (uint8_t)same[i % 5];
    }
    size_t plain = read_bytes(from);
    print_message("%zu bytes\n", plain);
    assert_true(plain <= 2u * MIB * 10 / 8);
    memset(from, 0, MIB);
    assert_true(read_bytes(from) <= MIB / 10); /* runs are counted */
}

static char sent[512];
static size_t sent_bytes;

static void keep(char c)
{
    sent[sent_bytes++] = c;
}

/* What gdb expands a run to, of every length. */
static void test_runs_of_every_length(void **state)
{
    (void)state;
    static struct kd_packet packet;
    for (unsigned count = 1; count <= 300; count++) {
        char text[302], expanded[302];
        memset(text, '0', count);
        strcpy(text + count, "1");
        packet.length = 0;
        kd_packet_put(&packet, text);
        sent_bytes = 0;
        kd_packet_send(&packet, keep);
        uint8_t sum = 0;
        for (size_t i = 1; i < sent_bytes - 3; i++) {
            sum = (uint8_t)(sum + (uint8_t)sent[i]);
            assert_true(sent[i] > ' ' - 1 && sent[i] < 127 && sent[i] != '$' && sent[i] != '#');
        }
        sent[sent_bytes] = '\0';
        assert_int_equal(strtoul(sent + sent_bytes - 2, NULL, 16), sum);
        assert_int_equal(expand(expanded, sent + 1, sent_bytes - 4), count + 1);
        assert_string_equal(expanded, text);
        assert_true(sent_bytes <= 4 + 1 + (count < 4 ? count : 3 * (count / 98 + 1) + 4));
    }
}

/* ---- a line that damages one byte in a hundred ---- */

#define DAMAGE_ROUNDS 4000u
#define TRIES_MAX     50u

static unsigned damaged_bytes, refused, resent;

/* Turn a bit of one byte in a hundred, as noise does. */
static void damage(char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rand() % 100 == 0) {
            bytes[i] = (char)(bytes[i] ^ 1 << rand() % 8);
            damaged_bytes++;
        }
    }
}

static uint8_t sum_of(const char *data, size_t count)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum = (uint8_t)(sum + (uint8_t)data[i]);
    }
    return sum;
}

/* Two damages can hide each other in a sum of eight bits: that frame is another good one, which no stub can tell. */
static bool is_hidden(const char *frame, const char *original, size_t length)
{
    return memcmp(frame, original, length) != 0 && frame[0] == '$' && frame[length - 3] == '#' &&
           strtoul(frame + length - 2, NULL, 16) == sum_of(frame + 1, length - 4);
}

/* What comes back over the damaged line. A machine that "goes on" by accident stands again. */
static size_t exchange_damaged(const char *bytes, size_t count, char *back)
{
    fake_type(bytes, count);
    kd_session_begin(0);
    kd_remote_serve(no_more);
    const char *output = fake_output();
    size_t length = strlen(output);
    assert_true(length < 512);
    memcpy(back, output, length + 1);
    damage(back, length);
    return length;
}

static bool is_good_answer(const char *back, const char *wanted)
{
    const char *start = strchr(back, '$');
    size_t length = strlen(wanted);
    char frame[64];
    snprintf(frame, sizeof(frame), "$%s#%02x", wanted, sum_of(wanted, length));
    return start != NULL && strcmp(start, frame) == 0;
}

/* As gdb does: the packet again if it was refused or nothing came, '-' if the answer was damaged. */
static void talk(const char *data, const char *wanted)
{
    char frame[128], original[128], back[512];
    size_t length =
        (size_t)snprintf(original, sizeof(original), "$%s#%02x", data, sum_of(data, strlen(data)));
    bool is_understood = false;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        size_t count = is_understood ? 1 : length;
        memcpy(frame, is_understood ? "-" : original, count);
        damage(frame, count);
        if (!is_understood && is_hidden(frame, original, length)) {
            continue;
        }
        (void)exchange_damaged(frame, count, back);
        refused += back[0] == '-';
        if (is_good_answer(back, wanted)) {
            return;
        }
        is_understood |= back[0] == '+';
        resent++;
    }
    fail_msg("'%s' was not answered %u times", data, TRIES_MAX);
}

/* Nothing but what was sent is ever executed, and every answer arrives in the end. */
static void test_one_percent_of_damaged_bytes(void **state)
{
    (void)state;
    srand(3);
    words[0] = 0;
    damaged_bytes = refused = resent = 0;
    for (uint64_t round = 1; round <= DAMAGE_ROUNDS; round++) {
        char packet[96], value[17];
        uint64_t number = 0x1122334455667788u * round;
        for (unsigned i = 0; i < 8; i++) {
            snprintf(value + 2 * i, 3, "%02x", (unsigned)(number >> 8 * i & 0xff));
        }
        snprintf(packet, sizeof(packet), "M%llx,8:%s", (unsigned long long)(uintptr_t)words, value);
        talk(packet, "OK");
        assert_true(words[0] == number);
        assert_true(words[1] == 0 && kd_breakpoint(1) == NULL && kd_remote_is_attached());
        assert_true(fake_registers[0].frame.rax == 0x11 &&
                    fake_registers[0].frame.rip == K + 0x2000);
    }
    print_message("%u bytes damaged, %u packets refused, %u times again\n", damaged_bytes, refused,
                  resent);
    assert_true(damaged_bytes > DAMAGE_ROUNDS / 4 && refused > DAMAGE_ROUNDS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_long_lists_go_on_in_the_next_packet, begin),
        cmocka_unit_test_setup(test_the_list_of_500_threads_takes_three_seconds, begin),
        cmocka_unit_test_setup(test_registers_that_nobody_knows_take_little, begin),
        cmocka_unit_test_setup(test_memory_is_read_at_the_rate_of_the_line, begin),
        cmocka_unit_test_setup(test_runs_of_every_length, begin),
        cmocka_unit_test_setup(test_one_percent_of_damaged_bytes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
