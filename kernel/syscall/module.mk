KERNEL_SRC += kernel/syscall/syscall.c kernel/syscall/dispatch.c kernel/syscall/object_types.c kernel/syscall/sys_process.c \
              kernel/syscall/sys_thread.c kernel/syscall/sys_mapping.c kernel/syscall/sys_memory.c kernel/syscall/sys_pager.c kernel/syscall/sys_facts.c kernel/syscall/sys_handle.c \
              kernel/syscall/sys_mailbox.c kernel/syscall/sys_console.c kernel/syscall/sys_trace.c \
              kernel/syscall/sys_interrupt.c kernel/syscall/sys_system.c
CFLAGS_kernel/syscall/dispatch.c = $(CFLAGS_ENTRY)
