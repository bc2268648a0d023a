"""A fleet simulated: the operator's own decisions, replayed against any load."""
