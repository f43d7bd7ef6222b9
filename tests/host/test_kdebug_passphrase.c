/* SPDX-License-Identifier: MIT */
/* A passphrase before the prompt (W1-W3 of passphrase.c), and the hash that it is made with, by published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/passphrase.h"
#include "kdebug/core/remote.h"
#include "kdebug/core/session.h"
#include "kdebug/core/sha256.h"
#include "tests/host/kdebug_support.h"

#define SECOND 1000000ull
/* hashlib.pbkdf2_hmac("sha256", b"open sesame", b"salt", 10).hex() */
#define OPEN_SESAME "10:73616c74:d51003616cc99fb480c11525aa6c71fd11283eb1a52172125b3a416e3d50858e"

static const char *hex(const uint8_t *bytes)
{
    static char text[2 * SHA256_BYTES + 1];
    for (unsigned i = 0; i < SHA256_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

/* FIPS 180-4's examples, and lengths on both sides of a block. */
static void test_hashes(void **state)
{
    static const struct {
        char byte; /* 0: text */
        size_t count;
        const char *text, *hash;
    } cases[] = {
        {0, 0, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {0, 3, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {0, 56, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {'a', 1000000, "", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {'a', 55, "", "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {'a', 63, "", "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {'a', 64, "", "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {'a', 65, "", "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct sha256 hash;
        uint8_t out[SHA256_BYTES];
        sha256_begin(&hash);
        for (size_t j = 0; j < cases[i].count; j++) {
            sha256_add(&hash, cases[i].byte != 0 ? &cases[i].byte : cases[i].text + j, 1);
        }
        sha256_end(&hash, out);
        assert_string_equal(hex(out), cases[i].hash);
    }
}

/* RFC 7914, section 11, and what Python's hashlib says of longer secrets than a block. */
static void test_stretched(void **state)
{
    static const struct {
        const char *secret, *salt;
        uint32_t rounds;
        const char *key;
    } cases[] = {
        {"passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
        {"Password", "NaCl", 80000,
         "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "s", 3,
         "aff9a2fb21f91a48cb92ee36274fe630dccad63dd3114818ada3e016764c4b2f"},
        {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
         "a longer salt than any", 2,
         "73e819f12897148c81cc1a06781b8e40143b07a9dc5c429cd0ab879dcf8880d0"},
        {"", "salt", 2, "62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003b"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t out[SHA256_BYTES];
        sha256_stretch(cases[i].secret, strlen(cases[i].secret), cases[i].salt,
                       strlen(cases[i].salt), cases[i].rounds, out);
        assert_string_equal(hex(out), cases[i].key);
    }
}

static void run_end(struct kd_call *call UNUSED)
{
    kd_session_end();
}
KD_COMMAND(t_end, .usage = "", .help = "the last line", .run = run_end);

static uint64_t now;

static uint64_t tell_now(void)
{
    return now;
}

static bool try_it(const char *text)
{
    return kd_passphrase_try(text, strlen(text), now);
}

static int begin(void **state)
{
    fake_begin(state);
    now += 1000 * SECOND;
    assert_true(kd_passphrase_set(OPEN_SESAME));
    assert_true(try_it("open sesame")); /* nothing wrong was tried before */
    assert_true(kd_passphrase_lock());
    return 0;
}

static void test_without_one_nothing_is_locked(void **state)
{
    (void)state;
    assert_false(kd_passphrase_is_locked());
    assert_false(kd_passphrase_lock());
    assert_non_null(strstr(fake_run("lock"), "needs a live machine"));
}

static void test_options_that_are_none_lock_for_good(void **state)
{
    /* clang-format off */
    static const char *const bad[] = {
        "",
        "open sesame",
        "0:73616c74:d51003616cc99fb480c11525aa6c71fd11283eb1a52172125b3a416e3d50858e",
        "10::00",
        "10:73616c74",
        "10:73616c74:00",
        "10:7361xx74:00",
        "99999999999:73616c74:d51003616cc99fb480c11525aa6c71fd11283eb1a52172125b3a416e3d50858e",
        "10:73616c74:d51003616cc99fb480c11525aa6c71fd11283eb1a52172125b3a416e3d50858e0",
        "10:73616c74:d51003616cc99fb480c11525aa6c71fd11283eb1a52172125b3a416e3d50858e:",
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_true(kd_passphrase_set(OPEN_SESAME)); /* of which nothing is left */
        bool is_good = kd_passphrase_set(bad[i]);
        if (is_good || try_it("open sesame") || !kd_passphrase_is_locked()) {
            fail_msg("'%s' is understood", bad[i]);
        }
    }
}

static void test_right_and_wrong(void **state)
{
    static const char *const wrong[] = {"", "open sesam", "open sesame ", "Open sesame", "x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_false(try_it(wrong[i]));
        assert_true(kd_passphrase_is_locked());
    }
    assert_true(try_it("open sesame"));
    assert_false(kd_passphrase_is_locked());
    assert_true(kd_passphrase_lock());
    assert_true(kd_passphrase_is_locked());
}

static void test_each_wrong_one_doubles_the_wait(void **state)
{
    static const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 64, 64, 64};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(seconds); i++) {
        assert_int_equal(kd_passphrase_left_us(now), 0);
        assert_false(try_it("no"));
        assert_int_equal(kd_passphrase_left_us(now), seconds[i] * SECOND);
        assert_int_equal(kd_passphrase_left_us(now + seconds[i] * SECOND - 1), 1);
        now += seconds[i] * SECOND;
    }
    assert_true(try_it("open sesame"));
    kd_passphrase_lock();
    assert_false(try_it("no"));
    assert_int_equal(kd_passphrase_left_us(now), SECOND); /* from the beginning again */
}

/* ---- at the prompt ---- */

static const char *const
    *script; /* what is typed when nothing is left, line by line; then nothing, for ever */

static void type_next(void)
{
    now += SECOND / 10;
    if (*script != NULL) {
        fake_type(*script, strlen(*script));
        script++;
    }
}

static const char *talk(bool may_go_on, const char *const *lines)
{
    script = lines;
    kd_session_begin(0);
    kd_passphrase_at(tell_now, may_go_on);
    (void)fake_output();
    kd_session_prompt(type_next);
    return fake_output();
}

static void test_a_machine_that_can_go_on_does(void **state)
{
    static const char *const wrong[] = {"threads\r", NULL}, *const empty[] = {"\r", NULL},
                             *const nothing[] = {NULL};
    (void)state;
    const char *said = talk(true, wrong);
    assert_string_equal(
        said, "kdebug passphrase: \nkdebug: wrong; the machine goes on, nobody comes in for 1 s\n");
    now += SECOND;
    assert_string_equal(talk(true, empty), "kdebug passphrase: \n");
    assert_int_equal(kd_passphrase_left_us(now), 2 * SECOND); /* W3 */
    uint64_t start = now;
    assert_string_equal(talk(true, nothing), "");
    assert_int_equal(now, start);
    now = start += 2 * SECOND;
    assert_string_equal(talk(true, nothing), "kdebug passphrase: \n");
    assert_in_range(now - start, 60 * SECOND, 61 * SECOND);
    assert_int_equal(kd_passphrase_left_us(now), 4 * SECOND);
    assert_true(kd_passphrase_is_locked());
}

/* What is typed too early is nothing, and an empty line ends nothing. gdb is not heard. */
static void test_one_that_cannot_waits(void **state)
{
    static const char *const lines[] = {"no\r",
                                        "open sesame\r",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "\r",
                                        "+$qSupported#37",
                                        "\x15open sesam\x7fme\r",
                                        "echo in\r",
                                        "end\r",
                                        NULL};
    (void)state;
    assert_true(kd_session_run("macro end 'echo out; t_end'"));
    assert_string_equal(talk(false, lines),
                        "kdebug passphrase: \nkdebug: wrong; again in 1 s\n"
                        "kdebug passphrase: \nkdebug passphrase: \nkdebug: unlocked\n"
                        "kdebug> echo in\nin\nkdebug> end\nout\n");
    assert_false(kd_remote_is_attached());
}

/* Who must not come in cannot answer the pager; who has come in can. */
static void test_the_pager_asks_nobody_who_is_locked_out(void **state)
{
    static const char *const lines[] = {"no\r", NULL};
    (void)state;
    kd_pager_set(1);
    fake_type("q", 1);
    assert_string_equal(fake_run("echo a; echo b"), "a\nb\n");
    fake_type("\x15", 1);
    assert_string_equal(
        talk(true, lines),
        "kdebug passphrase: \nkdebug: wrong; the machine goes on, nobody comes in for 1 s\n");
    now += SECOND;
    assert_true(try_it("open sesame"));
    fake_type("q", 1);
    assert_non_null(strstr(fake_run("echo a; echo b"), "-- more"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_stretched),
        cmocka_unit_test_setup(test_without_one_nothing_is_locked, fake_begin),
        cmocka_unit_test_setup(test_right_and_wrong, begin),
        cmocka_unit_test_setup(test_each_wrong_one_doubles_the_wait, begin),
        cmocka_unit_test_setup(test_a_machine_that_can_go_on_does, begin),
        cmocka_unit_test_setup(test_one_that_cannot_waits, begin),
        cmocka_unit_test_setup(test_the_pager_asks_nobody_who_is_locked_out, begin),
        cmocka_unit_test_setup(test_options_that_are_none_lock_for_good, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
