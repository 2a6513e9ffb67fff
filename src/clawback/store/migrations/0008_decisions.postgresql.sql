ALTER TABLE remediations ADD COLUMN first_approval TEXT
;;
ALTER TABLE remediations ADD COLUMN decided_by TEXT NOT NULL DEFAULT ''
;;
UPDATE remediations SET decided_by = approval::json ->> 'by' WHERE substr(approval, 1, 1) = '{'
;;
ALTER TABLE remediations ADD COLUMN part_of TEXT NOT NULL DEFAULT ''
;;
ALTER TABLE remediations ADD COLUMN warned_at BIGINT
;;
CREATE TABLE refreshes (
  remediation_no BIGINT NOT NULL, at BIGINT NOT NULL, record BYTEA NOT NULL,
  PRIMARY KEY (remediation_no)
)
;;
CREATE TABLE exposures (
  delivery_no BIGINT NOT NULL, read_at BIGINT, answered_at BIGINT, forwarded_at BIGINT, clicked_at BIGINT,
  PRIMARY KEY (delivery_no)
)
