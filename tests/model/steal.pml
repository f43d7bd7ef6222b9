/* SPDX-License-Identifier: MIT */
/*
 * One thread W, two cores, and everybody who moves it: it waits, is woken to its own core or an idle one, preempted, sent to the
 * other core, stolen by it, suspended, resumed and killed, all at once.
 *
 * What happens under the lock of one run queue is one step here (atomic). What two cores do without a common lock are steps of
 * their own: leaving a core, being queued, being stolen. A core also runs other threads, of which nothing matters but that
 * they keep it busy for a while. Store buffers are the subject of wait.pml.
 *
 * Checked: W is in one run queue at most, and only when ready (T3); no core runs it while another still stands on its stack (T2);
 * after thread_suspend() it is not in user mode (T4); and it comes to its end: no core sleeps while W is in its queue.
 */
#ifndef WAITS
#define WAITS 1
#endif
#ifndef PREEMPTS
#define PREEMPTS 1
#endif
#ifndef OTHERS
#define OTHERS 1
#endif

#define NOBODY 0 /* what a core runs: its idle thread, another, W */
#define OTHER  1
#define W      2

mtype = { RUNNING, READY, BLOCKED, MOVING, DEAD };

mtype doing = RUNNING; /* thread->run, a word of Promela */
byte cpu = 0;         /* thread->cpu */
bool on_cpu = true;   /* thread->on_cpu: a core stands on its stack */
bool ticket = false;  /* a wait can be claimed */
bool suspend_wait = false;
bool kill = false, suspend = false; /* thread->pending */
byte queued[2];       /* how often W is in each run queue */
bool sleeps[2];       /* queue->running is -1: who pushes must kick */
bool idle_bit[2];     /* sched_mark_idle() */
bool kicked[2];       /* an IPI is on its way, or the core's own note */
bool wanted[2];       /* a rendezvous waits for this core */
bool in_user = false;
bool stopped = false; /* thread_suspend() has returned, thread_resume() not begun */
bool resumed = false, killed = false, ended = false;
byte waits_left = WAITS, preempts_left = PREEMPTS;

inline claim(won) {
    atomic { won = ticket; ticket = false }
}

/* sched_push(), from where thread->run is set. */
inline push(target) {
    doing = READY;
    atomic {
        target = cpu;
        queued[target]++;
        assert(queued[0] + queued[1] == 1); /* T3 */
#ifndef NO_KICK
        if
        :: sleeps[target] -> sleeps[target] = false; kicked[target] = true
        :: else
        fi
#endif
    }
}

/* thread_ready(): sched_place(), sched_push(). */
inline make_ready(target) {
#ifdef NO_PLACE_CHECK
    if
    :: true ->
#else
    if
    :: !on_cpu && !sleeps[cpu] ->
#endif
        atomic {
            target = 1 - cpu;
            if
            :: idle_bit[target] -> idle_bit[target] = false; cpu = target
            :: else
            fi
        }
    :: else
    fi;
    push(target)
}

