"""Small made-up data for the commands."""

import json
from pathlib import Path


def write_rows(path: Path, *, rare: int = 6, patients: int = 60) -> Path:
    """Two tasks of one patient each row: a common and a rare label, and three even ones."""
    lines = []
    for patient in range(patients):
        split = ("train", "train", "train", "test", "validation")[patient % 5]
        common = {"group": f"p{patient}", "split": split}
        urgent = patient < rare
        words = "crushing pain in the chest" if urgent else "a small cut on the hand"
        lines.append(
            {"task": "triage", "input": f"{words}, case {patient}", "target": "urgent" if urgent else "routine"}
        )
        lines[-1] |= common
        tone = ("bad", "fair", "good")[patient % 3]
        lines.append({"task": "tone", "input": f"it was {tone}, case {patient}", "target": tone} | common)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
