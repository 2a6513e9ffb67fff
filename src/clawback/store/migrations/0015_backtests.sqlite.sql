CREATE TABLE backtests (
    no INTEGER NOT NULL,
    id TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    policy BLOB NOT NULL,
    status TEXT NOT NULL,
    stage TEXT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    error TEXT NOT NULL,
    figures BLOB,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE TABLE backtest_copies (
    backtest_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    label TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (backtest_no, seq)
)
 WITHOUT ROWID
;;
CREATE TABLE day_figures (
    day BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (day)
)
;;
CREATE TABLE source_health (
    source TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (source)
)
