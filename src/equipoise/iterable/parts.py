"""What a stream is read from: a source that can be read again, or several of them by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from equipoise.base.keys import key, subkeys
from equipoise.base.values import integer
from equipoise.drawing.permutation import Permutations
from equipoise.errors import ConfigError, DataError

Source = Iterable[Any] | Callable[[], Iterable[Any]]
"""Yields the same examples in the same order each time: an iterable that can be iterated again, a function that
returns one, or a Hugging Face IterableDataset."""


class Parts:
    """A source in several parts that can be read alone: its files, or the shards of a Hugging Face dataset.

    Each of several readers (`ShardedStream(..., by="parts")`) then opens only its own parts, and how often an example
    is repeated does not depend on which of them reads it.

    Parameters
    ----------
    parts : mapping of str to source
        By name, in their order. A name identifies its examples: keep it when files are added.
    seed : int, optional
        If given, the parts are read in an order that is new in each pass; otherwise in their own.

    Attributes
    ----------
    names : tuple of str
        Names of the parts, in their order.

    Raises
    ------
    ConfigError
        If there are none, or one cannot be read again.

    Examples
    --------
    >>> from equipoise.iterable import SourceStream
    >>> files = {"a.txt": ["a0", "a1"], "b.txt": ["b0", "b1"]}
    >>> list(SourceStream(Parts({name: lambda lines=lines: iter(lines) for name, lines in files.items()})))
    ['a0', 'a1', 'b0', 'b1']
    """

    def __init__(self, parts: Mapping[str, Source], seed: int | None = None) -> None:
        if not parts:
            raise ConfigError("no-parts", "`parts` must hold at least one source, found none.")
        for name, source in parts.items():
            where = f"part {name!r}" if name else "the source"
            if not isinstance(source, Iterable) and not callable(source):
                message = f"{where} must be an iterable or a function that returns one, found {type(source).__name__}."
                raise ConfigError("not-a-source", message)
            if isinstance(source, Iterator):
                raise ConfigError(
                    "read-only-once",
                    f"{where} must be one that can be read again, found the {type(source).__name__} itself. "
                    "Pass a function that opens it: `lambda: read(path)`.",
                )
        self._sources = dict(parts)
        self.names = tuple(self._sources)
        self.seed = None if seed is None else integer("seed", seed)

    @classmethod
    def of(cls, source: "Source | Parts") -> "Parts":
        """Return the parts themselves, or a source as its only part."""
        return source if isinstance(source, Parts) else cls({"": source})

    @classmethod
    def from_hf(cls, dataset: Any, seed: int | None = None) -> Self:
        """Return the shards of a Hugging Face IterableDataset as parts.

        Parameters
        ----------
        dataset : datasets.IterableDataset
            Not shuffled: its buffer is lost on resuming, unlike that of `ShuffleBuffer`.
        seed : int, optional
            As for the class.

        Examples
        --------
        >>> from datasets import Dataset
        >>> dataset = Dataset.from_dict({"text": list("abcdef")}).to_iterable_dataset(num_shards=3)
        >>> Parts.from_hf(dataset).names
        ('0', '1', '2')
        """
        shards = dataset.num_shards
        return cls({str(i): dataset.shard(num_shards=shards, index=i) for i in range(shards)}, seed)

    def __len__(self) -> int:
        return len(self.names)

    def split(self, lane: int, lanes: int) -> "Parts":
        """Return every `lanes`-th part, starting at `lane`; ConfigError if some reader would have none."""
        if lanes > len(self):
            raise ConfigError(
                "too-few-parts",
                f"The source has {len(self)} parts and {lanes} readers (ranks x workers) divide them, so some "
                'would have none. Use fewer workers, cut the source into more files, or leave by="examples".',
            )
        return Parts({name: self._sources[name] for name in self.names[lane::lanes]}, self.seed)

    def order(self, number: int) -> list[str]:
        """Return the names in the order of a pass."""
        if self.seed is None or len(self) == 1:
            return list(self.names)
        keys = subkeys(key("parts", self.seed), np.array([number]))
        places = Permutations.of(keys, np.array([len(self)])).whole()[0]
        return [self.names[place] for place in places.tolist()]

    def open(self, name: str, seek: Any = None) -> tuple[Iterator[Any], Callable[[], Any]]:
        """Return the examples of a part, and a function that tells its place for `seek`, or None where it cannot."""
        source = self._sources[name]
        if callable(source) and not isinstance(source, Iterable):
            source = source()
        if type(source).__module__.startswith("datasets.") and hasattr(source, "load_state_dict"):
            return _hf_examples(source, seek)
        if seek is not None:
            message = f"Part {name!r} can no longer be opened in its middle. Resume with the source as it was."
            raise DataError("cannot-seek", message)
        return iter(source), lambda: None


def _hf_examples(dataset: Any, seek: dict[str, Any] | None) -> tuple[Iterator[Any], Callable[[], Any]]:
    dataset.load_state_dict(seek or {})  # nothing: from its beginning, also where something was loaded before
    # Inside a worker of a DataLoader `iter(dataset)` would leave out what other workers have; batches of one do not.
    batches = dataset.iter(batch_size=1)
    examples = ({column: values[0] for column, values in batch.items()} for batch in batches)
    return examples, dataset.state_dict
