/* SPDX-License-Identifier: MIT */
/* What the parts of typed agree on. */
#pragma once

#define TYPED_FILE  "typed"
#define TYPED_NAME  "sample"    /* what the server offers */
#define TYPED_CRASH 0x1000u     /* as a code to die with: an exception */
#define TYPED_NONE  "forbidden" /* what nobody may use */

enum typed_badge { BADGE_SERVER = 2, BADGE_CLIENT = 3 };

/* The program behind role=server: serves the interface sample, registered with the name service, until told to die. */
int server_main(void);
