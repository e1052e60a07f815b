"""Pad encoded examples to one batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
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
            reason = "A token id would be trained on; leave the default of -100."
            raise ConfigError("bad-padding", f"`label_pad` must be negative, found {self.label_pad}. {reason}")
        if self.pad_to_multiple_of is not None and self.pad_to_multiple_of < 1:
            found = f"found {self.pad_to_multiple_of}"
            raise ConfigError("bad-padding", f"`pad_to_multiple_of` must be a positive integer or None, {found}.")

    def __call__(self, items: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Collate examples.

        Parameters
        ----------
        items : sequence of dict
            Items of `EncodedExamples`; those of a stream have no `row`.

        Returns
        -------
        dict of str to Tensor
            `input_ids`, `attention_mask`, `labels`: Tensor of int64, shape (B, T); `task_id`, `label_id`, `row`:
            Tensor of int64, shape (B,), `row` where items have it; `example_weight`: Tensor of float32, shape (B,).
        """
        multiple = self.pad_to_multiple_of or 1
        inputs, mask = pad_rows([item["input_ids"] for item in items], self.pad_id, multiple)
        labels, _ = pad_rows([item["labels"] for item in items], self.label_pad, multiple)
        weights = torch.tensor([item["example_weight"] for item in items], dtype=torch.float32)
        names = [name for name in INTEGER_COLUMNS if name != "row" or "row" in items[0]]
        columns = {name: torch.tensor([item[name] for item in items], dtype=torch.int64) for name in names}
        return {"input_ids": inputs, "attention_mask": mask, "labels": labels, "example_weight": weights, **columns}


def pad_rows(rows: Sequence[Any], pad: int, multiple: int = 1) -> tuple[Tensor, Tensor]:
    """Pad token sequences on the right, to a multiple of tokens.

    Returns
    -------
    tokens, mask : Tensor of int64, shape (rows, width)
        The mask is 1 at tokens, 0 at padding.
    """
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    filled = np.arange(-(-int(lengths.max(initial=0)) // multiple) * multiple) < lengths[:, None]
    padded = np.full(filled.shape, pad, np.int64)
    padded[filled] = np.concatenate([np.empty(0, np.int64), *rows])
    return torch.from_numpy(padded), torch.from_numpy(filled.astype(np.int64))
