/* SPDX-License-Identifier: MIT */
/* Flags of areas and mappings, shared by the kernel and user space. */
#pragma once

#define PROT_READ  1u
#define PROT_WRITE 2u
#define PROT_EXEC  4u

#define AREA_CONTIGUOUS 1u /* one physically contiguous run, allocated and zeroed at once */
