# SPDX-License-Identifier: MIT
# log.c and panic.c implement headers of this folder one layer up, because they lock, print and trace.
KERNEL_SRC += kernel/base/build_id.c kernel/base/crc32c.c kernel/base/format.c kernel/base/line_editor.c kernel/base/string.c kernel/base/tree.c
KERNEL_SRC += kernel/sync/log.c kernel/sync/panic.c

HOST_TESTS += test_crc32c test_format test_line_editor test_list test_log test_string test_tree
HOST_test_crc32c_SRC := tests/host/test_crc32c.c kernel/base/crc32c.c
HOST_test_format_SRC := tests/host/test_format.c kernel/base/format.c
HOST_test_line_editor_SRC := tests/host/test_line_editor.c kernel/base/line_editor.c
HOST_test_list_SRC := tests/host/test_list.c
HOST_test_log_SRC := tests/host/test_log.c kernel/sync/log.c kernel/sync/panic.c kernel/base/format.c
HOST_test_log_CFLAGS := -include tests/host/trace_sites_on.h
HOST_test_tree_SRC := tests/host/test_tree.c kernel/base/tree.c
# The functions under test get names of their own: the test itself needs the C library's.
HOST_test_string_SRC := tests/host/test_string.c kernel/base/string.c
HOST_test_string_CFLAGS := -include tests/host/string_names.h
