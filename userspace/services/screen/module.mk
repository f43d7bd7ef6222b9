USER_PROGRAMS += screen
USER_screen_SRC := \
    userspace/services/screen/main.c \
    userspace/drivers/screen/font.c \
    userspace/drivers/screen/terminal.c \
    userspace/drivers/screen/paint.c \
    userspace/drivers/screen/colour.c

# GNU Unifont, from Debian's package psf-unifont.
BOOT_FILES += font.psf=$(BUILD)/gen/font.psf
