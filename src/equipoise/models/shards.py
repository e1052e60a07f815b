"""The files that the index of a sharded model names must be in its own folder."""

from pathlib import Path
from typing import Any, cast

from equipoise.base.plain_json import read_json
from equipoise.errors import RunError


def check_shards(folder: Path) -> None:
    """Raise a RunError if an index of weights in a folder names a file by more than its name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     index = Path(name) / "model.safetensors.index.json"
    ...     _ = index.write_text('{"weight_map": {"w": "../other.safetensors"}}')
    ...     check_shards(Path(name))
    Traceback (most recent call last):
    ...
    equipoise.errors.RunError: `...model.safetensors.index.json` must name files of its own folder, found
    '../other.safetensors'. Use a model whose weights are in one folder.
    """
    for index in sorted(folder.glob("*.index.json")):
        held: Any = read_json(index, RunError)
        shards = cast("dict[str, Any]", held).get("weight_map") if isinstance(held, dict) else None
        if not isinstance(shards, dict):
            raise RunError("damaged-file", f"`{index}` must have the key `weight_map`, an object. Restore it.")
        for shard in dict.fromkeys(map(str, cast("dict[str, Any]", shards).values())):
            if "/" in shard or "\\" in shard or shard in ("", ".", ".."):
                raise RunError(
                    "shard-outside",
                    f"`{index}` must name files of its own folder, found {shard!r:.200}. Use a model whose weights are "
                    "in one folder.",
                )
