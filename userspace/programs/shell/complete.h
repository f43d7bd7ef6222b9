/* SPDX-License-Identifier: MIT */
/* What Tab does: the rest of a command's or file's name, as far as there is only one way to go on; else what there is to choose from. */
#pragma once

#include <stdint.h>

#define COMPLETION_BYTES 256u

/* complete() - @insert  becomes what is to be typed at the cursor; may be "". Prints the choices if there are several. */
void complete(const char *line, uint32_t cursor, char insert[COMPLETION_BYTES]);
