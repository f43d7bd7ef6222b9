/* SPDX-License-Identifier: MIT */
/*
 * Cores that count events in one burst (trace/ring/burst.c): each load, comparison and swap is a step, and a core may
 * stand still between any two. An NMI handler in the middle of a core's step is a core that is quick.
 *
 * Places are few, so that they are used anew while somebody still looks at what was in them; MORE + 1 is as many as there
 * are (B2). A time is a number that grows by one with each look at the clock.
 *
 * Checked when an event becomes true, against a list of all events: its number, that times grow (B1), whether it fires
 * (B3). At the end all have been counted.
 */
#ifndef CORES
#define CORES 3
#endif
#ifndef EVENTS
#define EVENTS 2 /* of each core */
#endif
#define PLACES 2
#define MORE   (PLACES - 1)
#define WITHIN 3
#define TOTAL  (CORES * EVENTS)

byte clock = 0;
byte head = 0, since = 0; /* one word in the code */
byte at[PLACES];
bool fired[PLACES]; /* one word with at[] in the code */

/* What is true. */
byte count = 0, true_since = 0;
byte true_time[TOTAL + 1];

inline move_head(from, from_since, its_fired) {
    atomic {
        if
        :: head == from && since == from_since ->
            head = head + 1;
            since = (its_fired -> 0 : (since < MORE -> since + 1 : MORE))
        :: else
        fi
    }
}

inline check_event() {
    count++;
    assert(number == count);
    assert(now > true_time[count - 1]);
    true_time[count] = now;
    assert(fires == (true_since >= MORE && now - true_time[count - MORE] <= WITHIN));
    true_since = (fires -> 0 : (true_since < MORE -> true_since + 1 : MORE))
}

proctype core() {
    byte left = EVENTS, number, seen, seen_since, last, first, old, now;
    bool old_fired, fires, filled;

    do
    :: left == 0 -> break
    :: else ->
        atomic { clock++; now = clock }
        atomic { seen = head; seen_since = since; number = seen + 1 }
        last = at[(number - 1) % PLACES];
        first = at[(number - MORE) % PLACES];
        atomic { old = at[number % PLACES]; old_fired = fired[number % PLACES] }
#ifndef NO_LOOK_AGAIN
        if
        :: head != seen -> goto again
        :: else
        fi;
#endif
        filled = old > last;
#ifndef NO_HELP
        if
        :: filled -> move_head(seen, seen_since, old_fired); goto again
        :: else
        fi;
#endif
#ifndef NO_CLAMP
        now = (now > last -> now : last + 1);
#endif
        fires = seen_since >= MORE && now - first <= WITHIN;
        atomic {
            if
            :: at[number % PLACES] == old && fired[number % PLACES] == old_fired ->
                at[number % PLACES] = now; fired[number % PLACES] = fires;
                check_event(); filled = true
            :: else -> filled = false
            fi
        }
        if
        :: filled -> move_head(seen, seen_since, fires); left--
        :: else
        fi;
again:
        skip
    od
}

init {
    byte i;

    atomic { for (i : 1 .. CORES) { run core() } }
    _nr_pr == 1;
    assert(count == TOTAL && head == TOTAL)
}
