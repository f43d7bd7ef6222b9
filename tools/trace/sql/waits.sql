-- SPDX-License-Identifier: MIT
--
-- What threads wait for. While a thread is blocked, thread_state.blocked_function says what for: a state's name
-- ("receive", "sleep", "futex") or, in a call, the server ("reply of NAME", "call, not yet received by NAME").

-- Every wait that has ended.
--   utid, ts, dur
--   reason            as above
--   server            NAME, if it is a wait for a server; else NULL
--   waker_utid        who ended it
CREATE PERFETTO VIEW spoor_wait AS
SELECT s.utid, s.ts, s.dur, s.blocked_function AS reason,
  CASE
    WHEN s.blocked_function GLOB 'reply of *' THEN substr(s.blocked_function, 10)
    WHEN s.blocked_function GLOB 'call, not yet received by *' THEN substr(s.blocked_function, 27)
  END AS server,
  (SELECT n.waker_utid FROM thread_state n WHERE n.utid = s.utid AND n.ts = s.ts + s.dur) AS waker_utid
FROM thread_state s
WHERE s.blocked_function IS NOT NULL AND s.dur >= 0;

-- From being made ready to running: one row per wait for a core.
CREATE PERFETTO VIEW spoor_wake_latency AS
SELECT utid, ts, dur, state FROM thread_state WHERE state IN ('R', 'R+') AND dur >= 0;

-- Where events are missing: look here before believing anything else.
CREATE PERFETTO VIEW spoor_loss AS
SELECT id, ts, dur, name, extract_arg(arg_set_id, 'debug.events') AS events, extract_arg(arg_set_id, 'debug.cause') AS cause
FROM slice WHERE name GLOB 'LOST*';

-- Page faults with address and outcome.
CREATE PERFETTO VIEW spoor_fault AS
SELECT s.id, s.ts, s.dur, t.utid, extract_arg(s.arg_set_id, 'debug.address') AS address,
  extract_arg(s.arg_set_id, 'debug.outcome') AS outcome
FROM slice s
JOIN thread_track t ON s.track_id = t.id
WHERE s.category = 'fault' AND s.name = 'page fault';
