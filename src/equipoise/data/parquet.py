"""Parquet files, of which only the wanted columns are read."""

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from equipoise.data.compressed import opened, too_large
from equipoise.data.limits import DEFAULT_LIMITS, Limits
from equipoise.data.source import missing_column
from equipoise.errors import DataError, EquipoiseError


@dataclasses.dataclass(frozen=True, slots=True)
class Parquet:
    """A `.parquet` file, gzipped or not."""

    path: Path
    batch_rows: int = 1 << 16
    split: str | None = None
    limits: Limits = DEFAULT_LIMITS

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Iterator[pa.Table]:
        """Stream the columns.

        Raises
        ------
        DataError
            A required column is missing, or the file is not Parquet.
        """
        with self._opened() as file:
            found: list[str] = file.schema_arrow.names
            for name in required:
                if name not in found:
                    raise missing_column(self.name, name, found)
            names = [name for name in dict.fromkeys((*required, *optional)) if name in found]
            for name in names:
                if found.count(name) > 1:
                    raise DataError(f"{self.path}: there are two columns `{name}`. Rename one.")
            most = left = self.limits.unpacked_bytes(self.path.stat().st_size)
            # What the file says of its own sizes is not asked: Arrow ends the process where such metadata are broken.
            for batch in file.iter_batches(batch_size=self.batch_rows, columns=names):
                left -= batch.nbytes
                if left < 0:
                    raise too_large(self.path, most)
                yield pa.Table.from_batches([batch])

    def place(self, row: int) -> str:
        """Where a row (counted from 0) is found; the first row of a file is row 1."""
        return f"{self.path}: row {row + 1}"

    @contextlib.contextmanager
    def _opened(self) -> Generator[pyarrow.parquet.ParquetFile]:
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(opened(self.path, self.limits))
            if self.path.suffix.lower() == ".gz":
                # Parquet is read from its end, so a gzipped one is unpacked to disk first.
                unpacked = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(source, unpacked)
                source = unpacked
            try:
                yield stack.enter_context(pyarrow.parquet.ParquetFile(source))
            except EquipoiseError:
                raise
            except Exception as error:  # Arrow's errors are of a dozen classes, Python's own among them
                raise DataError(f"{self.path}: cannot be read as Parquet ({error}).") from error
