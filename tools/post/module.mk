# SPDX-License-Identifier: MIT
# kdebug over a dead machine: its sources as they are, with the target and the line of tools/post.
POST_SRC := tools/post/core_file.c tools/post/kernel_file.c tools/post/mapped_file.c tools/post/target_dead.c
HOST_TOOLS += spoor-post
HOST_spoor-post_SRC = tools/post/main.c $(POST_SRC) $(if $(HAS_ZYDIS),kdebug/x86_64/disassemble.c $(ZYDIS_SRC) \
    $(filter-out %/disassemble_none.c,$(KDEBUG_HOST_SRC)),$(KDEBUG_HOST_SRC))
HOST_spoor-post_CFLAGS := -DKDEBUG_HOST=1
HOST_spoor-post_LIBS = $(KDEBUG_HOST_LIBS)

HOST_TESTS += test_core_file
HOST_test_core_file_SRC := tests/host/test_core_file.c tools/post/core_file.c tools/post/mapped_file.c
