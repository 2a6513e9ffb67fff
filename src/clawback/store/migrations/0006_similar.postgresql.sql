ALTER TABLE cluster_members ADD COLUMN score BIGINT NOT NULL DEFAULT 10000
;;
CREATE TABLE cluster_candidates (
  cluster_no BIGINT NOT NULL, message_id TEXT NOT NULL, seq BIGINT NOT NULL,
  reasons BYTEA NOT NULL, score BIGINT NOT NULL,
  PRIMARY KEY (cluster_no, message_id)
)
