"""Pure: Verdict to Plan to undo. Performs nothing; `now`, locations and capabilities are arguments."""
