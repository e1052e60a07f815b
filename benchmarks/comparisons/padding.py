"""How much of what is trained on is padding, batches sorted by length beside plain shuffling."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise import LengthSorted, Mixed, OneTask, Quota, TokenBatches
from equipoise.drawing import Batches

from .notes import MEDIAN, SIGMA
from .summary import Section, met, table
from .texts import BATCH, MAX_INPUT, WINDOW, Texts, icd_notes, multi_diagnosis

BAR = 0.95
_SPAN = BATCH * WINDOW


@dataclass(frozen=True)
class Filled:
    """Parts of the tokens that are no padding: of all, of the encoder's and of the decoder's."""

    both: float
    inputs: float
    targets: float

    def __str__(self) -> str:
        return f"{100 * self.both:.1f} ({100 * self.inputs:.1f} / {100 * self.targets:.1f})"


def filled(batches: Iterable[Sequence[int]], inputs: NDArray[np.int64], targets: NDArray[np.int64]) -> Filled:
    """Pad inputs and targets each to the longest of their batch, as the collator does.

    Examples
    --------
    >>> filled([[0, 1], [2]], np.array([6, 3, 9]), np.array([2, 1, 4]))
    Filled(both=0.8620689655172413, inputs=0.8571428571428571, targets=0.875)
    """
    tokens, padded = np.zeros(2), np.zeros(2)
    for batch in batches:
        lengths = np.stack([inputs[batch], targets[batch]])
        tokens += lengths.sum(axis=1)
        padded += len(batch) * lengths.max(axis=1)
    return Filled(float(tokens.sum() / padded.sum()), *(tokens / padded).tolist())


def batches_of(rows: Iterable[int]) -> Iterator[list[int]]:
    """Cut a stream of rows into batches."""
    yield from np.fromiter(rows, np.int64).reshape(-1, BATCH).tolist()


def section(*, quick: bool) -> Section:
    datasets = [multi_diagnosis("numbers"), multi_diagnosis("binned"), icd_notes(short=True), icd_notes(short=False)]
    windows = 2 if quick else 16
    lines = [line for texts in datasets for line in _of(texts, windows * _SPAN)]
    head = (
        "",
        "batches",
        "plain shuffling",
        "LengthSorted by input",
        f"at least {100 * BAR:.0f} %",
        "LengthSorted by input + target",
        "TokenBatches by input",
        f"at least {100 * BAR:.0f} %",
        "its batches for one of the others",
        "its examples a batch",
    )
    text = f"""## Padding

Non-padding tokens in percent, of all (of the encoder's / of the decoder's): inputs and targets padded each to the
longest of their batch. Training rows drawn by the demo's plan (equal tasks, square-root class weights),
{windows * _SPAN:,} draws, batches of {BATCH}, windows of {WINDOW} batches unless said otherwise. TokenBatches: windows
of as many draws, its budget the input tokens of {BATCH} average draws. The bar is {100 * BAR:.0f} % with `Mixed`
batches.

{table(head, lines)}

| | input tokens of a draw: least, 5 %, median, 95 %, most | target tokens: least, median, most | inputs cut, % |
| --- | --- | --- | --- |
{chr(10).join(_spread(texts) for texts in datasets)}

Descriptions of ICD-10-CM codes are short and alike in length. A note joins descriptions of one task and label, as
many as a log-normal number says (median {MEDIAN}, sigma {SIGMA}; seed 0); there is one for each training row, cut at
{MAX_INPUT} tokens. Targets in full are the names of chapters and blocks; short ones are their numbers, as verbalisers.

What differs: `Quota` may only change examples of one stratum for one another, so that every batch still holds long
and short tasks. `OneTask` sorts each task by itself, among the batches that it has in the window. Targets in full are
as long in a batch of short notes as in one of long notes, and one number a row cannot sort by both."""
    return Section(text, ["equipoise", "transformers", "numpy"])


def _of(texts: Texts, draws: int) -> Iterator[list[str]]:
    tasks = len(texts.encoded.tasks)
    kinds: list[tuple[str, Batches, int]] = [
        ("Mixed", Mixed(), WINDOW),
        ("Quota", Quota(BATCH), WINDOW),
        ("OneTask", OneTask(BATCH), WINDOW),
        (f"OneTask, window {WINDOW} x {tasks} tasks", OneTask(BATCH), WINDOW * tasks),
    ]
    for name, batches, window in kinds:
        yield [texts.title, name, *_compared(texts, draws, batches, window)]


def _compared(texts: Texts, draws: int, batches: Batches, window: int) -> Iterator[str]:
    inputs, targets = texts.inputs, texts.targets
    judged = isinstance(batches, Mixed)
    yield str(filled(batches_of(texts.sampler(draws, batches)), inputs, targets))
    for lengths in (inputs, inputs + targets):
        rows = LengthSorted(texts.sampler(draws, batches), lengths, BATCH, window)
        found = filled(batches_of(rows), inputs, targets)
        yield str(found)
        if lengths is inputs:
            yield met(found.both >= BAR) if judged else ""
    if isinstance(batches, Quota):
        yield from ["", "", "", ""]
        return
    budgeted = list(TokenBatches(texts.sampler(draws, batches), inputs, texts.budget(), window=window * BATCH))
    found = filled(budgeted, inputs, targets)
    sizes = [len(batch) for batch in budgeted]
    yield str(found)
    yield met(found.both >= BAR) if judged else ""
    yield f"{len(sizes) * BATCH / draws:.2f}"
    yield f"{min(sizes)} to {max(sizes)}"


def _spread(texts: Texts) -> str:
    rows = np.fromiter(texts.sampler(_SPAN * 16), np.int64)
    inputs = np.quantile(texts.inputs[rows], [0, 0.05, 0.5, 0.95, 1], method="inverted_cdf")
    targets = np.quantile(texts.targets[rows], [0, 0.5, 1], method="inverted_cdf")
    cut = texts.encoded.truncated_inputs / len(texts.encoded)
    return f"| {texts.title} | {_listed(inputs)} | {_listed(targets)} | {100 * cut:.1f} |"


def _listed(values: NDArray[np.int64]) -> str:
    return ", ".join(str(value) for value in values.tolist())
