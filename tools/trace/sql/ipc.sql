-- SPDX-License-Identifier: MIT
--
-- Calls of mailboxes, and where their time went.
--
-- A call is a slice "call NAME" of the client and one "serve NAME" of the server. A flow leads from the one to the other and on to
-- the instant "reply" within the first. Both carry the same label (the operation). A server that calls another server while it serves makes a nested call: its parent is the call
-- that is being served.

-- Every call that has returned.
--   call_id           slice of the client
--   ts, dur           from the call to its return
--   mailbox, label    who was called for what
--   client_utid       thread that called
--   serve_id          slice of the server; NULL: nobody served the call (it failed)
--   server_utid       thread that served; NULL also if it held several calls at once
--   queue_dur         until a server took it
--   serve_dur         until the server had answered
--   back_dur          until the client went on
--   parent_id         call that the client was serving when it called; NULL: none
CREATE PERFETTO TABLE spoor_ipc_call AS
WITH RECURSIVE
client AS (
  SELECT s.id, s.ts, s.dur, substr(s.name, 6) AS mailbox, s.arg_set_id, s.parent_id, t.utid
  FROM slice s
  JOIN thread_track t ON s.track_id = t.id
  WHERE s.category = 'ipc' AND s.name GLOB 'call *' AND s.dur >= 0
),
served AS (
  SELECT f.slice_out AS call_id, s.id AS serve_id, s.ts, s.dur, t.utid
  FROM flow f
  JOIN slice s ON s.id = f.slice_in AND s.name GLOB 'serve *' AND s.dur >= 0
  LEFT JOIN thread_track t ON s.track_id = t.id
),
-- What lies around each call on its thread's track.
around AS (
  SELECT id AS call_id, parent_id AS slice_id FROM client WHERE parent_id IS NOT NULL
  UNION ALL
  SELECT a.call_id, s.parent_id
  FROM around a
  JOIN slice s ON s.id = a.slice_id
  WHERE s.parent_id IS NOT NULL
),
parent AS (
  SELECT a.call_id, max(served.call_id) AS parent_id
  FROM around a
  JOIN served ON served.serve_id = a.slice_id
  GROUP BY a.call_id
)
SELECT
  client.id AS call_id,
  client.ts,
  client.dur,
  client.mailbox,
  extract_arg(client.arg_set_id, 'debug.label') AS label,
  client.utid AS client_utid,
  served.serve_id,
  served.utid AS server_utid,
  served.ts - client.ts AS queue_dur,
  served.dur AS serve_dur,
  client.ts + client.dur - served.ts - served.dur AS back_dur,
  parent.parent_id
FROM client
LEFT JOIN served ON served.call_id = client.id
LEFT JOIN parent ON parent.call_id = client.id;

-- The parts of every call; over a call and all that it led to they add up to its dur.
--   call_id, mailbox, label
--   step              'queue', 'serve' (without the server's own calls), 'back'
--   dur
CREATE PERFETTO TABLE spoor_ipc_step AS
SELECT call_id, mailbox, label, 'queue' AS step, queue_dur AS dur
FROM spoor_ipc_call WHERE serve_id IS NOT NULL
UNION ALL
SELECT c.call_id, c.mailbox, c.label, 'serve',
  c.serve_dur - coalesce((SELECT sum(n.dur) FROM spoor_ipc_call n WHERE n.parent_id = c.call_id), 0)
FROM spoor_ipc_call c WHERE c.serve_id IS NOT NULL
UNION ALL
SELECT call_id, mailbox, label, 'back', back_dur
FROM spoor_ipc_call WHERE serve_id IS NOT NULL;

-- One row per operation.
CREATE PERFETTO VIEW spoor_ipc_operation AS
SELECT mailbox, label, count(*) AS calls, sum(dur) AS total_dur, avg(dur) AS mean_dur, max(dur) AS max_dur,
  avg(queue_dur) AS mean_queue_dur, avg(serve_dur) AS mean_serve_dur, sum(serve_id IS NULL) AS not_served
FROM spoor_ipc_call
GROUP BY mailbox, label;

-- The critical path of one call: its steps and those of all calls that it led to, with the depth of nesting.
CREATE PERFETTO FUNCTION spoor_ipc_critical_path(call_id LONG)
RETURNS TABLE(depth LONG, call_id LONG, mailbox STRING, label LONG, step STRING, dur LONG) AS
WITH RECURSIVE tree(call_id, depth) AS (
  SELECT $call_id, 0
  UNION ALL
  SELECT c.call_id, tree.depth + 1
  FROM spoor_ipc_call c
  JOIN tree ON c.parent_id = tree.call_id
)
SELECT tree.depth, s.call_id, s.mailbox, s.label, s.step, s.dur
FROM tree
JOIN spoor_ipc_step s ON s.call_id = tree.call_id;
