"""Draws by a weight for each row: an alias table, systematic draws without replacement, classes of equal weight."""
