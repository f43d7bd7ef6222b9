USER_PROGRAMS += shell
USER_shell_SRC := $(patsubst %,userspace/programs/shell/%.c,main parse expand variables console complete folder job builtin) $(FILES_CLIENT_SRC)

HOST_TESTS += test_shell_parse
HOST_test_shell_parse_SRC := tests/host/test_shell_parse.c userspace/programs/shell/parse.c
