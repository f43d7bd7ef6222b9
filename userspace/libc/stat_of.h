/* SPDX-License-Identifier: MIT */
/* What the C library's stat() tells of a file. */
#pragma once

#include <sys/stat.h>

#include "userspace/files/client/file.h"

struct stat stat_of(const struct file_info *info);
