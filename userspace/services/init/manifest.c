/* SPDX-License-Identifier: MIT */
/* Reading the manifest. It is checked once; all functions behind believe it. */
#include "userspace/services/init/manifest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "userspace/lib/boot_files.h"
#include "userspace/lib/option.h"

#define MANIFEST_FILE "manifest"

static const struct manifest_header *header; /* NULL: there is none */
static const struct manifest_service *services;
static const struct manifest_program *programs;
static const struct manifest_grant *grants;
static const struct manifest_argument *arguments;

static bool has_room(uint32_t first, uint32_t count, uint32_t all, uint32_t limit)
{
    return first <= all && count <= all - first && count <= limit;
}

/* The file is our build's: this finds one of another build, whose records have another size. */
static bool is_sound(const struct manifest_header *head, uint64_t bytes)
{
    return head->service_count <= MANIFEST_SERVICES_MAX && head->program_count > 0 &&
           head->bytes <= bytes &&
           head->bytes == sizeof(*head) + head->service_count * sizeof(*services) +
                              head->program_count * sizeof(*programs) +
                              head->grant_count * sizeof(*grants) +
                              head->argument_count * sizeof(*arguments);
}

static bool are_records_sound(const struct manifest_header *head)
{
    bool sound = true;

    for (unsigned i = 0; i < head->service_count; i++) {
        const struct manifest_service *service = &services[i];

        sound &= has_room(service->first_grant, service->grant_count, head->grant_count,
                          MANIFEST_GRANTS_MAX - 3) &&
                 has_room(service->first_argument, service->argument_count, head->argument_count,
                          MANIFEST_ARGUMENTS_MAX) &&
                 service->needs >> i == 0;
    }
    for (unsigned i = 0; i < head->program_count; i++) {
        sound &= has_room(programs[i].first_grant, programs[i].grant_count, head->grant_count,
                          MANIFEST_GRANTS_MAX - 3);
    }
    return sound;
}

status_t manifest_open(void)
{
    struct boot_file file;
    status_t status = boot_file_open(MANIFEST_FILE, &file);

    if (status != OK) {
        return status;
    }
    const struct manifest_header *head = file.bytes;
    if (file.size < sizeof(*head) || head->magic != MANIFEST_MAGIC || !is_sound(head, file.size)) {
        return ERR_CORRUPT;
    }
    services = (const struct manifest_service *)(head + 1);
    programs = (const struct manifest_program *)(services + head->service_count);
    grants = (const struct manifest_grant *)(programs + head->program_count);
    arguments = (const struct manifest_argument *)(grants + head->grant_count);
    if (!are_records_sound(head)) {
        return ERR_CORRUPT;
    }
    header = head;
    return OK;
}

unsigned manifest_service_count(void)
{
    return header == NULL ? 0 : header->service_count;
}

const struct manifest_service *manifest_service(unsigned index)
{
    return &services[index];
}

bool manifest_is_service(const char *name)
{
    bool serves = false;

    for (unsigned i = 0; i < manifest_service_count(); i++) {
        serves = serves || strcmp(services[i].program, name) == 0;
    }
    return serves && manifest_program(name) == &programs[0];
}

const struct manifest_program *manifest_program(const char *name)
{
    for (unsigned i = 1; header != NULL && i < header->program_count; i++) {
        if (strcmp(programs[i].name, name) == 0) {
            return &programs[i];
        }
    }
    return header == NULL ? NULL : &programs[0];
}

unsigned manifest_grants(unsigned first, unsigned count, struct spawn_grant *out)
{
    unsigned granted = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct manifest_grant *grant = &grants[first + i];
        uint64_t handle = program_handle(grant->handle);

        if (handle != HANDLE_NONE) { /* not every machine has everything */
            out[granted++] = (struct spawn_grant){grant->handle, handle, 0, grant->rights};
        }
    }
    return granted;
}

/* Without limits, but counted by itself. */
static const struct spawn_quota own_account = {
    .handles = 1ull << 32, .threads = 1ull << 32, .memory = 1ull << 58, .pins = 1ull << 52};

const struct spawn_quota *manifest_quota(const struct manifest_program *listed,
                                         struct spawn_quota *room)
{
    *room = own_account;
    if (listed->memory > 0) {
        room->memory = listed->memory;
    }
    return listed->memory > 0 || (listed->flags & MANIFEST_OWN_ACCOUNT) ? room : NULL;
}

const struct spawn_quota *manifest_service_quota(const struct manifest_service *service,
                                                 struct spawn_quota *room)
{
    *room = own_account;
    room->memory = service->memory;
    return service->memory > 0 ? room : NULL;
}

unsigned manifest_arguments(const struct manifest_service *service,
                            char text[MANIFEST_ARGUMENTS_MAX][MANIFEST_VALUE_BYTES],
                            const char *args[MANIFEST_ARGUMENTS_MAX])
{
    for (unsigned i = 0; i < service->argument_count; i++) {
        const struct manifest_argument *argument = &arguments[service->first_argument + i];
        const char *value = argument->option[0] != '\0'
                                ? option_text(argument->option, argument->value)
                                : argument->value;

        snprintf(text[i], MANIFEST_VALUE_BYTES, "%s=%s", argument->name, value);
        args[i] = text[i];
    }
    return service->argument_count;
}
