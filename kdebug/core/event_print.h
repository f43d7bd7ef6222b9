/* SPDX-License-Identifier: MIT */
/* Printing a record of the trace: its event and its fields. */
#pragma once

#include "base/types.h"

/* kd_event_print() - "ipc.call call=0x12 client=3": record has its header and so many payload words; a field behind them is "?". */
void kd_event_print(const uint64_t *record, unsigned words);

/* kd_event_print_string() - the text that fills the record from payload word `word` on, without what cannot be printed. */
void kd_event_print_string(const uint64_t *record, unsigned word, unsigned words);
