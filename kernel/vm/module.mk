# SPDX-License-Identifier: MIT
KERNEL_SRC += kernel/vm/area.c kernel/vm/area_index.c kernel/vm/area_share.c kernel/vm/area_freeze.c kernel/vm/area_check.c \
              kernel/vm/fault.c kernel/vm/pager.c kernel/vm/page_in.c kernel/vm/page_out.c kernel/vm/mapping.c kernel/vm/page_seal.c kernel/vm/space.c \
              kernel/vm/space_check.c kernel/vm/space_copy.c kernel/vm/space_prefault.c kernel/vm/space_protect.c kernel/vm/space_usage.c kernel/vm/user_copy.c
KERNEL_SRC += kernel/vm/user_lane.c

VM_TEST_SRC := $(MM_TEST_SRC) kernel/base/tree.c kernel/object/object.c kernel/vm/area.c kernel/vm/area_index.c \
               kernel/vm/area_share.c kernel/vm/area_freeze.c kernel/vm/area_check.c kernel/vm/fault.c kernel/vm/space.c \
               kernel/vm/space_check.c kernel/vm/space_copy.c kernel/vm/space_prefault.c kernel/sync/shared_lock.c \
               kernel/vm/space_protect.c kernel/vm/space_usage.c kernel/vm/mapping.c

HOST_TESTS += test_page_seal
HOST_test_page_seal_SRC := tests/host/test_page_seal.c kernel/vm/page_seal.c

HOST_TESTS += test_area test_space test_space_change test_space_random test_user_copy
HOST_test_area_SRC := tests/host/test_area.c tests/host/vm_support.c $(VM_TEST_SRC)
HOST_test_area_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_area_LIBS := $(MM_TEST_LIBS)
HOST_test_space_SRC := tests/host/test_space.c tests/host/vm_support.c $(VM_TEST_SRC)
HOST_test_space_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_space_LIBS := $(MM_TEST_LIBS)
HOST_test_space_change_SRC := tests/host/test_space_change.c tests/host/vm_support.c $(VM_TEST_SRC)
HOST_test_space_change_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_space_change_LIBS := $(MM_TEST_LIBS)
HOST_test_space_random_SRC := tests/host/test_space_random.c tests/host/vm_support.c $(VM_TEST_SRC)
HOST_test_space_random_CFLAGS := $(MM_TEST_CFLAGS)
HOST_test_space_random_LIBS := $(MM_TEST_LIBS)
HOST_test_user_copy_SRC := tests/host/test_user_copy.c kernel/vm/user_copy.c

HOST_TESTS += test_user_lane
HOST_test_user_lane_SRC := tests/host/test_user_lane.c tests/host/kernel_support.c kernel/vm/user_lane.c
HOST_test_user_lane_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_user_lane_LIBS := -lpthread
