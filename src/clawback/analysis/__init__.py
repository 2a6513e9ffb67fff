"""Pure: Message to Verdict and Cluster. Never fetches a fact; says what it wants."""
