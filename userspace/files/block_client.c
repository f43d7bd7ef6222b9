/* SPDX-License-Identifier: MIT */
/* A disk's service, asked again when it has ended: see block_client.h. */
#include "userspace/files/block_client.h"

#include <string.h>

#include "gen/interface/block_client.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/find.h"

#define PATIENCE           (10 * NS_PER_S) /* with a driver that has ended */
#define SECTOR_BYTES_LEAST 512u

/* Buffers are as long as the longest. */
static bool is_good_size(uint32_t bytes)
{
    return bytes >= SECTOR_BYTES_LEAST && bytes <= SECTOR_BYTES_MAX && (bytes & (bytes - 1)) == 0;
}

static status_t ask_facts(const struct block_client *client, uint64_t deadline,
                          struct block_client *out)
{
    uint64_t bytes = 0;
    uint32_t flags = 0;
    status_t status = block_facts(client->service, deadline, &out->names, sizeof(out->names),
                                  &bytes, &out->device.sectors, &out->device.sector_bytes, &flags);

    out->is_read_only = (flags & BLOCK_READ_ONLY) != 0;
    if (status == OK && !is_good_size(out->device.sector_bytes)) {
        out->device.sector_bytes = 0; /* nothing is read */
        status = ERR_NOT_SUPPORTED;
    }
    return status;
}

/* What is found at first may be a service that has just ended; one that always ends is given up. */
static status_t find_facts(struct block_client *client, uint64_t deadline, struct block_client *out)
{
    status_t status;

    do {
        status = service_find_again(client->name, deadline, &client->service);
        if (status == OK) {
            status = ask_facts(client, deadline, out);
        }
    } while (status == ERR_PEER_CLOSED && clock_now() < deadline);
    return status == ERR_PEER_CLOSED ? ERR_TIMED_OUT : status;
}

static bool is_another(const struct block_client *one, const struct block_client *other)
{
    return one->device.sectors != other->device.sectors ||
           one->device.sector_bytes != other->device.sector_bytes ||
           memcmp(&one->names, &other->names, sizeof(one->names)) != 0;
}

static status_t find_again(struct block_client *client)
{
    struct block_client found = {0};

    client->is_unknown = true; /* also while an error is passed on */
    status_t status = find_facts(client, clock_now() + PATIENCE, &found);
    if (status == OK) {
        client->is_unknown = false;
        client->is_changed = is_another(&found, client);
    }
    return client->is_changed ? ERR_CHANGED : status == ERR_TIMED_OUT ? ERR_IO : status;
}

/* Before each request: OK if the service has the disk that was opened. */
static status_t check_service(struct block_client *client)
{
    if (client->is_changed) {
        return ERR_CHANGED;
    }
    return client->is_unknown ? find_again(client) : OK;
}

static status_t read_device(struct block_device *device, uint64_t sector, uint32_t count,
                            void *data)
{
    return block_client_read((struct block_client *)device, sector, count, data);
}

static status_t write_device(struct block_device *device, uint64_t sector, uint32_t count,
                             const void *data)
{
    return block_client_write((struct block_client *)device, sector, count, data);
}

static status_t flush_device(struct block_device *device)
{
    return block_client_flush((struct block_client *)device);
}

status_t block_client_open(struct block_client *client, const char *name, uint64_t deadline)
{
    *client = (struct block_client){
        .device = {.read = read_device, .flush = flush_device}, .name = name, .is_unknown = true};
    status_t status = find_facts(client, deadline, client);

    client->is_unknown = status != OK;
    client->device.write = client->is_read_only ? NULL : write_device;
    return status;
}

static uint32_t part_of(const struct block_client *client, uint32_t count)
{
    uint32_t size = client->device.sector_bytes; /* 0: the disk was never there */
    uint32_t most = BLOCK_READ_DATA_MAX / (size > 0 ? size : SECTOR_BYTES_MAX);

    return count < most ? count : most;
}

status_t block_client_read(struct block_client *client, uint64_t sector, uint32_t count, void *data)
{
    char *to = data;
    status_t status = check_service(client);

    while (status == OK && count > 0) {
        uint32_t part = part_of(client, count);
        uint64_t wanted = (uint64_t)part * client->device.sector_bytes, bytes = 0;

        status = block_read(client->service, sector, part, DEADLINE_FOREVER, to, wanted, &bytes);
        if (status == ERR_PEER_CLOSED) {
            status = find_again(client);
            part = 0;
        } else if (status == OK && bytes != wanted) {
            status = ERR_CORRUPT;
        }
        to += (uint64_t)part * client->device.sector_bytes;
        sector += part;
        count -= part;
    }
    return status;
}

status_t block_client_write(struct block_client *client, uint64_t sector, uint32_t count,
                            const void *data)
{
    const char *from = data;
    status_t status = check_service(client);

    while (status == OK && count > 0) {
        uint32_t part = part_of(client, count);
        status = block_write(client->service, from, (uint64_t)part * client->device.sector_bytes,
                             sector, DEADLINE_FOREVER);
        if (status == ERR_PEER_CLOSED) {
            status = find_again(client);
            part = 0;
        }
        from += (uint64_t)part * client->device.sector_bytes;
        sector += part;
        count -= part;
    }
    return status;
}

status_t block_client_flush(struct block_client *client)
{
    status_t status = check_service(client);

    while (status == OK) {
        status = block_flush(client->service, DEADLINE_FOREVER);
        if (status != ERR_PEER_CLOSED) {
            return status;
        }
        status = find_again(client);
    }
    return status;
}
