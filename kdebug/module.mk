# SPDX-License-Identifier: MIT
KERNEL_SRC += kdebug/core/access.c kdebug/core/armour.c kdebug/core/arguments.c kdebug/core/breakpoint.c \
    kdebug/core/command.c kdebug/core/complete.c kdebug/core/deferred.c kdebug/core/editor.c kdebug/core/enter.c \
    kdebug/core/expression.c kdebug/core/guard.c kdebug/core/list_walk.c kdebug/core/lookup.c kdebug/core/output.c kdebug/core/parser.c kdebug/core/run.c \
    kdebug/core/session.c kdebug/core/stop.c \
    kdebug/core/symbols.c kdebug/core/target.c kdebug/core/target_live.c kdebug/core/terminal.c \
    kdebug/core/type_print.c kdebug/core/types.c kdebug/core/value.c kdebug/core/variables.c
KERNEL_SRC += kdebug/cmd/mailbox_one.c
KERNEL_SRC += kdebug/remote/packet.c kdebug/remote/stub.c kdebug/remote/thread.c
KERNEL_SRC += kdebug/x86_64/call_length.c kdebug/x86_64/page_walk.c kdebug/x86_64/registers.c kdebug/x86_64/stack_call.asm kdebug/x86_64/unwind.c
KERNEL_SRC += kdebug/cmd/backtrace.c kdebug/cmd/breakpoint.c kdebug/cmd/check.c kdebug/cmd/wait.c kdebug/cmd/cpu.c kdebug/cmd/frame.c kdebug/cmd/general.c \
    kdebug/cmd/handle.c kdebug/cmd/heap.c kdebug/cmd/interrupt.c kdebug/cmd/lock.c kdebug/cmd/mailbox.c kdebug/cmd/memory.c kdebug/cmd/object.c \
    kdebug/cmd/page_walk.c kdebug/cmd/pager.c kdebug/cmd/power.c kdebug/cmd/process.c kdebug/cmd/run_queue.c kdebug/cmd/self.c \
    kdebug/cmd/space.c kdebug/cmd/stages.c kdebug/cmd/thread.c kdebug/cmd/trace.c kdebug/cmd/trace_dump.c \
    kdebug/cmd/trace_print.c kdebug/cmd/trace_reader.c kdebug/cmd/value.c kdebug/cmd/run.c kdebug/cmd/trace_filter.c kdebug/cmd/trace_switch.c kdebug/cmd/trace_user.c kdebug/cmd/profile.c
KERNEL_SRC += kdebug/cmd/times.c

# Everything that runs on any target, for host tests: they bring a fake machine (tests/host/kdebug_support.c).
KDEBUG_HOST_SRC := kdebug/core/access.c kdebug/core/armour.c kdebug/core/arguments.c kdebug/core/breakpoint.c kdebug/core/command.c kdebug/core/complete.c \
    kdebug/core/editor.c kdebug/core/expression.c kdebug/core/guard.c kdebug/core/list_walk.c kdebug/core/lookup.c kdebug/core/output.c \
    kdebug/core/parser.c kdebug/core/session.c kdebug/core/symbols.c kdebug/core/target.c kdebug/core/terminal.c \
    kdebug/core/type_print.c kdebug/core/types.c kdebug/core/value.c kdebug/core/variables.c \
    kdebug/remote/packet.c kdebug/remote/stub.c kdebug/remote/thread.c \
    kdebug/x86_64/call_length.c kdebug/x86_64/page_walk.c kdebug/x86_64/registers.c kdebug/x86_64/unwind.c \
    $(filter kdebug/cmd/%,$(KERNEL_SRC)) \
    kernel/base/crc32c.c kernel/base/format.c trace/ring/filter.c trace/ring/choice.c $(GEN)/trace_table.c tests/host/kdebug_support.c
# The kernel's linker script names the bounds of the command table; the host's linker has names of its own for them.
KDEBUG_HOST_LIBS := -Wl,--defsym=kdebug_commands_start=__start_kdebug_commands \
    -Wl,--defsym=kdebug_commands_end=__stop_kdebug_commands

HOST_TESTS += test_kdebug_editor
HOST_test_kdebug_editor_SRC := tests/host/test_kdebug_editor.c kdebug/core/editor.c

# No check of bool: a debugger copies structures out of damaged memory, where a bool may hold anything.
define kdebug_test
HOST_TESTS += $(1)
HOST_$(1)_SRC := tests/host/$(1).c $$(KDEBUG_HOST_SRC)
HOST_$(1)_CFLAGS := -DKDEBUG_HOST=1 -fno-sanitize=bool
HOST_$(1)_LIBS := $$(KDEBUG_HOST_LIBS)
endef
$(foreach name,command expression kernel symbols target trace types breakpoint remote,$(eval $(call kdebug_test,test_kdebug_$(name))))

FUZZERS += fuzz_kdebug
FUZZ_fuzz_kdebug_SRC := tests/fuzz/fuzz_kdebug.c $(KDEBUG_HOST_SRC)
FUZZ_fuzz_kdebug_CFLAGS := -DKDEBUG_HOST=1 -fno-sanitize=bool
FUZZ_fuzz_kdebug_LIBS := $(KDEBUG_HOST_LIBS)
