"""A door: the `clawback` command and the cmdlet names. Asks and orders, never touches a mailbox."""
