/* SPDX-License-Identifier: MIT */
/* What a client of the name service may do with a name. */
#pragma once

#define NAMES_OFFER 1u
#define NAMES_USE   2u
