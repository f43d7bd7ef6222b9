/* SPDX-License-Identifier: MIT */
/* Symbol look-up, and that no table, however damaged, makes it read outside (Y1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/symbols.h"
#include "tests/host/kdebug_support.h"

#define K              KERNEL_IMAGE_BASE
#define DAMAGED_TABLES 20000

static int begin(void **state)
{
    fake_begin(state);
    fake_symbol(0x1000, 'T', "alpha");
    fake_symbol(0x1000, 'T', "alpha_main"); /* same address: the last is shown */
    fake_symbol(0x1040, 'T', "helper");
    fake_symbol(0x2000, 'R', "table");
    fake_symbol(0x3000, 'T', "helper");
    fake_symbol(0x4000, 'B', "zeta");
    fake_symbols_use();
    return 0;
}

static const struct {
    uint64_t address;
    const char *name; /* NULL: none */
    uint64_t start, bytes;
    char kind;
} places[] = {
    {K, NULL, 0, 0, 0},
    {K + 0xfff, NULL, 0, 0, 0},
    {K + 0x1000, "alpha_main", K + 0x1000, 0x40, 'T'},
    {K + 0x103f, "alpha_main", K + 0x1000, 0x40, 'T'},
    {K + 0x1040, "helper", K + 0x1040, 0xfc0, 'T'},
    {K + 0x2000, "table", K + 0x2000, 0x1000, 'R'},
    {K + 0x2fff, "table", K + 0x2000, 0x1000, 'R'},
    {K + 0x4000, "zeta", K + 0x4000, 0, 'B'},
    {K + 0x4001, NULL, 0, 0, 0}, /* nobody knows where the last one ends */
    {K + 0x7fffffff, NULL, 0, 0, 0},
    {K - 1, NULL, 0, 0, 0},
    {0, NULL, 0, 0, 0},
    {0x1000, NULL, 0, 0, 0},
};

static void test_by_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct kd_symbol symbol;
        bool found = kd_symbol_at(places[i].address, &symbol);
        if (found != (places[i].name != NULL)) {
            fail_msg("0x%llx: found %d", (unsigned long long)places[i].address, found);
        }
        if (found) {
            assert_string_equal(symbol.name, places[i].name);
            assert_int_equal(symbol.address, places[i].start);
            assert_int_equal(symbol.bytes, places[i].bytes);
            assert_int_equal(symbol.kind, places[i].kind);
        }
    }
}

static void test_by_name(void **state)
{
    (void)state;
    struct kd_symbol symbol;
    assert_true(kd_symbol_named("alpha", 5, 0, &symbol));
    assert_int_equal(symbol.address, K + 0x1000);
    assert_true(kd_symbol_named("alpha_main", 10, 0, &symbol));
    assert_true(kd_symbol_named("alpha_mainXYZ", 10, 0, &symbol)); /* the length counts */
    assert_true(kd_symbol_named("zeta", 4, 0, &symbol));
    assert_true(kd_symbol_named("helper", 6, 0, &symbol));
    uint64_t first = symbol.address;
    assert_true(kd_symbol_named("helper", 6, 1, &symbol));
    assert_int_not_equal(symbol.address, first);
    assert_int_equal(first + symbol.address, 2 * K + 0x4040);
    assert_false(kd_symbol_named("helper", 6, 2, &symbol));
    assert_false(kd_symbol_named("alph", 4, 0, &symbol));
    assert_false(kd_symbol_named("alpha_", 6, 0, &symbol));
    assert_false(kd_symbol_named("zz", 2, 0, &symbol));
    assert_false(kd_symbol_named("a", 1, 0, &symbol));
    assert_false(kd_symbol_named("", 0, 0, &symbol));
}

