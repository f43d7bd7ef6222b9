/* SPDX-License-Identifier: MIT */
/* The global lock order: a core may only acquire a lock of a higher rank than all it holds. */
#pragma once

enum lock_rank {
    LOCK_RANK_TRACE = 1,    /* which events are on and hooked; text is patched under it */
    LOCK_RANK_PATCH,        /* text patching: waits for all cores */
    LOCK_RANK_USER_LANES,   /* lanes of programs; alone */
    LOCK_RANK_PROCESS_LIST, /* all processes, for kdebug; alone */
    LOCK_RANK_PROCESS,      /* threads of a process, its end */
    LOCK_RANK_SPACE,        /* mappings; taken while a process is set up or ends */
    LOCK_RANK_SPACE_SECOND, /* message copy: the second of two, ordered by address */
    LOCK_RANK_AREA,         /* pages of an area, under the space that faults */
    LOCK_RANK_PAGER,        /* requests to a pager, under the area they are about */
    LOCK_RANK_HANDLES,      /* handle table: slots are filled last in a create path */
    LOCK_RANK_MAILBOX,      /* queues of one mailbox */
    LOCK_RANK_INTERRUPT,    /* a driver's interrupt, over the event that it signals */
    LOCK_RANK_WAIT,         /* other wait queues */
    LOCK_RANK_WAIT_SECOND,  /* futex requeue: the second of two, ordered by address */
    LOCK_RANK_LINES,        /* lines of the I/O APICs, under an interrupt */
    LOCK_RANK_TIMER,        /* a core's deadlines; armed while a queue lock is held */
    LOCK_RANK_RUN_QUEUE,    /* a core's ready threads; threads are woken under queue locks */
    LOCK_RANK_STACKS,       /* kernel-stack cache */
    LOCK_RANK_HEAP,         /* slab caches */
    LOCK_RANK_FRAMES,       /* free lists of frames: everybody allocates */
    LOCK_RANK_TLB,          /* one shootdown initiator per core */
    LOCK_RANK_META,         /* meta lane of the trace */
    LOCK_RANK_CONSOLE,      /* serial output: anybody may log */
    LOCK_RANKS,
};
