"""Rebuild the bundled suite `multi-diagnosis` from its raw tables.

Run from the root of the repository: `python scripts/build_multi_diagnosis.py`.
The words of both texts stand in data-sources/multi_diagnosis/words.json.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equipoise.base.files import write_atomically

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "data-sources" / "multi_diagnosis"
BUNDLE = ROOT / "src" / "equipoise" / "data" / "_bundled" / "multi_diagnosis"

THYROID_TASKS = (
    "thyroid_hyper",
    "thyroid_hypo",
    "thyroid_binding_protein",
    "thyroid_general_health",
    "thyroid_replacement",
    "thyroid_misc",
)
OLDEST = 120  # four ages of the thyroid table are above it (455, 65526): not known
SEVERITY = ("absent", "mild", "moderate", "severe", "critical")
DISEASES = (
    "psoriasis",
    "seborrheic dermatitis",
    "lichen planus",
    "pityriasis rosea",
    "chronic dermatitis",
    "pityriasis rubra pilaris",
)


class Patient(NamedTuple):
    """One row of a raw table: its split and its label in each task of the table."""

    group: str
    split: str
    labels: dict[str, str]
    fields: dict[str, str]


def build(sources: Path) -> dict[str, pa.Table]:
    """Make the two texts of the suite, `numbers` and `binned`, from the raw tables in a folder."""
    words: dict[str, Any] = json.loads((sources / "words.json").read_text(encoding="utf-8"))
    texts: dict[str, list[str]] = {"numbers": [], "binned": []}
    rows: list[tuple[str, str, str, str]] = []
    for name, patients in (
        ("thyroid", list(thyroid(sources))),
        ("heart", list(heart(sources))),
        ("dermatology", list(dermatology(sources))),
    ):
        numbers = [numbers_text(patient.fields, words["numbers"][name]) for patient in patients]
        binned = list(binned_texts(patients, words["binned"][name], words["quantiles"]))
        for task in patients[0].labels:
            rows += [(task, patient.labels[task], patient.group, patient.split) for patient in patients]
            texts["numbers"] += numbers
            texts["binned"] += binned
    task, target, group, split = zip(*rows, strict=True)
    return {
        text: pa.table({"task": task, "input": inputs, "target": target, "group": group, "split": split})
        for text, inputs in texts.items()
    }


def split_of(key: str) -> str:
    """Put 70 % of the groups in train, 10 % in validation and 20 % in test, by their MD5."""
    place = int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16) % 10
    return "train" if place < 7 else "validation" if place == 7 else "test"


def thyroid(sources: Path) -> Iterator[Patient]:
    """Read the thyroid table; its own column `split` must be the hash of the patient."""
    with gzip.open(sources / "thyroid_wide.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["split"] != split_of(row["patient_id"]):
                raise SystemExit(f"Patient {row['patient_id']}: the table says split {row['split']!r}.")
            if float(row["age"]) > OLDEST:
                row["age"] = ""
            labels = {task: row[task] for task in THYROID_TASKS}
            yield Patient(f"thy{row['patient_id']}", row["split"], labels, row)


def heart(sources: Path) -> Iterator[Patient]:
    """Read the heart table, four hospitals with the severity 0 to 4."""
    with (sources / "heart_disease_uci.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            group = f"heart{row['id']}"
            yield Patient(group, split_of(group), {"heart_severity": SEVERITY[int(row["num"])]}, row)


def dermatology(sources: Path) -> Iterator[Patient]:
    """Read the dermatology table; a patient is its row number."""
    with (sources / "dermatology.csv").open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            group = f"derm{number}"
            if row["Age"] == "0":  # one row: a newborn, or an age that is not known
                row["Age"] = ""
            yield Patient(group, split_of(group), {"dermatology": DISEASES[int(row["Class"]) - 1]}, row)


def numbers_text(fields: dict[str, str], words: dict[str, Any]) -> str:
    """Write a patient with raw numbers; missing values, and findings that are not there, are left out.

    The thyroid text has three clauses: history, laboratory, referral.
    """
    clauses: list[str] = []
    for clause in words.values():
        parts = [describe(how, fields[name]) for name, how in clause["fields"].items()]
        clauses.append(", ".join(part for part in parts if part) or clause["if_empty"])
    return "; ".join(clauses)


def describe(words: str | dict[str, str], value: str) -> str | None:
    """Say one field: a template for any value, or one wording for each value that is worth saying."""
    if isinstance(words, dict):
        return words.get(value)
    return words.format(tidy(value)) if value else None


def tidy(value: str) -> str:
    """Write a number as briefly as it reads (9.599999 is 9.6); leave other values as they are."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value


def binned_texts(patients: list[Patient], words: dict[str, Any], quantiles: dict[str, list[float]]) -> Iterator[str]:
    """Write each patient with a bin number in place of every laboratory number.

    A field's bins are cut at quantiles of its training rows, so that test rows never move them.
    """
    say: list[tuple[str, Callable[[str], str | None]]] = []
    for name, wording in words.items():
        if "quantiles" in wording:
            train = [p.fields[name] for p in patients if p.split == "train"]
            edges = bin_edges(train, quantiles[wording["quantiles"]], wording.get("missing", []))
            say.append((name, binned(wording, edges)))
        else:
            say.append((name, wording.get))
    for patient in patients:
        parts = (of(patient.fields[name]) for name, of in say)
        yield " ".join(part for part in parts if part)


def bin_edges(values: Iterable[str], quantiles: list[float], missing: list[str]) -> np.ndarray:
    """Cut at the quantiles of the values that are there; each edge is a value that was seen."""
    seen = np.array([float(value) for value in values if value and value not in missing])
    return np.unique(np.quantile(seen, quantiles, method="inverted_cdf"))


def binned(wording: dict[str, Any], edges: np.ndarray) -> Callable[[str], str | None]:
    """Say a field's bin, counted from 1; a value on an edge is in the lower bin."""

    def say(value: str) -> str | None:
        if not value:
            return wording.get("absent")
        if value in wording.get("missing", []):
            return wording["missing_text"]
        return wording["text"].format(int(np.searchsorted(edges, float(value))) + 1)

    return say


def parquet_bytes(table: pa.Table) -> bytes:
    """Write the table as one row group; every row repeats one of a few texts, so dictionaries do well."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", compression_level=19, row_group_size=table.num_rows)
    return sink.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=SOURCES, help="folder with the raw tables")
    parser.add_argument("--out", type=Path, default=BUNDLE, help="folder to write the Parquet files to")
    options = parser.parse_args()
    for text, table in build(options.sources).items():
        path = options.out / f"{text}.parquet"
        with write_atomically(path) as temporary:
            temporary.write_bytes(parquet_bytes(table))
        print(f"{path}: {table.num_rows} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
