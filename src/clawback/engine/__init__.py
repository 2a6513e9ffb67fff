"""Shell: the only room where decisions meet the world, in the beat gather, decide, record, act, record."""
