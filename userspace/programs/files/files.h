/* SPDX-License-Identifier: MIT */
/* The parts of the program files. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/files/client/file.h"

/* A file system of our own: a process of the program ramfs. */
struct own_server {
    uint64_t mailbox; /* with every right but to receive */
    uint64_t process;
};

#define EXPECT(call, wanted) expect((call), (wanted), #call)
void expect(status_t status, status_t wanted, const char *what);

/* pattern() - bytes that follow from a seed; is_pattern() - are they still? */
void pattern(void *data, uint64_t bytes, uint64_t seed);
bool is_pattern(const void *data, uint64_t bytes, uint64_t seed);

struct own_server start_server(const char *argument, uint64_t memory_pages);
void end_server(struct own_server *server);

/* start_client() - this program in another role, with that file system at /own. */
uint64_t start_client(const struct own_server *server, const char *role, uint64_t badge);

/* Each checks one thing and ends the process if it does not hold. */
void check_basics(const char *folder);
void check_listing(const char *folder);
void check_boot(void);
void check_damage(void);
void check_clients(void);
void check_full(void);
void check_quota(void);
void check_account(void);
void measure(void);

/* Roles of children: exit codes. */
int be_client(void);
int be_leaver(void);
int be_filler(void);
int be_hoarder(void);
