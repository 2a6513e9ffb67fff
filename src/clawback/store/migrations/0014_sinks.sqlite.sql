CREATE TABLE sinks (
    no INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT NOT NULL,
    cursor BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    worker TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE TABLE sink_deliveries (
    sink_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    outcome TEXT NOT NULL,
    tries BIGINT NOT NULL,
    at BIGINT NOT NULL,
    status BIGINT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (sink_no, seq)
)
 WITHOUT ROWID
;;
CREATE INDEX sink_deliveries_by_outcome ON sink_deliveries (sink_no, outcome, seq)
