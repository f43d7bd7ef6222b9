/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of the generated system call stubs in host tests of user-space code (-iquote):
 * the test defines those it needs.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

status_t sys_process_create(const void *name, uint64_t name_bytes, uint64_t *out_process);
status_t sys_process_ceiling(uint64_t process, uint32_t priority);
status_t sys_process_kill(uint64_t process, uint64_t code);
status_t sys_process_wait(uint64_t process, uint64_t deadline, uint64_t *out_code,
                          uint64_t *out_fault);
status_t sys_thread_create(uint64_t process, uint64_t entry, uint64_t stack, uint64_t argument,
                           uint64_t flags, const void *name, uint64_t *out_thread);
status_t sys_area_create(uint64_t bytes, uint32_t flags, uint64_t *out_area);
status_t sys_area_map(uint64_t process, uint64_t handle, uint64_t offset, uint64_t bytes,
                      uint64_t address, uint64_t protection, uint64_t *out_address);
status_t sys_area_unmap(uint64_t process, uint64_t address, uint64_t bytes);
status_t sys_handle_close(uint64_t handle);
status_t sys_mailbox_call(uint64_t mailbox, uint64_t *label, uint64_t deadline, uint64_t words[8]);
status_t sys_mailbox_send(uint64_t mailbox, uint64_t label, uint64_t deadline,
                          const uint64_t words[8]);
status_t sys_mailbox_receive(uint64_t mailbox, uint64_t *label, uint64_t deadline,
                             uint64_t *out_badge, uint64_t *out_token, uint64_t words[8]);
status_t sys_mailbox_reply(uint64_t mailbox, uint64_t label, uint64_t token,
                           const uint64_t words[8]);
status_t sys_mailbox_reply_receive(uint64_t mailbox, uint64_t *label, uint64_t *token,
                                   uint64_t *out_badge, uint64_t words[8]);
status_t sys_process_set_quota(uint64_t process, uint64_t handles, uint64_t threads,
                               uint64_t memory, uint64_t pins);
status_t sys_handle_grant(uint64_t process, uint64_t handle, uint32_t rights, uint64_t badge,
                          uint64_t *out_granted);
status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports);
status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value);
status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value);
status_t sys_clock_get(uint64_t *out_now, uint64_t *out_tsc_khz);
status_t sys_thread_sleep(uint64_t deadline);
status_t sys_interrupt_wait(uint64_t interrupt, uint64_t deadline, uint64_t *out_count,
                            uint64_t *out_cpu);
status_t sys_pager_supply(uint64_t pager, uint64_t area, uint64_t page, const void *contents);
status_t sys_interrupt_acknowledge(uint64_t interrupt);
status_t sys_area_create_physical(uint64_t system, uint64_t address, uint64_t bytes, uint32_t cache,
                                  uint64_t *out_area);
status_t sys_platform_facts(uint64_t system, void *facts);
status_t sys_interrupt_create_message(uint64_t system, uint32_t cpu, uint64_t *out_interrupt,
                                      uint64_t *out_address, uint64_t *out_data);
status_t sys_interrupt_steer(uint64_t interrupt, uint32_t cpu, uint64_t *out_address,
                             uint64_t *out_data);
