# SPDX-License-Identifier: MIT
KERNEL_SRC += kernel/mm/cache.c kernel/mm/frame.c kernel/mm/frame_boot.c kernel/mm/frame_check.c kernel/mm/heap.c \
              kernel/mm/heap_check.c kernel/mm/heap_guard.c kernel/mm/kernel_stack.c kernel/mm/page_table.c kernel/mm/tlb.c \
              kernel/mm/tlb_own.c
