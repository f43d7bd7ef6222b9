; SPDX-License-Identifier: MIT
; Holds the kernel's symbol table (tools/gen/symtab.py), its types (tools/gen/btf.py), what events cost
; (tools/gen/costs.py), its source lines (tools/gen/lines.py), parameters (tools/gen/parameters.py) and frames
; (tools/gen/frames.py): empty in the first link, filled in the second.
section .symtab_blob progbits alloc noexec nowrite align=16
global symtab_blob_start
global symtab_blob_end
global types_blob_start
global types_blob_end
global costs_blob_start
global costs_blob_end
global lines_blob_start
global lines_blob_end
global parameters_blob_start
global parameters_blob_end
global frames_blob_start
global frames_blob_end
symtab_blob_start:
%ifdef BLOB
    incbin BLOB
%endif
symtab_blob_end:
    align 16, db 0
types_blob_start:
%ifdef TYPES
    incbin TYPES
%endif
types_blob_end:
    align 16, db 0
costs_blob_start:
%ifdef COSTS
    incbin COSTS
%endif
costs_blob_end:
    align 16, db 0
lines_blob_start:
%ifdef LINES
    incbin LINES
%endif
lines_blob_end:
    align 16, db 0
parameters_blob_start:
%ifdef PARAMETERS
    incbin PARAMETERS
%endif
parameters_blob_end:
    align 16, db 0
frames_blob_start:
%ifdef FRAMES
    incbin FRAMES
%endif
frames_blob_end:
    dq 0 ; so that the section is there even when the tables are empty

section .note.GNU-stack noalloc noexec nowrite progbits
