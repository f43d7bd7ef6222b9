/* SPDX-License-Identifier: MIT */
/* Messages. Nothing waits for a key: a machine without a keyboard must get back to its firmware, too. */
#include "boot/efi/firmware.h"

EFI_STATUS complain(EFI_STATUS status, const char *task, const char *why, const char *remedy)
{
    Print(L"\nSpoor cannot start.\n");
    Print(L"  while   %a\n", task);
    Print(L"  why     %a (%r)\n", why, status);
    Print(L"  remedy  %a\n\n", remedy);
    return status;
}

void warn(const char *text)
{
    Print(L"  warning: %a\n", text);
}
