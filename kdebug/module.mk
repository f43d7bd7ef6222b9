# SPDX-License-Identifier: MIT
KERNEL_SRC += kdebug/core/access.c kdebug/core/armour.c kdebug/core/arguments.c kdebug/core/breakpoint.c \
    kdebug/core/call.c kdebug/core/command.c kdebug/core/control.c kdebug/core/complete.c kdebug/core/deferred.c kdebug/core/door.c kdebug/core/enter.c kdebug/core/event_print.c \
    kdebug/core/expression.c kdebug/core/guard.c kdebug/core/instruction.c kdebug/core/lines.c kdebug/core/list_walk.c kdebug/core/lookup.c kdebug/core/output.c \
    kdebug/core/parameters.c kdebug/core/parser.c kdebug/core/permit.c kdebug/core/run.c kdebug/core/search.c \
    kdebug/core/session.c kdebug/core/stop.c \
    kdebug/core/symbols.c kdebug/core/target.c kdebug/core/target_live.c kdebug/core/terminal.c \
    kdebug/core/type_print.c kdebug/core/types.c kdebug/core/value.c kdebug/core/variables.c kdebug/core/watchdog.c
KERNEL_SRC += kdebug/core/passphrase.c kdebug/core/sha256.c kdebug/cmd/passphrase.c
KERNEL_SRC += kdebug/core/macro.c kdebug/core/deflate.c kdebug/core/pack.c kdebug/core/packed.c kdebug/core/program.c kdebug/core/program_types.c kdebug/cmd/macro.c kdebug/cmd/dump.c kdebug/cmd/mailbox_one.c
REMOTE_SRC := kdebug/core/files.c $(patsubst %,kdebug/remote/%.c,agent break data file packet print registers resume stub thread transfer)
KERNEL_SRC += $(REMOTE_SRC) kdebug/cmd/gdb.c
KD_HARDWARE_SRC := kdebug/x86_64/apic.c kdebug/x86_64/branches.c kdebug/x86_64/descriptor.c kdebug/x86_64/msr.c kdebug/x86_64/port.c
KERNEL_SRC += $(KD_HARDWARE_SRC) kdebug/x86_64/hardware.c kdebug/x86_64/keyboard.c kdebug/x86_64/keys.c
KERNEL_SRC += kdebug/x86_64/call_length.c kdebug/x86_64/frames.c kdebug/x86_64/page_walk.c kdebug/x86_64/registers.c kdebug/x86_64/stack_call.asm kdebug/x86_64/unwind.c
KERNEL_SRC += kdebug/cmd/backtrace.c kdebug/cmd/breakpoint.c kdebug/cmd/check.c kdebug/cmd/wait.c kdebug/cmd/cpu.c kdebug/cmd/frame.c kdebug/cmd/general.c \
    kdebug/cmd/handle.c kdebug/cmd/heap.c kdebug/cmd/interrupt.c kdebug/cmd/lock.c kdebug/cmd/lock_order.c kdebug/cmd/mailbox.c kdebug/cmd/memory.c kdebug/cmd/object.c \
    kdebug/cmd/page_walk.c kdebug/cmd/pager.c kdebug/cmd/power.c kdebug/cmd/process.c kdebug/cmd/run_queue.c kdebug/cmd/self.c kdebug/cmd/selftest.c \
    kdebug/cmd/space.c kdebug/cmd/stages.c kdebug/cmd/thread.c kdebug/cmd/trace.c kdebug/cmd/trace_dump.c \
    kdebug/cmd/trace_print.c kdebug/cmd/trace_reader.c kdebug/cmd/trace_rings.c kdebug/cmd/trace_select.c kdebug/cmd/value.c kdebug/cmd/run.c kdebug/cmd/trace_filter.c kdebug/cmd/trace_mark.c kdebug/cmd/trace_where.c kdebug/cmd/trace_function.c kdebug/cmd/trace_switch.c kdebug/cmd/trace_user.c kdebug/cmd/profile.c
KERNEL_SRC += kdebug/cmd/context.c kdebug/cmd/deadlock.c kdebug/cmd/event.c kdebug/cmd/timer.c kdebug/cmd/whose.c kdebug/cmd/why.c
KERNEL_SRC += kdebug/cmd/control.c kdebug/cmd/trace_cost.c kdebug/cmd/trace_count.c kdebug/cmd/trace_trigger.c kdebug/cmd/probe.c kdebug/cmd/times.c kdebug/cmd/service.c kdebug/cmd/clocks.c kdebug/cmd/disassemble.c kdebug/cmd/report.c

# Zydis, if `make deps` could fetch it (tools/third_party.sh). Its types would fill the BTF, so neither it nor its user has debug information.
ZYDIS := $(BUILD)/third_party/zydis
ZYDIS_SRC := $(patsubst %,$(ZYDIS)/src/%.c,Decoder DecoderData Formatter FormatterATT FormatterBase FormatterBuffer \
    FormatterIntel MetaInfo Mnemonic Register SharedData String Utils)
ZYDIS_FLAGS := -isystem $(ZYDIS)/include -DZYAN_NO_LIBC -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_DISABLE_ENCODER \
    -DZYDIS_DISABLE_AVX512 -DZYDIS_DISABLE_KNC -g0
