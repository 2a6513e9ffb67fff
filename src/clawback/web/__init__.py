"""Door: the REST API and the portal. It asks and orders, and never touches a mailbox."""
