# Each command is one file; what they share and the files' client come with all of them.
COMMANDS := ls cat cp mv rm mkdir head tail wc sort grep hexdump sleep uptime ps top kill free service logs trace kdebug devices date clocks power
USER_PROGRAMS += $(COMMANDS)
COMMAND_SRC := $(patsubst %,userspace/programs/commands/%.c,command target) userspace/programs/shell/folder.c $(FILES_CLIENT_SRC)
$(foreach name,$(COMMANDS),$(eval USER_$(name)_SRC := userspace/programs/commands/$(name).c $(COMMAND_SRC)))
USER_devices_SRC += userspace/drivers/pci/pci.c userspace/drivers/pci/direct.c userspace/drivers/pci/window.c userspace/drivers/pci/class.c
USER_date_SRC += userspace/drivers/rtc/calendar.c
USER_trace_SRC += userspace/services/tracer/consumer.c userspace/services/tracer/capture_writer.c
