"""The table of shared budgets, and the one statement that reads and writes a row of it. See `shared_row`."""

from datasync.postgres.migrate import History

HISTORY = History(
    "datasync_budget_schema",
    (
        """
CREATE TABLE IF NOT EXISTS datasync_budget (
    key           TEXT COLLATE "C" NOT NULL,
    bucket        TEXT COLLATE "C" NOT NULL,
    max_slots     INTEGER NOT NULL,
    window_s      DOUBLE PRECISION NOT NULL,
    blocked_until DOUBLE PRECISION NOT NULL DEFAULT 0,
    turn          BIGINT NOT NULL DEFAULT 0,
    free_at       DOUBLE PRECISION[] NOT NULL DEFAULT '{}',
    slots         INTEGER[] NOT NULL DEFAULT '{}',
    holders       JSONB NOT NULL DEFAULT '[]',
    PRIMARY KEY (key, bucket)
) WITH (fillfactor = 50);
""",
    ),
)
"""All times in the table are seconds since 1970 by the database's clock."""

BUCKETS = "SELECT bucket, max_slots, window_s FROM datasync_budget WHERE key = $1 ORDER BY bucket LIMIT 100"

CREATE = """
INSERT INTO datasync_budget (key, bucket, max_slots, window_s) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""

# Parameters: 1 key, 2 bucket, 3 holder, 4 epoch, 5 max_slots, 6 window, 7 by_api, 8 frees_in, 9 in_flight, 10 unused,
# 11 want (NULL: keep my place), 12 block, 13 taken, 14 taken_age, 15 heard, 16 lease.
#
# A lease lives a quarter of a window, at most 10 s. A slot is granted up to half a life before it opens, so that a
# request can be ready at that moment; to those who got their share already, only up to an eighth of a life before, so
# that the others come first and yet no slot lies idle for one that does not come. `granted` counts what each holder
# got. `turn` is the highest count at which a grant was made: who asks for the first time, or did not for long, begins a
# share below it. This is start-time fair queueing (Goyal, Vin, Cheng, 1996) with a bounded memory.
#
# Times to come are cut to what can be: a clock that was set back holds nothing up for longer than a window and a lease.
CALL = """
WITH locked AS (
    SELECT * FROM datasync_budget WHERE key = $1 AND bucket = $2 FOR UPDATE
), seen AS MATERIALIZED (  -- a step of its own: the clock is to be read once the lock is held
    SELECT extract(epoch FROM clock_timestamp())::float8 AS now, locked.* FROM locked
), holder AS MATERIALIZED (
    SELECT id, epoch, lease, held, granted, last, last_opens,
        least(ends, now + 10) AS ends, least(waits, now + window_s + 20) AS waits
    FROM seen, jsonb_to_recordset(holders) AS h(
        id text, epoch bigint, lease bigint, held int, granted bigint, last int, last_opens float8,
        ends float8, waits float8)
), me AS MATERIALIZED (
    SELECT coalesce(epoch, 0) AS epoch, CASE WHEN ends > now THEN lease ELSE $4 END AS lease,
        coalesce(granted, 0) AS granted, coalesce(waits, 0) AS waits,
        CASE WHEN epoch <> $15 THEN last ELSE 0 END AS unheard, last_opens
    FROM seen LEFT JOIN holder ON id = $3
), other AS MATERIALIZED (
    SELECT holder.*, ends > now AS lives FROM holder, seen WHERE id <> $3
), rule AS MATERIALIZED (
    SELECT now, free_at, slots, window_s AS old_window, turn, limit_, window_, least(window_ / 4, 10) AS life,
        CASE WHEN limit_ > 500 THEN window_ / 100 ELSE 0 END AS cell,
        greatest(least(blocked_until, now + 3600), now + $12) AS blocked_until
    FROM (
        SELECT seen.*, CASE WHEN mine THEN $5 ELSE max_slots END AS limit_,
            CASE WHEN mine THEN $6 ELSE window_s END AS window_
        FROM (SELECT seen.*, $7 OR NOT EXISTS (SELECT FROM other WHERE lives OR waits > now) AS mine FROM seen) AS seen
    ) AS seen
), known AS MATERIALIZED (
    SELECT at, sum(n)::int AS n
    FROM rule, LATERAL (
        SELECT least(at + greatest(window_ - old_window, 0), now + window_ + life) AS at, n
        FROM unnest(free_at, slots) AS u(at, n)
        UNION ALL
        SELECT CASE WHEN cell > 0 THEN ceil(at / cell) * cell ELSE at END, n
        FROM (
            SELECT ends + window_ AS at, held AS n FROM holder WHERE held > 0 AND ends <= now
            UNION ALL
            SELECT now + s + greatest(window_ - $6, 0), 1 FROM unnest($8::float8[]) AS s
            UNION ALL  -- granted in an answer that the holder never heard: nothing was sent with these
            SELECT last_opens, unheard FROM me WHERE unheard > 0
        ) AS new
    ) AS spent
    WHERE at > now - life  -- for a while after they are free, to compare with what the API said a while ago
    GROUP BY at
), held AS (
    SELECT ($9 + CASE WHEN lease = $16 THEN $10 ELSE 0 END)::int AS mine,
        (SELECT coalesce(sum(held), 0)::int FROM other WHERE lives) AS theirs
    FROM me
), spent AS MATERIALIZED (
    SELECT at, n FROM known
    UNION ALL  -- what the API counts and we don't: somebody outside uses the key
    SELECT now + window_, outside FROM (
        SELECT now, window_, least(limit_, $13::int - mine - theirs
            - (SELECT coalesce(sum(n), 0)::int FROM known WHERE at > now - $14)) AS outside
        FROM rule, held WHERE $13 IS NOT NULL AND $14 <= life
    ) AS told WHERE outside > 0
), share AS (  -- of each process that holds slots or asks for some
    SELECT ceil(limit_::float8 / (1 + (SELECT count(*) FROM other WHERE lives OR waits > now)))::int AS fair FROM rule
), room AS (
    SELECT (limit_ - mine - theirs - (SELECT coalesce(sum(n), 0) FROM spent WHERE at > now))::int AS free,
        (SELECT min(granted) FROM other WHERE waits > now) AS poorest, greatest(granted, turn - fair) AS got
    FROM rule, held, me, share
), line AS MATERIALIZED (  -- the spent slots are, when they open, the slots from `above` on to `upto` of those to come
    SELECT at, n, (upto - n)::int AS above, upto::int AS upto
    FROM (SELECT at, n, free + sum(n) OVER (ORDER BY at ROWS UNBOUNDED PRECEDING) AS upto FROM spent, rule, room
        WHERE at > now) AS spent
), ready AS (
    SELECT least(coalesce($11, 0), fair) AS part,
        greatest(0, free, (SELECT max(upto) FROM line WHERE at <= now + life / 2)) AS soon,
        greatest(0, free, (SELECT max(upto) FROM line WHERE at <= now + life / 8)) AS at_once
    FROM rule, room, share
), given AS MATERIALIZED (
    SELECT part, soon, CASE WHEN blocked_until > now + life / 2 THEN 0
        ELSE least(part, soon, greatest(at_once, part + coalesce(poorest - got, 0))) END::int AS n
    FROM rule, room, ready
), next AS (  -- when the first slot that was not given opens, and when as many as a whole part
    SELECT coalesce((SELECT min(at) FROM line WHERE upto > given.n), now + life * 3 / 4) AS first,
        (SELECT min(at) FROM line WHERE upto >= given.n + part) AS whole
    FROM rule, given
), later AS (
    SELECT CASE WHEN part <= n THEN 0 ELSE greatest(0.005, blocked_until - now - life / 2, CASE
        WHEN soon > n THEN first - now - life / 8
        ELSE greatest(first - life / 2, least(whole - life / 2, first - life / 4)) - now END) END AS wait
    FROM rule, given, next
), place AS (
    SELECT CASE WHEN $11 IS NULL THEN me.waits WHEN $11 = 0 THEN 0 ELSE now + wait + life END AS waits
    FROM rule, me, later
), written AS (
    UPDATE datasync_budget AS budget SET
        max_slots = limit_, window_s = window_, blocked_until = rule.blocked_until,
        turn = CASE WHEN given.n > 0 THEN greatest(got, rule.turn) ELSE rule.turn END,
        (free_at, slots) = (
            SELECT coalesce(array_agg(at ORDER BY at), '{}'), coalesce(array_agg(rest ORDER BY at), '{}')
            FROM (
                SELECT at, n - greatest(least(upto, given.n) - greatest(above, 0), 0) AS rest FROM line
                UNION ALL
                SELECT at, n FROM spent, rule WHERE at <= now
            ) AS kept WHERE rest > 0
        ),
        holders = (
            SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]') FROM (
                SELECT id, epoch, lease, CASE WHEN lives THEN held ELSE 0 END AS held, granted, last, last_opens,
                    ends, waits
                FROM other WHERE lives OR waits > now OR (granted > rule.turn AND ends + window_ > now)
                UNION ALL
                SELECT $3, $4, me.lease, mine + given.n, got + given.n, given.n, greatest(now, (
                        SELECT min(at) FROM line WHERE upto >= given.n
                    )), CASE WHEN mine + given.n > 0 THEN now + life ELSE now END, place.waits
            ) AS h
        )
    FROM rule, held, room, given, later, place, me
    WHERE budget.key = $1 AND budget.bucket = $2 AND me.epoch < $4
    RETURNING (
        SELECT coalesce(array_agg(greatest(rule.blocked_until, CASE WHEN i <= free THEN now
            ELSE (SELECT min(at) FROM line WHERE upto >= i) END) - now ORDER BY i), '{}')
        FROM generate_series(1, given.n) AS i
    ) AS opens_in, wait, me.lease, life,
        greatest(rule.blocked_until - now, 0) AS blocked, limit_ AS max_slots, window_ AS window
)
SELECT * FROM written
"""
