# SPDX-License-Identifier: MIT
KERNEL_SRC += kernel/mm/cache.c kernel/mm/frame.c kernel/mm/frame_boot.c kernel/mm/frame_check.c kernel/mm/frame_reclaim.c \
              kernel/mm/heap.c kernel/mm/heap_check.c kernel/mm/heap_guard.c kernel/mm/kernel_stack.c kernel/mm/page_table.c kernel/mm/stack_guard.c \
              kernel/mm/tlb.c kernel/mm/tlb_own.c

# A machine for tests: memory behind a direct map that lies where a process has room, allocations that can be made to fail.
MM_TEST_SRC := tests/host/mm_support.c kernel/sync/lock_check.c kernel/base/format.c kernel/mm/cache.c kernel/mm/frame.c \
               kernel/mm/frame_boot.c kernel/mm/frame_check.c kernel/mm/frame_reclaim.c kernel/mm/heap.c kernel/mm/heap_check.c \
               kernel/mm/heap_guard.c kernel/mm/kernel_stack.c kernel/mm/page_table.c
MM_TEST_CFLAGS := -DDIRECT_MAP_BASE=0x200000000000ull
MM_TEST_LIBS := -lpthread -Wl,--wrap=frame_alloc,--wrap=frame_alloc_zeroed,--wrap=frame_alloc_run,--wrap=heap_alloc,--wrap=cache_alloc

HOST_TESTS += test_frame test_heap test_heap_release test_page_table test_tlb
HOST_test_frame_SRC := tests/host/test_frame.c $(MM_TEST_SRC)
HOST_test_frame_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_frame_LIBS := $(MM_TEST_LIBS)
HOST_test_heap_SRC := tests/host/test_heap.c $(MM_TEST_SRC)
HOST_test_heap_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_heap_LIBS := $(MM_TEST_LIBS)
HOST_test_heap_release_SRC := $(HOST_test_heap_SRC)
HOST_test_heap_release_CFLAGS := $(MM_TEST_CFLAGS) -UCONFIG_DEBUG -DCONFIG_DEBUG=0
HOST_test_heap_release_LIBS := $(MM_TEST_LIBS)
HOST_test_page_table_SRC := tests/host/test_page_table.c $(MM_TEST_SRC)
HOST_test_page_table_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_page_table_LIBS := $(MM_TEST_LIBS)
HOST_test_tlb_SRC := tests/host/test_tlb.c kernel/mm/tlb.c kernel/arch/x86_64/pcid.c
HOST_test_tlb_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_tlb_LIBS := -lpthread