static void test_text(void **state)
{
    (void)state;
    char text[32];
    kd_symbol_text(K + 0x1000, text, sizeof(text));
    assert_string_equal(text, "alpha_main");
    kd_symbol_text(K + 0x1041, text, sizeof(text));
    assert_string_equal(text, "helper+0x1");
    kd_symbol_text(K + 0x10, text, sizeof(text));
    assert_string_equal(text, "0xffffffff80000010");
    kd_symbol_text(K + 0x4001, text, sizeof(text));
    assert_string_equal(text, "0xffffffff80004001");
    kd_symbol_text(0, text, sizeof(text));
    assert_string_equal(text, "0x0");
    assert_int_equal(kd_symbol_text(K + 0x1000, text, 4), 10);
    assert_string_equal(text, "alp");
}

static void test_all_in_order_of_names(void **state)
{
    (void)state;
    static const char *const names[] = {"alpha", "alpha_main", "helper", "helper", "table", "zeta"};
    struct kd_symbol symbol;
    for (unsigned i = 0; i < 6; i++) {
        assert_true(kd_symbol_number(i, &symbol));
        assert_string_equal(symbol.name, names[i]);
    }
    assert_false(kd_symbol_number(6, &symbol));
    assert_int_equal(kd_symbols_count(), 6);
}

static void use_everything(void)
{
    struct kd_symbol symbol;
    char text[40];
    for (unsigned i = 0; i < 8; i++) {
        if (kd_symbol_number(i, &symbol)) {
            (void)strlen(symbol.name);
            (void)kd_symbol_named(symbol.name, strlen(symbol.name), 0, &symbol);
        }
    }
    (void)kd_symbol_named("helper", 6, 1, &symbol);
    for (uint64_t offset = 0; offset < 0x5000; offset += 0x40) {
        kd_symbol_text(K + offset, text, sizeof(text));
    }
}

static void test_empty_and_foreign_tables_are_refused(void **state)
{
    (void)state;
    struct kd_symbol symbol;
    static const uint32_t none[8] = {KD_SYMTAB_MAGIC, KD_SYMTAB_VERSION, 0, 0};
    assert_false(kd_symbols_use(none, 0));
    assert_false(kd_symbols_use(none, 8));
    assert_false(kd_symbols_use(none, sizeof(none)));
    assert_int_equal(kd_symbols_count(), 0);
    assert_false(kd_symbol_at(K + 0x1000, &symbol));
    use_everything();
}

static void test_a_table_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t bytes;
    void *whole = fake_symbols_build(&bytes);
    for (size_t cut = 0; cut < bytes; cut++) {
        void *part = malloc(cut == 0 ? 1 : cut);
        memcpy(part, whole, cut);
        assert_false(kd_symbols_use(part, cut));
        use_everything();
        free(part);
    }
    assert_true(kd_symbols_use(whole, bytes));
    free(whole);
    kd_symbols_use("", 0);
}

static void test_damaged_tables_stay_inside(void **state)
{
    (void)state;
    size_t bytes;
    void *whole = fake_symbols_build(&bytes);
    srand(2);
    for (unsigned i = 0; i < DAMAGED_TABLES; i++) {
        uint8_t *copy = malloc(bytes);
        memcpy(copy, whole, bytes);
        for (int damage = rand() % 8; damage >= 0; damage--) {
            size_t at = (size_t)rand() % bytes;
            copy[at] = rand() % 2 ? (uint8_t)rand() : 0xff;
        }
        (void)kd_symbols_use(copy, bytes);
        use_everything();
        kd_symbols_use("", 0);
        free(copy);
    }
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_by_address, begin),
        cmocka_unit_test_setup(test_by_name, begin),
        cmocka_unit_test_setup(test_text, begin),
        cmocka_unit_test_setup(test_all_in_order_of_names, begin),
        cmocka_unit_test_setup(test_empty_and_foreign_tables_are_refused, begin),
        cmocka_unit_test_setup(test_a_table_cut_anywhere_is_refused, begin),
        cmocka_unit_test_setup(test_damaged_tables_stay_inside, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
