/* SPDX-License-Identifier: MIT */
/* Included before everything in test_string: Spoor's functions get names of their own, so that
 * the C library's are still there to compare with. */
#pragma once

#include <string.h>

#define memcpy  spoor_memcpy
#define memmove spoor_memmove
#define memset  spoor_memset
#define memcmp  spoor_memcmp
#define strlen  spoor_strlen
#define strcmp  spoor_strcmp
#define strncmp spoor_strncmp
#define strchr  spoor_strchr
