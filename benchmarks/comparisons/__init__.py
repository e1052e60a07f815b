"""Drawing, against other packages: one module for each row of what `drawing.py` measures."""
