"""Compare candidates: train many a little, few in full, and say what the test rows show."""
