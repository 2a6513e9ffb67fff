CREATE INDEX deliveries_by_native_id ON deliveries (mailbox_no, native_id)
;;
DROP INDEX deliveries_by_mailbox
;;
CREATE INDEX deliveries_lost ON deliveries (mailbox_no, raw_sha256) WHERE location = 'hard_deleted'
;;
CREATE INDEX deliveries_unseen ON deliveries (mailbox_no) WHERE location = 'unknown'
;;
CREATE INDEX deeds_intended ON deeds (raw_sha256) WHERE state = 1
;;
INSERT INTO cursors (mailbox_no, folder, cursor)
SELECT DISTINCT mailbox_no, folder, '' FROM deliveries
WHERE location <> 'hard_deleted' AND length(folder) <= 250
ON CONFLICT (mailbox_no, folder) DO NOTHING
