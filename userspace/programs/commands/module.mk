# Each command is one file; what they share and the files' client come with all of them.
COMMANDS := ls cat cp mv rm mkdir head wc sort grep hexdump sleep uptime
USER_PROGRAMS += $(COMMANDS)
COMMAND_SRC := $(patsubst %,userspace/programs/commands/%.c,command target) userspace/programs/shell/folder.c $(FILES_CLIENT_SRC)
$(foreach name,$(COMMANDS),$(eval USER_$(name)_SRC := userspace/programs/commands/$(name).c $(COMMAND_SRC)))
