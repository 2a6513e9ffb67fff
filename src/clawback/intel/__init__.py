"""Edge: what the world knows. It answers with facts, decides nothing, and never raises into the line."""
