ALTER TABLE remediations ADD COLUMN follows TEXT NOT NULL DEFAULT ''
;;
CREATE INDEX remediations_by_follows ON remediations (follows) WHERE follows <> ''
;;
CREATE INDEX remediations_by_cluster ON remediations (cluster_id)
;;
CREATE TABLE standing_orders (
    no BIGSERIAL NOT NULL,
    remediation_id TEXT NOT NULL,
    cluster_no BIGINT NOT NULL,
    until BIGINT NOT NULL,
    record BYTEA NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (remediation_id),
    UNIQUE (cluster_no)
)
;;
CREATE INDEX standing_orders_by_until ON standing_orders (until)
;;
CREATE TABLE standing_keys (
    "key" BIGINT NOT NULL,
    order_no BIGINT NOT NULL,
    PRIMARY KEY ("key", order_no)
)
;;
CREATE INDEX standing_keys_by_order ON standing_keys (order_no)
;;
CREATE TABLE late_copies (
    remediation_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    PRIMARY KEY (remediation_id, delivery_id)
)