proctype Core(byte me) {
    byte current = (me == 0 -> W : NOBODY), next, target;
    byte others_left = OTHERS;
    bool won, requeue = false, more;

    if
    :: current == W -> goto return_work
    :: else -> goto idle
    fi;

idle: /* idle_once(): the check and the halt are one, interrupts being off in between */
    if
    :: queued[me] > 0 -> goto pick
    :: else
    fi;
end_halt:
    if
    :: atomic { kicked[me] -> kicked[me] = false }; goto pick
    :: atomic { wanted[me] -> wanted[me] = false }; goto pick /* VECTOR_POLL notes a reschedule, too */
    :: others_left > 0 -> others_left--; atomic { sleeps[me] = false; idle_bit[me] = false }; current = OTHER; goto busy
    fi;

busy: /* another thread, until it blocks, its slice ends or it has to give way */
    if
    :: atomic { wanted[me] -> wanted[me] = false }; goto busy
    :: kicked[me] = false; goto pick
    fi;

    /* ---- W, in whatever core runs it ---- */

return_work: /* user_return_work() */
    if
    :: kill -> goto done
    :: else
    fi;
    if
    :: suspend -> goto stay
    :: else
    fi;
    atomic { assert(!stopped && !in_user && current == W); in_user = true };
    if
    :: atomic { wanted[me] -> wanted[me] = false; in_user = false }; goto return_work
    :: atomic { kicked[me] -> kicked[me] = false; in_user = false }; goto return_work
    :: atomic { waits_left > 0 -> waits_left--; in_user = false }; goto wait
    :: atomic { preempts_left > 0 -> preempts_left--; in_user = false }; goto preempted
    :: atomic { waits_left == 0 && resumed && !kill -> in_user = false }; goto done
    fi;

wait: /* thread_ticket(), begin_wait() */
    atomic { doing = BLOCKED; suspend_wait = false; ticket = true };
    if
    :: kill ->
        claim(won);
        if
        :: won -> doing = RUNNING; goto return_work
        :: else
        fi
    :: else
    fi;
    goto pick;

stay: /* thread_stay_suspended() */
    atomic { doing = BLOCKED; suspend_wait = true; ticket = true };
    if
    :: !suspend || kill ->
        claim(won);
        if
        :: won -> doing = RUNNING; goto return_work
        :: else
        fi
    :: else
    fi;
    goto pick;

preempted: /* requeue(): here, or to the other core once this one has left it */
    if
    :: doing = READY; requeue = true
    :: doing = MOVING; cpu = 1 - me;
#ifdef PUSH_BEFORE_LEFT
        push(target)
#endif
    fi;
    goto pick;

done:
    doing = DEAD;
    goto pick;

    /* ---- pick(): who is next, and the switch ---- */

pick: /* choose_next(): own queue and what wakers are told, under its lock */
    atomic {
        if
        :: requeue -> queued[me]++; requeue = false; assert(queued[0] + queued[1] == 1)
        :: else
        fi;
        if
        :: queued[me] > 0 -> queued[me]--; next = W; sleeps[me] = false; idle_bit[me] = false; assert(doing == READY)
        :: else -> next = NOBODY; sleeps[me] = true; idle_bit[me] = true
        fi
    };
    if
    :: next == NOBODY -> /* sched_steal(): the other's queue, under the other's lock */
        atomic {
            if
#ifdef NO_LEFT_CHECK
            :: queued[1 - me] > 0 -> queued[1 - me]--; next = W
#else
            :: queued[1 - me] > 0 && !on_cpu -> queued[1 - me]--; next = W
#endif
            :: true
            fi
        };
        if
        :: next == W -> cpu = me; atomic { sleeps[me] = false; idle_bit[me] = false }
        :: else
        fi
    :: else
    fi;
    if
    :: next == current -> /* woken before it had left: it goes on */
        if
        :: next == W -> doing = RUNNING; goto return_work
        :: else -> goto idle
        fi
    :: else
    fi;
    if
    :: next == W -> atomic { assert(!on_cpu); on_cpu = true }; doing = RUNNING /* T2: thread_switch_begin() */
    :: else
    fi;
    if
    :: current == W -> /* thread_switch_finish() */
#ifdef LATE_LOOK
        on_cpu = false;
        more = (doing == MOVING || doing == DEAD);
#else
        more = (doing == MOVING || doing == DEAD);
        on_cpu = false;
#endif
        if
        :: more -> /* thread_left() */
            if
            :: doing == DEAD -> assert(queued[0] + queued[1] == 0 && !ticket); ended = true
#ifndef PUSH_BEFORE_LEFT
            :: doing != DEAD -> push(target)
#else
            :: doing != DEAD
#endif
            fi
        :: else
        fi
    :: else
    fi;
    current = next;
    if
    :: current == W -> goto return_work
    :: else -> goto idle
    fi
}

/* A message, a deadline: whoever ends a wait. */
proctype Waker() {
    byte target;
    bool won;
    do
    :: ended -> break
    :: atomic { ticket && !suspend_wait -> ticket = false }; make_ready(target)
    od
}

inline rendezvous() {
#ifndef NO_RENDEZVOUS
    wanted[0] = true;
    wanted[1] = true;
    !wanted[0] && !wanted[1];
#endif
    skip
}

inline cancel(won, target) {
    claim(won);
    if
    :: won -> make_ready(target)
    :: else
    fi
}

/* thread_kill() */
proctype Killer() {
    byte target;
    bool won;
    kill = true;
    cancel(won, target);
    if
    :: !won -> rendezvous(); cancel(won, target)
    :: else
    fi;
    killed = true
}

/* thread_suspend(), thread_resume() */
proctype Suspender() {
    byte target;
    bool won;
    suspend = true;
    rendezvous();
    stopped = true;
    assert(!in_user);
    stopped = false;
    suspend = false;
    atomic { won = ticket && suspend_wait; if :: won -> ticket = false :: else fi };
    if
    :: won -> make_ready(target)
    :: else
    fi;
    resumed = true
}

/* If nothing moves any more, W has come to its end. */
proctype Watch() {
    ended && resumed && killed
}

init {
    atomic {
        sleeps[1] = true;
        idle_bit[1] = true;
        run Core(0); run Core(1); run Watch(); run Waker();
#ifdef WITH_SUSPEND
        run Suspender();
#else
        resumed = true;
#endif
#ifdef WITH_KILL
        run Killer()
#else
        killed = true
#endif
    }
}
