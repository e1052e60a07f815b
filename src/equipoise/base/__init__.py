"""What everything builds on: files, plain JSON, keys, random words, schemes, Arrow columns. Private to the package."""
