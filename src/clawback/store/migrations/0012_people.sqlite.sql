ALTER TABLE investigations ADD COLUMN threats BIGINT NOT NULL DEFAULT 0
;;
ALTER TABLE investigations ADD COLUMN actions BIGINT NOT NULL DEFAULT 0
;;
ALTER TABLE investigations ADD COLUMN ended_at BIGINT
;;
CREATE TABLE accounts (
    no INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    content BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    password TEXT NOT NULL,
    totp TEXT NOT NULL,
    totp_step BIGINT NOT NULL,
    PRIMARY KEY (no),
    UNIQUE (id),
    UNIQUE (name)
)
;;
CREATE TABLE sessions (
    hash TEXT NOT NULL,
    account_no BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (hash)
)
 WITHOUT ROWID
;;
CREATE INDEX sessions_by_account ON sessions (account_no)
;;
CREATE TABLE api_tokens (
    no INTEGER NOT NULL,
    id TEXT NOT NULL,
    account_no BIGINT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (no),
    UNIQUE (id),
    UNIQUE (hash)
)
;;
CREATE INDEX api_tokens_by_account ON api_tokens (account_no)
;;
CREATE TABLE failed_sign_ins (
    subject TEXT NOT NULL,
    since BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (subject)
)
 WITHOUT ROWID
;;
CREATE INDEX failed_sign_ins_by_since ON failed_sign_ins (since)
;;
CREATE TABLE given_orders (
    caller TEXT NOT NULL,
    "key" TEXT NOT NULL,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT,
    answer BLOB NOT NULL,
    PRIMARY KEY (caller, "key")
)
 WITHOUT ROWID
;;
CREATE INDEX given_orders_by_at ON given_orders (at)
