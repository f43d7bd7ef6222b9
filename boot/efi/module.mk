BOOT_SRC += boot/efi/main.c boot/efi/firmware.c boot/efi/memory.c boot/efi/file.c boot/efi/trace_region.c \
            boot/efi/program.c boot/efi/machine.c boot/efi/leave.c boot/efi/jump.asm
