/* SPDX-License-Identifier: MIT */
/*
 * How people write a trigger in the boot option trigger=LIST; words are separated by ';'.
 *
 *     ACTION:EVENT[,more=N,within=NS][,FIELD OP VALUE]...       no blanks in it; all conditions must hold
 *
 *     stop=1000:ipc.return,status!=OK        mark:irq.enter,vector==0x40       kdebug:fault.exit,outcome=failed
 *     kdebug:fault.enter,more=100,within=10000000       more than 100 in 10 ms that match, on all cores together; N up to 255
 *
 * ACTION: mark, stop or stop=N, snapshot, kdebug. OP: = == != < <= > >=. VALUE: a number, a name of the field's enum, OK or the name of
 * an error.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"

/*
 * trace_trigger_parse() - read one word.
 *
 * Returns NULL, or what is wrong with it.
 * Context: any. Pure.
 */
const char *trace_trigger_parse(const char *text, size_t length, struct trace_trigger_wish *out);
