"""What sinks that write files have in common: a state, a lock, and files that grow."""
