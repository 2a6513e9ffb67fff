CREATE TABLE investigation_starts (
  investigation_id TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (investigation_id)
)
;;
CREATE INDEX investigation_starts_by_time ON investigation_starts (at)
;;
CREATE TABLE clicks (
  no BIGSERIAL NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, at BIGINT NOT NULL, record BYTEA NOT NULL,
  PRIMARY KEY (no), UNIQUE (id)
)
;;
CREATE TABLE click_keys (
  "key" BIGINT NOT NULL, click_no BIGINT NOT NULL,
  PRIMARY KEY ("key", click_no)
)
;;
CREATE TABLE sent_mail (
  message_id TEXT NOT NULL, account TEXT NOT NULL, at BIGINT NOT NULL, addresses BIGINT NOT NULL,
  PRIMARY KEY (message_id, account)
)
;;
CREATE INDEX sent_mail_by_account ON sent_mail (account, at)
;;
CREATE TABLE left_out (
  cluster_id TEXT NOT NULL, message_id TEXT NOT NULL, investigation_id TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (cluster_id, message_id)
)
;;
CREATE INDEX left_out_by_investigation ON left_out (investigation_id)
;;
CREATE TABLE secops_mailboxes (
  mailbox TEXT NOT NULL,
  PRIMARY KEY (mailbox)
)
