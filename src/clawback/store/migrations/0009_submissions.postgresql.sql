CREATE TABLE submissions (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    reporter TEXT NOT NULL,
    state TEXT NOT NULL,
    kept_copy TEXT NOT NULL,
    message_id TEXT NOT NULL,
    investigation_id TEXT NOT NULL,
    was_right BIGINT,
    reported_at BIGINT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX submissions_by_reporter ON submissions (reporter)
;;
CREATE INDEX submissions_by_state ON submissions (state, no)
;;
CREATE INDEX submissions_by_kept_copy ON submissions (kept_copy) WHERE kept_copy <> ''
;;
CREATE INDEX submissions_by_message ON submissions (message_id)
;;
CREATE INDEX submissions_by_investigation ON submissions (investigation_id)
