/* SPDX-License-Identifier: MIT */
/*
 * One mailbox, a server and two callers, one of which has a deadline: the general path of kernel/ipc/mailbox.c, and what the direct
 * one shares with it.
 *
 * Steps under the mailbox's lock are steps of their own here, because tickets are claimed without it. A message may carry a
 * buffer: then the lock is let go for the copy while the partner is claimed, and the copy may fail for the sender's fault (M3).
 * Which caller is received first is left open.
 *
 * Checked: nobody's registers are written while they are in use (M6); nobody is on two lists or comes back on one (M1, M2); each
 * call ends once; a caller and the receiver do not both wait (M7), and who was put back is not forgotten: all calls end.
 * WITH_CLOSE: also when the last right to receive goes at any moment, and nobody is on a list after that (M4).
 */
#ifndef CALLS
#define CALLS 2
#endif

#define SERVER  0 /* threads; the others are callers 1 and 2, of which 2 has a deadline */
#define THREADS 3

#define OK   1
#define LATE 2
#define GONE 3

bool locked = false;
byte ticket[THREADS], number[THREADS]; /* of the wait, as others see it; the last one given out */
bool has_left[THREADS];                /* off its core: !on_cpu */
bool readied[THREADS];
byte status[THREADS];
byte armed[THREADS], expired[THREADS]; /* deadline: of which wait */
bool calls[THREADS], served[THREADS];  /* the lists */
bool receives = false;
bool closed = false;                   /* the last right to receive has gone: M4 */
byte message = 0, token = 0;           /* what the server finds in its registers */
byte done = 0;

inline acquire() { atomic { !locked -> locked = true } }
inline release() { locked = false }

/* thread_claim() */
inline claim(who, which, won) {
    atomic {
        won = (which != 0 && ticket[who] == which);
        if
        :: won -> ticket[who] = 0
        :: else
        fi
    }
}

/* claim_still(): M6 */
inline claim_still(who, which, won) {
    claim(who, which, won);
    if
    :: won ->
#ifndef NO_STILL
        has_left[who]
#else
        skip
#endif
    :: else
    fi
}

/* thread_ready() */
inline wake(who, how) {
    atomic { assert(!readied[who] && ticket[who] == 0); status[who] = how; readied[who] = true }
}

/* thread_wait() */
inline await(who) {
    has_left[who] = true;
    atomic { readied[who] -> readied[who] = false; has_left[who] = false }
}

/* mailbox_unclaim() */
inline unclaim(who, which, won) {
    ticket[who] = which;
#ifndef NO_LOOK_AGAIN
    if
    :: expired[who] == which ->
        claim(who, which, won);
        if
        :: won -> wake(who, LATE)
        :: else
        fi
    :: else
    fi
#endif
}

inline give(who, which) {
    assert(has_left[SERVER] || which == 0); /* its registers are not in use any more */
    message = who;
    token = which
}

/* A queued caller whose wait goes on, off its list; 0: there is none. */
/* Onto a list, which a closed mailbox must not have (M4). */
inline join(place) {
    assert(!closed);
    place = true
}

/* mailbox_has_gone(), after the lock was let go for a copy */
#ifndef NO_GONE_CHECK
#define HAS_GONE closed
#else
#define HAS_GONE false
#endif

inline take_caller(who, which) {
    do
    :: calls[1] -> who = 1; which = ticket[1]; calls[1] = false; if :: which != 0 -> break :: else fi
    :: calls[2] -> who = 2; which = ticket[2]; calls[2] = false; if :: which != 0 -> break :: else fi
    :: !calls[1] && !calls[2] -> who = 0; which = 0; break
    od
}

/* mailbox_put_back_receiver_locked() */
inline put_back_server(which, other, others, won) {
#ifndef NO_NEXT_CALLER
    take_caller(other, others);
#else
    other = 0;
#endif
    if
    :: other != 0 -> join(served[other]); give(other, others); wake(SERVER, OK)
    :: else -> assert(!closed); receives = true; unclaim(SERVER, which, won)
    fi
}

