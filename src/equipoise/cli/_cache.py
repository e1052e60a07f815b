"""`equipoise cache`: what is in the cache directory, and how to empty it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from equipoise.cli import _options as options
from equipoise.cli._app import print_json, print_rows

Clear = Annotated[bool, typer.Option("--clear", help="Remove everything; it is made again when it is needed.")]
EXAMPLES = ("equipoise cache", "equipoise cache --clear")
_KINDS = {"rows": "rows of files", "tokens": "tokens of rows"}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def cache(cache_dir: options.CacheDir, clear_: Clear = False, as_json: options.Json = False) -> None:
    """List what is kept of files that were read, or remove it.

    Rows and their tokens are kept for the next command on the same data. Do not remove them while a training reads
    them.
    """
    from equipoise.data.cache import clear, entries

    found = clear(cache_dir) if clear_ else entries(cache_dir)
    total = sum(entry.size for entry in found)
    summary = f"{len(found)} {'entry' if len(found) == 1 else 'entries'}, {_size(total)}"
    if as_json:
        shown = [{"folder": str(each.folder), "kind": each.kind, "bytes": each.size} for each in found]
        print_json({"cache_dir": str(cache_dir), "removed" if clear_ else "entries": shown, "bytes": total})
        return
    if clear_:
        typer.echo(f"Removed {summary}, from {cache_dir}.")
        return
    rows = [
        [
            each.folder.name,
            _KINDS[each.kind],
            datetime.fromtimestamp(each.opened, UTC).astimezone().strftime("%Y-%m-%d %H:%M"),
            _size(each.size),
        ]
        for each in found
    ]
    if rows:
        print_rows(f"Cache in {cache_dir}", ["entry", "what it holds", "last opened", "size"], rows)
    typer.echo(f"{summary}, in {cache_dir}.")


def _size(size: float) -> str:
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {_UNITS[unit]}"
