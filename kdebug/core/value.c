/* SPDX-License-Identifier: MIT */
/* The type of plain numbers (value.h); the others are defined where their objects are shown. */
#include "kdebug/core/value.h"

#include "kdebug/core/output.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/type_print.h"

static void show_number(const struct kd_value *value)
{
    unsigned long long bits = value->bits;
    kd_print("0x%llx = %llu", bits, bits);
    struct kd_symbol symbol;
    if (kd_symbol_at(value->bits, &symbol)) {
        kd_print(" = ");
        kd_print_address(value->bits);
    }
    kd_print("\n");
}

const struct kd_type kd_type_number = {.name = "number", .show = show_number};

static void show_c_value(const struct kd_value *value)
{
    if (value->is_brief) {
        kd_print_value_line(value);
    } else {
        kd_print_value(value);
    }
}

const struct kd_type kd_type_c = {.name = "C value", .show = show_c_value};