proctype Caller(byte me; bool has_deadline) {
    byte left = CALLS, partner, other, others;
    bool won;

again:
    if
    :: left == 0 -> done++; goto end
    :: else -> left--
    fi;
    acquire();
    assert(!calls[me] && !served[me]); /* M2 */
    if
    :: closed -> release(); goto again
    :: else
    fi;
    if
    :: receives ->
        receives = false;
        partner = ticket[SERVER];
        claim_still(SERVER, partner, won);
        assert(won); /* nobody else ends its wait */
        if
        :: true -> /* a buffer goes along */
            release();
            acquire();
            if
            :: HAS_GONE -> release(); wake(SERVER, GONE); goto again
            :: else
            fi;
            if
            :: true -> /* it cannot be read */
                put_back_server(partner, other, others, won);
                release();
                goto again
            :: true
            fi
        :: true
        fi;
        number[me]++;
        ticket[me] = number[me];
        join(served[me]);
        give(me, number[me]);
        release();
        wake(SERVER, OK)
    :: else ->
        number[me]++;
        ticket[me] = number[me];
        join(calls[me]);
        release()
    fi;
    if
    :: has_deadline -> armed[me] = number[me]
    :: else
    fi;
    await(me);
    armed[me] = 0;
    if
    :: status[me] != OK ->
#ifndef NO_LEAVE
        acquire();
        calls[me] = false;
        served[me] = false;
        release()
#else
        skip
#endif
    :: else -> assert(!calls[me] && !served[me])
    fi;
    goto again;
end:
    skip
}

proctype Server() {
    byte who, which;
    bool won;

receive:
    acquire();
take:
    if
    :: closed -> release(); goto end
    :: else
    fi;
    take_caller(who, which);
    if
    :: who == 0 ->
        number[SERVER]++;
        ticket[SERVER] = number[SERVER];
        assert(!closed);
        receives = true;
        release();
        has_left[SERVER] = true;
end_idle:
        atomic { readied[SERVER] -> readied[SERVER] = false; has_left[SERVER] = false };
        if
        :: status[SERVER] == GONE -> goto end
        :: else
        fi;
        who = message;
        which = token
    :: else ->
        if
        :: true -> join(served[who]); release()
        :: true -> /* with a buffer: take_load() */
            claim_still(who, which, won);
            if
            :: !won -> goto take
            :: else
            fi;
            release();
            acquire();
            if
            :: HAS_GONE -> release(); wake(who, GONE); goto end
            :: else
            fi;
            join(served[who]);
            unclaim(who, which, won);
            release()
        fi
    fi;

    if
    :: who == 2 -> goto receive /* never answered: its deadline ends the call */
    :: true
    fi;
    /* mailbox_reply(): claim_caller(), answer() */
    acquire();
    if
    :: served[who] -> claim_still(who, which, won)
    :: else -> won = false
    fi;
    release();
    if
    :: won ->
        assert(has_left[who]); /* M6: its words are out of its registers */
        acquire();
        served[who] = false;
        release();
        wake(who, OK)
    :: else /* ERR_BAD_TOKEN */
    fi;
    goto receive;
end:
    skip
}

/* release_all_locked() of one list */
inline send_away(place, who) {
    if
    :: place ->
        place = false;
        which = ticket[who];
        claim(who, which, won);
        if
        :: won -> wake(who, GONE)
        :: else
        fi
    :: else
    fi
}

/* mailbox_handle_closed() of the last right to receive, at any moment */
proctype Closer() {
    byte which;
    bool won;
    acquire();
    closed = true;
    send_away(calls[1], 1);
    send_away(calls[2], 2);
    send_away(served[1], 1);
    send_away(served[2], 2);
    if
    :: receives ->
        receives = false;
        which = ticket[SERVER];
        claim(SERVER, which, won);
        if
        :: won -> wake(SERVER, GONE)
        :: else
        fi
    :: else
    fi;
    release()
}

/* serve_deadlines() */
proctype Timer(byte who) {
    byte which;
    bool won;
end_armed:
    do
    :: atomic { armed[who] != 0 -> which = armed[who]; armed[who] = 0; expired[who] = which };
        claim(who, which, won);
        if
        :: won -> wake(who, LATE)
        :: else
        fi
    od
}

/* If nothing moves any more, all calls have ended. */
proctype Watch() {
    done == THREADS - 1
}

init {
    atomic {
        run Server(); run Caller(1, false); run Caller(2, true); run Timer(2); run Watch();
#ifdef WITH_CLOSE
        run Closer()
#endif
    }
}
