CREATE TABLE retractions (
  no INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, at BIGINT NOT NULL, record BLOB NOT NULL
)
;;
CREATE TABLE retracted_messages (
  retraction_no BIGINT NOT NULL, message_no BIGINT NOT NULL,
  PRIMARY KEY (retraction_no, message_no)
) WITHOUT ROWID
