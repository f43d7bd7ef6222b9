/* SPDX-License-Identifier: MIT */
/*
 * C objects of the target: fields, elements, contents.
 *
 * All return NULL, or what is wrong as text; then the output is not written. They read the target,
 * change nothing and do not raise, so that the expression parser can say where the mistake is.
 */
#pragma once

#include "kdebug/core/value.h"

/* What is returned when memory cannot be read; the caller knows the address. */
extern const char kd_unreadable[];

/* kd_load() - the content of a scalar place, sign extended; an array becomes a pointer to its first
 * element, as in C. What is no place stays as it is. A structure has no single content. */
const char *kd_load(const struct kd_value *value, struct kd_value *out);

/* kd_load_bits() - the same as a number; a structure gives its address, a row its bits. For
 * arguments that are addresses. */
const char *kd_load_bits(const struct kd_value *value, uint64_t *out);

/* kd_object() - the place of the structure that a value stands for: a place itself, a pointer, or
 * a row of a table. */
const char *kd_object(const struct kd_value *value, struct kd_value *out);

/* kd_field() - ".name" and "->name" are the same: value is anything that kd_object() takes. */
const char *kd_field(const struct kd_value *value, const char *name, size_t length,
                     struct kd_value *out);

/* kd_element() - value[index] of an array or a pointer. An array's bounds are checked. */
const char *kd_element(const struct kd_value *value, uint64_t index, struct kd_value *out);

/* kd_target_of() - what a pointer points to; a plain number is taken for the address of 8 bytes. */
const char *kd_target_of(const struct kd_value *value, struct kd_value *out);

/* kd_address_of() - a pointer to a place that is no bit-field. */
const char *kd_address_of(const struct kd_value *value, struct kd_value *out);

/* kd_convert() - a number as a value of this scalar type: cut, sign extended. */
struct kd_value kd_convert(uint64_t bits, kd_ctype_t type);

/* kd_store() - write a number to a scalar place. */
const char *kd_store(const struct kd_value *place, uint64_t bits);

/* kd_value_object() - does the value stand for a struct of this name? Then its address. Row
 * types, places and pointers all do. */
bool kd_value_object(const struct kd_value *value, const char *structure, uint64_t *out_address);
