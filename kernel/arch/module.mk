KERNEL_SRC += kernel/arch/x86_64/start.asm kernel/arch/x86_64/entry.asm kernel/arch/x86_64/context_switch.asm \
              kernel/arch/x86_64/context.c kernel/arch/x86_64/user_copy.asm kernel/arch/x86_64/user.c \
              kernel/arch/x86_64/percpu.c kernel/arch/x86_64/cpu.c kernel/arch/x86_64/gdt.c \
              kernel/arch/x86_64/idt.c kernel/arch/x86_64/apic.c kernel/arch/x86_64/ioapic.c \
              kernel/arch/x86_64/acpi_parse.c kernel/arch/x86_64/acpi.c kernel/arch/x86_64/clock_reference.c \
              kernel/arch/x86_64/clock.c kernel/arch/x86_64/clock_sync.c kernel/arch/x86_64/serial.c kernel/arch/x86_64/smp.c \
              kernel/arch/x86_64/trampoline.asm kernel/arch/x86_64/text_patch.c kernel/arch/x86_64/power.c \
              kernel/arch/x86_64/fpu.c kernel/arch/x86_64/pit.c kernel/arch/x86_64/nmi_beat.c kernel/arch/x86_64/interruption.c \
              kernel/arch/x86_64/function_thunk.asm kernel/arch/x86_64/probe_slots.asm kernel/arch/x86_64/probe_thunk.asm \
              kernel/arch/x86_64/thunk_call.asm \
              kernel/arch/x86_64/function_patch.c kernel/arch/x86_64/function_probe.c kernel/arch/x86_64/pcid.c \
              kernel/arch/x86_64/root_patch.c kernel/arch/x86_64/root_switch.asm

HOST_TESTS += test_acpi test_clock test_nmi_beat
HOST_test_acpi_SRC := tests/host/test_acpi.c kernel/arch/x86_64/acpi_parse.c
HOST_test_clock_SRC := tests/host/test_clock.c
HOST_test_nmi_beat_SRC := tests/host/test_nmi_beat.c kernel/arch/x86_64/nmi_beat.c
