CREATE TABLE detections (
  message_no BIGINT NOT NULL, source TEXT NOT NULL, gravity BIGINT NOT NULL,
  confidence BIGINT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (message_no, source)
)
;;
CREATE INDEX detections_by_source ON detections (source)
