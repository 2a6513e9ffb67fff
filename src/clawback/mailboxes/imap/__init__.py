"""The IMAP connector: a whole organisation on one IMAP server (RFC 9051, RFC 3501)."""
