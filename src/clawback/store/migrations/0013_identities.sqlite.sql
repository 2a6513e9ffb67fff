CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_no BIGINT NOT NULL,
    bound_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account_no)
)
 WITHOUT ROWID