$(foreach file,$(ZYDIS_SRC),$(eval CFLAGS_$(file) := $(ZYDIS_FLAGS) -I$(ZYDIS)/src -w))
CFLAGS_kdebug/x86_64/disassemble.c := $(ZYDIS_FLAGS)
CFLAGS_kdebug/x86_64/move.c := $(ZYDIS_FLAGS)
HAS_ZYDIS := $(wildcard $(ZYDIS)/include/Zydis/Zydis.h)
KERNEL_SRC += $(if $(HAS_ZYDIS),kdebug/x86_64/disassemble.c kdebug/x86_64/move.c $(ZYDIS_SRC),kdebug/x86_64/disassemble_none.c kdebug/x86_64/move_none.c)

# Nobody looks at the tables of a packer, and the BTF has no room for them: functions and lines only.
CFLAGS_kdebug/core/deflate.c := -g1
CFLAGS_kdebug/core/packed.c := -g1

# Everything that runs on any target, for the post-mortem debugger (tools/post) and for host tests, which bring a fake machine.
KDEBUG_HOST_SRC := kdebug/core/passphrase.c kdebug/core/sha256.c kdebug/cmd/passphrase.c kdebug/core/access.c kdebug/core/macro.c kdebug/core/deflate.c kdebug/core/pack.c kdebug/core/packed.c kdebug/core/program.c kdebug/core/program_types.c kdebug/core/armour.c kdebug/core/arguments.c kdebug/core/breakpoint.c kdebug/core/command.c kdebug/core/complete.c \
    kernel/base/line_editor.c kdebug/core/event_print.c kdebug/core/expression.c kdebug/core/guard.c kdebug/core/instruction.c kdebug/core/lines.c kdebug/core/list_walk.c kdebug/core/lookup.c kdebug/core/output.c \
    kdebug/core/parameters.c kdebug/core/parser.c kdebug/core/permit.c kdebug/core/search.c kdebug/core/session.c kdebug/core/symbols.c kdebug/core/target.c kdebug/core/terminal.c \
    kdebug/core/type_print.c kdebug/core/types.c kdebug/core/value.c kdebug/core/variables.c \
    $(REMOTE_SRC) \
    kdebug/x86_64/call_length.c kdebug/x86_64/disassemble_none.c kdebug/x86_64/page_walk.c kdebug/x86_64/registers.c \
    kdebug/x86_64/frames.c kdebug/x86_64/unwind.c $(KD_HARDWARE_SRC) $(filter kdebug/cmd/%,$(KERNEL_SRC)) \
    kernel/base/crc32c.c kernel/base/format.c trace/ring/filter.c trace/ring/choice.c trace/ring/aggregate.c trace/ring/trigger_wish.c trace/ring/burst.c $(GEN)/trace_table.c tools/post/absent.c
KDEBUG_TEST_SRC := $(KDEBUG_HOST_SRC) tests/host/kdebug_support.c
# The kernel's linker script names the bounds of the command table; the host's linker has names of its own for them.
KDEBUG_HOST_LIBS := -Wl,--defsym=kdebug_commands_start=__start_kdebug_commands \
    -Wl,--defsym=kdebug_commands_end=__stop_kdebug_commands

HOST_TESTS += test_kdebug_lines
HOST_test_kdebug_lines_SRC := tests/host/test_kdebug_lines.c kdebug/core/lines.c

HOST_TESTS += test_kdebug_keys
HOST_test_kdebug_keys_SRC := tests/host/test_kdebug_keys.c kdebug/x86_64/keys.c

HOST_TESTS += test_kdebug_pack
HOST_test_kdebug_pack_SRC := tests/host/test_kdebug_pack.c kdebug/core/pack.c


HOST_TESTS += test_kdebug_agent
HOST_test_kdebug_agent_SRC := tests/host/test_kdebug_agent.c kdebug/remote/agent.c

# No check of bool: a debugger copies structures out of damaged memory, where a bool may hold anything.
define kdebug_test
HOST_TESTS += $(1)
HOST_$(1)_SRC := tests/host/$(1).c $$(KDEBUG_TEST_SRC)
HOST_$(1)_CFLAGS := -DKDEBUG_HOST=1 -fno-sanitize=bool
HOST_$(1)_LIBS := $$(KDEBUG_HOST_LIBS)
endef
$(foreach name,command program expression kernel symbols target trace trace_view types breakpoint remote remote_more remote_table remote_many permit branches parameters,$(eval $(call kdebug_test,test_kdebug_$(name))))
HOST_test_kdebug_trace_SRC += tests/host/kdebug_trace_support.c
HOST_test_kdebug_trace_view_SRC += tests/host/kdebug_trace_support.c
$(eval $(call kdebug_test,test_kdebug_passphrase))
$(eval $(call kdebug_test,test_kdebug_packed))
$(eval $(call kdebug_test,test_kdebug_generated))

ifneq ($(HAS_ZYDIS),)
HOST_TESTS += test_move
HOST_test_move_SRC := tests/host/test_move.c kdebug/x86_64/move.c $(ZYDIS_SRC)
$(eval $(call kdebug_test,test_kdebug_disassemble))
HOST_test_kdebug_disassemble_SRC := tests/host/test_kdebug_disassemble.c kdebug/x86_64/disassemble.c $(ZYDIS_SRC) \
    $(filter-out %/disassemble_none.c,$(KDEBUG_TEST_SRC))
endif

define kdebug_fuzzer
FUZZERS += $(1)
FUZZ_$(1)_SRC := tests/fuzz/$(1).c $$(KDEBUG_TEST_SRC)
FUZZ_$(1)_CFLAGS := -DKDEBUG_HOST=1 -fno-sanitize=bool
FUZZ_$(1)_LIBS := $$(KDEBUG_HOST_LIBS)
endef
$(foreach name,fuzz_kdebug fuzz_kdebug_remote,$(eval $(call kdebug_fuzzer,$(name))))
