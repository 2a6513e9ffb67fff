CREATE TABLE correspondents (
  owner TEXT NOT NULL, address TEXT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
  messages BIGINT NOT NULL,
  PRIMARY KEY (owner, address)
)
;;
CREATE TABLE sender_days (
  sender TEXT NOT NULL, day BIGINT NOT NULL, messages BIGINT NOT NULL, authenticated BIGINT NOT NULL,
  PRIMARY KEY (sender, day)
)
;;
CREATE TABLE message_history (
  message_no BIGINT NOT NULL, day BIGINT NOT NULL, authenticity BIGINT NOT NULL,
  PRIMARY KEY (message_no)
)
;;
CREATE TABLE message_refs (
  message_no BIGINT NOT NULL, key BIGINT NOT NULL,
  PRIMARY KEY (message_no, key)
)
;;
CREATE TABLE sent_ids (
  key BIGINT NOT NULL,
  PRIMARY KEY (key)
)
;;
CREATE TABLE estimates (
  remediation_id TEXT NOT NULL, record BYTEA NOT NULL,
  PRIMARY KEY (remediation_id)
)
;;
ALTER TABLE remediations ADD COLUMN rest BIGINT NOT NULL DEFAULT 0
;;
CREATE INDEX remediations_by_decision ON remediations (decided_at)
;;
INSERT INTO settings (name, value)
SELECT 'history', '{"after":0,"upto":' || upto || '}'
FROM (SELECT MAX(no) AS upto FROM messages) AS newest WHERE upto IS NOT NULL
;;
INSERT INTO jobs (kind, key, digest, payload, state, put_at, not_before, worker, attempts, error)
SELECT 'history', '', '8494ff262b43acd76a9589ed0bcd9f5420ef58c35b9d021ab5ee3208fee6c2af', '{}', 'waiting',
  0, 0, '', 0, ''
FROM (SELECT MAX(no) AS upto FROM messages) AS newest WHERE upto IS NOT NULL
