"""Files and data sets of every kind as batches of records, one kind a file."""
