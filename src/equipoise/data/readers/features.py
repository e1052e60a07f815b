"""Class labels of Hugging Face datasets: the names are in the features, the rows hold their positions."""

from collections.abc import Mapping
from typing import Any, cast

import pyarrow as pa

from equipoise.base.arrow import first_true, pc
from equipoise.base.plain_json import parse_json
from equipoise.data.readers.source import Source

ClassNames = Mapping[str, list[str]]
"""The names of the classes of each column that holds class labels."""


def class_names(schema: pa.Schema) -> ClassNames:
    """Return the class names that `datasets` wrote into the metadata of a schema; what is not of its form is ignored.

    Examples
    --------
    >>> features = b'{"info": {"features": {"target": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}'
    >>> class_names(pa.schema({"target": pa.int64()}, metadata={b"huggingface": features}))
    {'target': ['no', 'yes']}
    """
    written: bytes = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        value = parse_json(written.decode("utf-8"), ValueError)
    except ValueError:  # a UnicodeDecodeError is one
        return {}
    features = _inside(_inside(value, "info"), "features")
    found = {name: _inside(feature, "names") for name, feature in cast("dict[str, Any]", features or {}).items()}
    return {
        name: names
        for name, names in found.items()
        if _inside(features[name], "_type") == "ClassLabel"
        and isinstance(names, list)
        and all(isinstance(each, str) for each in cast("list[object]", names))
    }


def with_class_names(table: pa.Table, classes: ClassNames, source: Source, first_row: int) -> pa.Table:
    """Replace the positions of classes by dictionaries of their names; -1, which means "no label", by null.

    Raises
    ------
    DataError
        If a position has no name.
    """
    for name, names in classes.items():
        column = table.column(name) if name in table.column_names else None
        if column is None or not pa.types.is_integer(column.type):
            continue
        row = first_true(
            pc.fill_null(pc.or_(pc.less(column, -1), pc.greater_equal(column, len(names))), fill_value=False)
        )
        if row is not None:
            sentence = f"column `{name}` is {column[row].as_py()}, but its features have {len(names)} class names."
            raise source.error_at("bad-value", first_row + row, f"{sentence} Save the dataset again.")
        codes = pc.cast(pc.if_else(pc.less(column, 0), pa.scalar(None, column.type), column), pa.int32())
        texts = pa.array(names, pa.large_string())
        named = [pa.DictionaryArray.from_arrays(chunk, texts) for chunk in codes.chunks]
        kind = pa.dictionary(pa.int32(), pa.large_string())
        table = table.set_column(table.column_names.index(name), name, pa.chunked_array(named, kind))
    return table


def _inside(value: object, key: str) -> Any:
    return cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
