# SPDX-License-Identifier: MIT
KERNEL_SRC += kernel/vm/area.c kernel/vm/fault.c kernel/vm/space.c kernel/vm/space_check.c kernel/vm/space_copy.c \
              kernel/vm/user_copy.c
