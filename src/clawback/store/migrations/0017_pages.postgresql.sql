CREATE INDEX messages_by_sender ON messages (sender, first_seen, no)
;;
CREATE INDEX messages_by_domain ON messages (sender_domain, first_seen, no)
;;
CREATE INDEX cluster_members_by_seq ON cluster_members (cluster_no, seq, message_id)
;;
CREATE INDEX indicators_by_source ON indicators (source, no)
;;
CREATE INDEX receipts_by_outcome ON receipts (remediation_no, outcome, at)
