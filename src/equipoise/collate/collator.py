"""Pad encoded examples to one batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.errors import ConfigError

INTEGER_COLUMNS = ("task_id", "label_id", "row")


@dataclass(frozen=True)
class Collator:
    """Pad inputs and targets on the right and stack the rest.

    The attention mask comes from the lengths, so a token of an input that equals `pad_id` is attended to.

    Attributes
    ----------
    pad_id : int
        Padding of inputs: the tokenizer's `pad_token_id`.
    label_pad : int
        Padding of targets; losses ignore -100. A pad token id would be trained on.
    pad_to_multiple_of : int or None
        Round both widths up to a multiple, which helps tensor cores and static shapes.

    Raises
    ------
    ConfigError
        If `label_pad` is a token id or `pad_to_multiple_of` is not positive.

    Examples
    --------
    >>> item = dict(task_id=0, label_id=1, example_weight=1.0)
    >>> batch = Collator(pad_id=0)([
    ...     dict(item, input_ids=[5, 6, 1], labels=[7, 1], row=4),
    ...     dict(item, input_ids=[8, 1], labels=[1], row=9),
    ... ])
    >>> batch["input_ids"].tolist(), batch["attention_mask"].tolist()
    ([[5, 6, 1], [8, 1, 0]], [[1, 1, 1], [1, 1, 0]])
    >>> batch["labels"].tolist(), batch["row"].tolist()
    ([[7, 1], [1, -100]], [4, 9])
    """

    pad_id: int
    label_pad: int = -100
    pad_to_multiple_of: int | None = None

    def __post_init__(self) -> None:
        if self.label_pad >= 0:
            raise ConfigError(
                "bad-padding",
                f"`label_pad` must be negative, found {self.label_pad}. "
                "A token id would be trained on; leave the default of -100.",
            )
        if self.pad_to_multiple_of is not None and self.pad_to_multiple_of < 1:
            raise ConfigError(
                "bad-padding",
                f"`pad_to_multiple_of` must be a positive integer or None, found {self.pad_to_multiple_of}.",
            )

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Collate examples.

        Parameters
        ----------
        items : sequence of dict
            Items of `EncodedExamples`.

        Returns
        -------
        dict of str to Tensor
            `input_ids`, `attention_mask`, `labels`: Tensor of int64, shape (B, T); `task_id`, `label_id`, `row`:
            Tensor of int64, shape (B,); `example_weight`: Tensor of float32, shape (B,).
        """
        inputs, mask = self._padded([item["input_ids"] for item in items], self.pad_id)
        labels, _ = self._padded([item["labels"] for item in items], self.label_pad)
        batch = {
            "input_ids": torch.from_numpy(inputs),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
            "labels": torch.from_numpy(labels),
            "example_weight": torch.tensor([item["example_weight"] for item in items], dtype=torch.float32),
        }
        for name in INTEGER_COLUMNS:
            batch[name] = torch.tensor([item[name] for item in items], dtype=torch.int64)
        return batch

    def _padded(self, rows: Sequence[Any], pad: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        step = self.pad_to_multiple_of or 1
        width = -(-int(lengths.max(initial=0)) // step) * step
        filled = np.arange(width) < lengths[:, None]
        padded = np.full((len(rows), width), pad, np.int64)
        padded[filled] = np.concatenate([np.empty(0, np.int64), *rows])
        return padded, filled
