/* SPDX-License-Identifier: MIT */
/* C objects of the target: fields, elements, contents (access.h). */
#include "kdebug/core/access.h"

#include "base/string.h"
#include "kdebug/core/session.h"
#include "kdebug/core/target.h"

#define WORD_BYTES 8u

const char kd_unreadable[] = "nothing is mapped there, or it is no RAM";

static uint64_t low_bits(uint64_t bits, unsigned count)
{
    return count >= 64 ? bits : bits & ((1ull << count) - 1);
}

static uint64_t sign_extend(uint64_t bits, unsigned count)
{
    uint64_t sign = 1ull << (count - 1);
    return count >= 64 ? bits : (low_bits(bits, count) ^ sign) - sign;
}

static bool is_scalar(const struct kd_ctype *type)
{
    return type->kind == KD_KIND_INT || type->kind == KD_KIND_POINTER || type->kind == KD_KIND_ENUM;
}

static bool is_structure(const struct kd_ctype *type)
{
    return type->kind == KD_KIND_STRUCT || type->kind == KD_KIND_UNION;
}

/* Bytes that hold a place's bits: of a bit-field those it touches. */
static size_t bytes_held(const struct kd_value *place, const struct kd_ctype *type)
{
    return place->bit_count == 0 ? type->bytes : (place->bit_offset + place->bit_count + 7u) / 8u;
}

struct kd_value kd_convert(uint64_t bits, kd_ctype_t type)
{
    struct kd_ctype described = kd_ctype_get(type);
    unsigned count = (unsigned)described.bytes * 8;
    if (is_scalar(&described) && count > 0 && count < 64) {
        bits = described.is_signed ? sign_extend(bits, count) : low_bits(bits, count);
    }
    if (described.is_bool) {
        bits = bits != 0;
    }
    return kd_value_typed(bits, type);
}

const char *kd_load(const struct kd_value *value, struct kd_value *out)
{
    if (!value->is_place) {
        *out = *value;
        return NULL;
    }
    struct kd_ctype type = kd_ctype_get(value->ctype);
    if (type.kind == KD_KIND_ARRAY) {
        *out = kd_value_typed(value->bits, kd_ctype_pointer(type.target));
        out->space = value->space;
        return NULL;
    }
    uint64_t bits = 0;
    size_t bytes = bytes_held(value, &type);
    if (!is_scalar(&type) || bytes > sizeof(bits)) {
        return is_structure(&type) ? "a whole structure is no number" : "its content has no type";
    }
    if (kd_read(value->space, value->bits, &bits, bytes) != OK) {
        return kd_unreadable;
    }
    if (value->bit_count == 0) {
        *out = kd_value_typed(type.is_signed ? sign_extend(bits, (unsigned)bytes * 8) : bits,
                              value->ctype);
    } else {
        bits >>= value->bit_offset;
        *out = kd_value_typed(type.is_signed ? sign_extend(bits, value->bit_count)
                                             : low_bits(bits, value->bit_count),
                              value->ctype);
    }
    out->space = value->space;
    return NULL;
}

const char *kd_load_bits(const struct kd_value *value, uint64_t *out)
{
    struct kd_ctype type = kd_ctype_get(value->ctype);
    if (value->is_place && (is_structure(&type) || type.kind == KD_KIND_OTHER)) {
        *out = value->bits;
        return NULL;
    }
    struct kd_value loaded;
    const char *error = kd_load(value, &loaded);
    if (error == NULL) {
        *out = loaded.bits;
    }
    return error;
}

const char *kd_target_of(const struct kd_value *value, struct kd_value *out)
{
    struct kd_value pointer;
    const char *error = kd_load(value, &pointer);
    if (error != NULL) {
        return error;
    }
    struct kd_ctype type = kd_ctype_get(pointer.ctype);
    kd_space_t space =
        pointer.space != KD_SPACE_KERNEL ? pointer.space : kd_session_space(pointer.bits);
    if (type.kind == KD_KIND_POINTER && kd_ctype_get(type.target).kind != KD_KIND_VOID) {
        *out = kd_value_place(pointer.bits, space, type.target);
        return NULL;
    }
    uint64_t word;
    if (kd_read(space, pointer.bits, &word, WORD_BYTES) != OK) {
        return kd_unreadable;
    }
    *out = kd_value_number(word);
    return NULL;
}

