"""One configuration becomes one run: prepare, train, evaluate, predict, and the demonstration."""
