CREATE TABLE alerts (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    investigation_id TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX alerts_by_investigation ON alerts (investigation_id)
;;
CREATE TABLE audit (
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seq)
)
;;
CREATE TABLE cluster_members (
    cluster_no BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    reasons BYTEA NOT NULL,
    PRIMARY KEY (cluster_no, message_id)
)
;;
CREATE INDEX cluster_members_by_message ON cluster_members (message_id)
;;
CREATE TABLE clusters (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    investigation_id TEXT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX clusters_by_investigation ON clusters (investigation_id)
;;
CREATE TABLE cursors (
    mailbox_no BIGINT NOT NULL,
    folder TEXT NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (mailbox_no, folder)
)
;;
CREATE TABLE deeds (
    remediation_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    state BIGINT NOT NULL,
    delivery_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    location TEXT NOT NULL,
    folder TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    flags TEXT NOT NULL,
    internal_date BIGINT NOT NULL,
    intended_at BIGINT,
    PRIMARY KEY (remediation_no, seq)
)
;;
CREATE INDEX deeds_by_delivery ON deeds (delivery_id)
;;
CREATE INDEX deeds_by_state ON deeds (remediation_no, state, seq)
;;
CREATE TABLE deliveries (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    mailbox_no BIGINT NOT NULL,
    folder TEXT NOT NULL,
    native_id TEXT NOT NULL,
    version TEXT NOT NULL,
    flags TEXT NOT NULL,
    internal_date BIGINT NOT NULL,
    action TEXT NOT NULL,
    original_location TEXT NOT NULL,
    original_folder TEXT NOT NULL,
    location TEXT NOT NULL,
    located_at BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX deliveries_by_mailbox ON deliveries (mailbox_no)
;;
CREATE INDEX deliveries_by_message ON deliveries (message_id)
;;
CREATE TABLE epochs (
    epoch BIGINT NOT NULL,
    month BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    PRIMARY KEY (epoch)
)
;;
CREATE UNIQUE INDEX epochs_by_month ON epochs (month, slot)
;;
CREATE TABLE indicator_keys (
    key BIGINT NOT NULL,
    indicator_no BIGINT NOT NULL,
    PRIMARY KEY (key, indicator_no)
)
;;
CREATE INDEX indicator_keys_by_indicator ON indicator_keys (indicator_no)
;;
CREATE TABLE indicators (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    match TEXT NOT NULL,
    verdict TEXT NOT NULL,
    threat TEXT NOT NULL,
    source TEXT NOT NULL,
    confidence BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    expires_at BIGINT,
    note TEXT NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE TABLE investigations (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    cause TEXT NOT NULL,
    cause_key BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX investigations_by_cause ON investigations (cause_key)
;;
CREATE INDEX investigations_by_status ON investigations (status, no)
;;
CREATE TABLE jobs (
    no BIGSERIAL NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    put_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT,
    worker TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (no)
)
;;
CREATE INDEX jobs_by_digest ON jobs (digest, state)
;;
CREATE INDEX jobs_by_state ON jobs (state, not_before)
;;
CREATE UNIQUE INDEX jobs_waiting ON jobs (digest) WHERE state = 'waiting'
;;
CREATE TABLE mailboxes (
    no BIGSERIAL NOT NULL,
    source TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    PRIMARY KEY (no)
)
;;
CREATE INDEX mailboxes_by_mailbox ON mailboxes (mailbox)
;;
CREATE UNIQUE INDEX mailboxes_by_name ON mailboxes (source, mailbox)
;;
CREATE TABLE message_keys (
    epoch BIGINT NOT NULL,
    key BIGINT NOT NULL,
    message_no BIGINT NOT NULL,
    PRIMARY KEY (epoch, key, message_no)
)
;;
CREATE TABLE message_records (
    no BIGINT NOT NULL,
    record BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (no)
)
;;
CREATE TABLE messages (
    no BIGINT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_domain TEXT NOT NULL,
    direction TEXT NOT NULL,
    sending_ip TEXT NOT NULL,
    date BIGINT,
    first_seen BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX messages_by_time ON messages (first_seen, no)
;;
CREATE TABLE migrations (
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (version)
)
;;
CREATE TABLE receipts (
    remediation_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    before TEXT,
    after TEXT,
    at BIGINT NOT NULL,
    flags TEXT NOT NULL,
    internal_date BIGINT,
    PRIMARY KEY (remediation_no, seq)
)
;;
CREATE TABLE remediations (
    no BIGSERIAL NOT NULL,
    id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    investigation_id TEXT NOT NULL,
    cluster_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    key_kind TEXT NOT NULL,
    key_value TEXT NOT NULL,
    status TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approval TEXT,
    decided_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    undoes TEXT NOT NULL,
    undone_by TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id)
)
;;
CREATE INDEX remediations_by_investigation ON remediations (investigation_id)
;;
CREATE INDEX remediations_by_status ON remediations (status, no)
;;
CREATE TABLE settings (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)
;;
CREATE TABLE skips (
    remediation_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    delivery_id TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    location TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (remediation_no, seq)
)
;;
CREATE SEQUENCE message_numbers AS bigint
;;
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
;;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_refuse()
;;
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
;;
CREATE FUNCTION audit_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM audit) THEN
        RAISE EXCEPTION 'the audit log grows at its end only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
;;
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_in_order()
