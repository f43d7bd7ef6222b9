/* SPDX-License-Identifier: MIT */
/*
 * One thread W that waits twice, and everybody who may end its waits: a waker, the timer, a killer,
 * somebody who suspends and resumes it.
 *
 * W's stores of its ticket may stay in its core's store buffer (`buffered`) until W executes a
 * locked instruction, leaves the core or takes an interrupt. All other accesses are atomic and in
 * order, as locked instructions are.
 *
 * Checked: a claimed ticket makes W ready once (T1, T3); after thread_suspend() W executes nothing
 * in user mode until thread_resume() (T4); nobody is left waiting: every end is a proper one.
 */
#define ROUNDS 2

byte ticket = 0;      /* as others see it: 0 or the number of the wait */
byte buffered = 0;    /* W's last store to it, if it is still in the store buffer */
bool suspend_wait = false; /* thread->wait == SUSPENDED, of the wait that ticket names */
bool kill = false, suspend = false; /* thread->pending */
bool readied = false; /* in a run queue: thread_ready() */
bool off_core = false; /* W is switched away: its core is idle and answers */
bool wanted = false;  /* a rendezvous waits for W's core */
bool in_user = false;
bool stopped = false; /* thread_suspend() has returned, thread_resume() not begun */
bool ended = false, resumed = false, killed = false;
byte waits_left = ROUNDS;

inline flush() {
    if
    :: buffered != 0 -> ticket = buffered; buffered = 0
    :: else
    fi
}

/* thread_claim() by W itself: a locked instruction, so the buffer is empty before it. */
inline claim_own(number, won) {
    atomic { flush(); won = (ticket == number); if :: won -> ticket = 0 :: else fi }
}

/* thread_claim() and thread_ready() by somebody else. */
inline claim(number, won) {
    atomic {
        won = (number != 0 && ticket == number);
        if
        :: won -> ticket = 0; assert(!readied); readied = true /* T3 */
        :: else
        fi
    }
}

/* sched_pick() until W has the core again: the switch empties the buffer; an idle core answers. */
inline leave_core() {
    atomic { flush(); off_core = true }
    do
    :: atomic { readied -> readied = false; off_core = false; break }
    :: atomic { wanted -> wanted = false }
    od
}

active proctype W() {
    byte number = 0;
    bool won;

user: /* an interrupt leads into the kernel and back through user_return_work() */
    atomic { assert(!stopped); in_user = true };
    if
    :: atomic { wanted -> flush(); wanted = false; in_user = false }; goto return_work
    :: atomic { waits_left > 0 -> waits_left--; in_user = false }; goto wait
    :: atomic { waits_left == 0 && resumed && !kill -> in_user = false }; goto done
    fi;

wait: /* thread_ticket(), begin_wait() */
    number++;
    atomic { suspend_wait = false; buffered = number };
    if
    :: kill ->
        claim_own(number, won);
        if
        :: won -> goto return_work
        :: else
        fi
    :: else
    fi;
    leave_core();

return_work: /* user_return_work() */
    if
    :: kill -> goto done
    :: else
    fi;
    if
    :: suspend -> goto stay
    :: else -> goto user
    fi;

stay: /* thread_stay_suspended() */
    number++;
    atomic { suspend_wait = true; buffered = number };
#ifndef NO_FENCE
    flush();
#endif
    if
    :: !suspend ->
        claim_own(number, won);
        if
        :: won -> goto return_work
        :: else
        fi
    :: else
    fi;
    if
    :: kill -> /* begin_wait() */
        claim_own(number, won);
        if
        :: won -> goto return_work
        :: else
        fi
    :: else
    fi;
    leave_core();
    goto return_work;

done:
    ended = true;
    do /* its core goes on answering */
    :: atomic { wanted -> wanted = false }
    :: killed && resumed -> break
    od
}

/* A message, and a deadline: both claim the ticket they have seen. */
proctype Waker() {
    byte seen;
    bool won;
    do
    :: ended -> break
    :: atomic { !suspend_wait && ticket != 0 -> seen = ticket }; claim(seen, won)
    od
}

inline rendezvous() {
#ifndef NO_RENDEZVOUS
    wanted = true;
    !wanted || ended;
#endif
    skip
}

inline cancel(seen, won) {
    seen = ticket;
    claim(seen, won)
}

/* thread_kill() */
proctype Killer() {
    byte seen;
    bool won;
    kill = true;
    cancel(seen, won);
    if
    :: !won ->
        rendezvous();
#ifndef NO_SECOND_CANCEL
        cancel(seen, won)
#endif
    :: else
    fi;
    killed = true
}

/* thread_suspend(), thread_resume() */
proctype Suspender() {
    byte seen;
    bool won, is_suspended;
    suspend = true;
    rendezvous();
    stopped = true;
    assert(!in_user);
    stopped = false;
    suspend = false;
    atomic { seen = ticket; is_suspended = suspend_wait };
    if
    :: seen != 0 && is_suspended -> claim(seen, won)
    :: else
    fi;
    resumed = true
}

init {
    atomic { run Suspender();
#ifndef NO_WAKERS /* then only the kill ends a wait */
        run Waker(); run Waker();
#endif
#ifdef WITH_KILL
        run Killer()
#else
        killed = true
#endif
    }
}
