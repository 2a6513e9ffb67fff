ALTER TABLE clusters ADD COLUMN kind TEXT NOT NULL DEFAULT ''
;;
ALTER TABLE clusters ADD COLUMN key_value TEXT NOT NULL DEFAULT ''
;;
ALTER TABLE clusters ADD COLUMN verdict TEXT NOT NULL DEFAULT ''
;;
ALTER TABLE clusters ADD COLUMN line BIGINT NOT NULL DEFAULT 10000
;;
ALTER TABLE clusters ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0
;;
UPDATE clusters SET
    kind = said.head ->> 'kind',
    key_value = coalesce(said.head -> 'key' ->> 'value', ''),
    verdict = said.head ->> 'verdict',
    line = round(coalesce((said.head ->> 'line')::numeric, 1.0) * 10000)::bigint,
    asked_at = (extract(epoch FROM (said.head ->> 'asked_at')::timestamptz) * 1000000)::bigint
FROM (
    SELECT no, regexp_replace(
        ltrim(convert_from(record, 'UTF8'), '!'), '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '?', 'g'
    )::json AS head FROM clusters
) AS said
WHERE said.no = clusters.no
;;
CREATE INDEX investigations_by_time ON investigations (created_at, no)
;;
CREATE INDEX investigations_by_change ON investigations (changed_at, no)
;;
CREATE INDEX remediations_by_time ON remediations (made_at, no)
;;
CREATE INDEX submissions_by_time ON submissions (reported_at, no)
;;
CREATE INDEX indicators_by_time ON indicators (added_at, no)
;;
CREATE INDEX audit_by_type ON audit (type, seq)
;;
CREATE INDEX audit_by_actor ON audit (actor, seq)
