"""Edge: where mail lives. Connectors lay hands on copies; they decide nothing."""
