"""What is wrong with records, or surprising in them."""
