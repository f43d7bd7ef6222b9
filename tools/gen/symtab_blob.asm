; SPDX-License-Identifier: MIT
; Holds the kernel's symbol table (tools/gen/symtab.py): empty in the first link, filled in the second.
section .symtab_blob progbits alloc noexec nowrite align=16
global symtab_blob_start
global symtab_blob_end
symtab_blob_start:
%ifdef BLOB
    incbin BLOB
%endif
symtab_blob_end:
    dq 0 ; so that the section is there even when the table is empty

section .note.GNU-stack noalloc noexec nowrite progbits
