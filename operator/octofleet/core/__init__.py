"""Everything the operator decides: pure functions of a Snapshot and `now`, without I/O."""