static const char *row_structure(const struct kd_type *type)
{
    return type->structure != NULL ? type->structure : type->name;
}

static uint64_t row_address(const struct kd_value *value)
{
    return value->type->locate != NULL ? value->type->locate(value) : value->bits;
}

const char *kd_object(const struct kd_value *value, struct kd_value *out)
{
    if (value->type != NULL) {
        kd_ctype_t structure = kd_ctype_structure(row_structure(value->type));
        *out = kd_value_place(row_address(value), KD_SPACE_KERNEL, structure);
        return structure == 0 ? "the C type of such a row is not known" : NULL;
    }
    struct kd_ctype type = kd_ctype_get(value->ctype);
    if (value->is_place && is_structure(&type)) {
        *out = *value;
        return NULL;
    }
    if (type.kind != KD_KIND_POINTER) {
        return "only a structure or a pointer to one has fields";
    }
    struct kd_value object = {0};
    const char *error = kd_target_of(value, &object);
    type = kd_ctype_get(object.ctype);
    if (error == NULL && !(object.is_place && is_structure(&type))) {
        return "this pointer points to no structure that is known";
    }
    if (error == NULL) {
        *out = object;
    }
    return error;
}

const char *kd_field(const struct kd_value *value, const char *name, size_t length,
                     struct kd_value *out)
{
    struct kd_value object;
    struct kd_member member;
    const char *error = kd_object(value, &object);
    if (error != NULL) {
        return error;
    }
    if (!kd_ctype_find_member(object.ctype, name, length, &member)) {
        return "no field of this name";
    }
    *out = kd_value_place(object.bits + member.bit_offset / 8, object.space, member.type);
    out->bit_offset = (uint8_t)(member.bit_offset % 8);
    out->bit_count = (uint8_t)member.bits;
    return NULL;
}

const char *kd_element(const struct kd_value *value, uint64_t index, struct kd_value *out)
{
    struct kd_ctype type = kd_ctype_get(value->ctype);
    if (value->is_place && type.kind == KD_KIND_ARRAY && type.count != 0 && index >= type.count) {
        return "the array has no such element";
    }
    struct kd_value pointer;
    const char *error = kd_load(value, &pointer);
    if (error != NULL) {
        return error;
    }
    struct kd_ctype to = kd_ctype_get(pointer.ctype);
    uint64_t bytes = to.kind == KD_KIND_POINTER ? kd_ctype_get(to.target).bytes : 0;
    if (bytes == 0) {
        return "only an array or a pointer to something has elements";
    }
    pointer.bits += index * bytes;
    return kd_target_of(&pointer, out);
}

const char *kd_address_of(const struct kd_value *value, struct kd_value *out)
{
    if (!value->is_place || value->bit_count != 0) {
        return "only what lies in memory has an address";
    }
    uint64_t address = value->bits;
    kd_space_t space = value->space;
    *out = kd_value_typed(address, kd_ctype_pointer(value->ctype));
    out->space = space;
    return NULL;
}

const char *kd_store(const struct kd_value *place, uint64_t bits)
{
    struct kd_ctype type = kd_ctype_get(place->ctype);
    size_t bytes = bytes_held(place, &type);
    uint64_t old = 0;
    if (!place->is_place || !is_scalar(&type) || bytes > sizeof(bits)) {
        return "only a number, enum or pointer in memory can be set";
    }
    if (place->bit_count != 0) {
        uint64_t mask = low_bits(UINT64_MAX, place->bit_count) << place->bit_offset;
        if (kd_read(place->space, place->bits, &old, bytes) != OK) {
            return kd_unreadable;
        }
        bits = (old & ~mask) | (bits << place->bit_offset & mask);
    }
    return kd_write(place->space, place->bits, &bits, bytes) == OK ? NULL : "it cannot be written";
}

bool kd_value_object(const struct kd_value *value, const char *structure, uint64_t *out_address)
{
    struct kd_value object;
    if (value->type != NULL) {
        *out_address = row_address(value);
        return strcmp(row_structure(value->type), structure) == 0;
    }
    if (value->ctype == 0 || kd_object(value, &object) != NULL ||
        kd_ctype_scope(object.ctype) != KD_SCOPE_KERNEL ||
        strcmp(kd_ctype_get(object.ctype).name, structure) != 0) {
        return false;
    }
    *out_address = object.bits;
    return true;
}
