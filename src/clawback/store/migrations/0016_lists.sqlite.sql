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
    kind = json_extract(ltrim(CAST(record AS TEXT), '!'), '$.kind'),
    key_value = CASE WHEN CAST(record AS TEXT) LIKE '!%' THEN ''
        ELSE replace(json_extract(CAST(record AS TEXT), '$.key.value'), char(0), '') END,
    verdict = json_extract(ltrim(CAST(record AS TEXT), '!'), '$.verdict'),
    line = CAST(round(coalesce(json_extract(ltrim(CAST(record AS TEXT), '!'), '$.line'), 1.0) * 10000) AS INTEGER),
    asked_at = CAST(strftime('%s', json_extract(ltrim(CAST(record AS TEXT), '!'), '$.asked_at')) AS INTEGER) * 1000000
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
