"""Score every label of a task by the likelihood of its target, or generate labels and texts."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from equipoise.collate import Tokenizer, label_tokens
from equipoise.collate.labels import target_texts
from equipoise.collate.open_inputs import is_open, padding, target_end
from equipoise.data import Task
from equipoise.errors import ConfigError
from equipoise.models.batches import Tokens, by_distinct
from equipoise.models.prefixes import PrefixTree
from equipoise.models.search import SearchTree
from equipoise.models.text_model import text_model

Found = TypeVar("Found", int, str)


class LabelScorer:
    """Score and generate the labels of tasks with a model.

    Each distinct input is read once, and each distinct prefix of the labels is computed once (see `PrefixTree`).

    Parameters
    ----------
    model : torch.nn.Module
        A model as for `text_model`. Its mode is left as it was.
    tokenizer : Tokenizer
        The tokenizer of the model.
    tasks : mapping of str to Task
        The tasks to ask about.
    most_logits : int, optional
        The most logits to hold at once. The default is 2**23 (32 MiB) on a CPU, whose caches larger arrays
        leave, and 2**27 (512 MiB) elsewhere.

    Examples
    --------
    >>> import torch
    >>> from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration
    >>> from equipoise.data import Task
    >>> tokenizer = ByT5Tokenizer()
    >>> with torch.random.fork_rng():
    ...     model = T5ForConditionalGeneration(T5Config(
    ...         vocab_size=len(tokenizer), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
    ...         decoder_start_token_id=0))
    >>> scorer = LabelScorer(model, tokenizer, {"tone": Task("tone", "classification", ("bad", "good"))})
    >>> log_probs = scorer.log_probs("tone", [tokenizer("tone: fine").input_ids])
    >>> log_probs.shape, bool((log_probs < 0).all())
    ((1, 2), True)
    """

    def __init__(
        self, model: nn.Module, tokenizer: Tokenizer, tasks: Mapping[str, Task], *, most_logits: int | None = None
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.tasks = dict(tasks)
        self.most_logits = most_logits
        self._asked = text_model(model)
        self._pad_id, self._end_id = padding(tokenizer), target_end(tokenizer)
        self._labels: dict[str, tuple[list[list[int]], PrefixTree]] = {}
        self._searched: dict[str, SearchTree] = {}

    def log_probs(
        self, task: str, inputs: Sequence[Tokens], *, batch_tokens: int = 8192, length_norm: float = 0.0
    ) -> NDArray[np.float64]:
        """Return the log-likelihood of every label for every input.

        Parameters
        ----------
        task : str
            A classification task.
        inputs : sequence of token id sequences
            Tokenised inputs, as returned by `EncodedExamples.inputs`.
        batch_tokens : int
            The most padded tokens of inputs that the model sees at once.
        length_norm : float
            Divide by the number of the label's tokens (with the end of sequence) to this power. 0 leaves
            the sum, which is the log-probability of the label's target; 1 is the mean per token, a heuristic that
            is not a log-probability.

        Returns
        -------
        ndarray of float64, shape (inputs, labels)
            In the order of the inputs and of the task's labels.

        Raises
        ------
        ConfigError
            If the task is unknown or open-ended.
        DataError
            If two labels cannot be told apart by their tokens.

        References
        ----------
        Liu et al. (2022), "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than
        In-Context Learning" (rank classification, length normalisation).
        """
        _, tree = self._labels_of(task)
        score = partial(self._asked.label_log_probs, tree=tree, pad_id=self._pad_id, most_logits=self.most_logits)
        scores = by_distinct(self.model, inputs, batch_tokens, score)
        return np.reshape(scores, (len(inputs), len(tree.label_lengths))) / tree.label_lengths**length_norm

    def prefixes(self, task: str) -> int:
        """Return the number of distinct prefixes of a task's labels: what `log_probs` computes for each input."""
        return self._labels_of(task)[1].prefixes

    def best_labels(
        self, task: str, inputs: Sequence[Tokens], *, batch_tokens: int = 8192, length_norm: float = 0.0
    ) -> NDArray[np.int64]:
        """Return the label of the highest log-likelihood for every input, without computing those of all labels.

        The log-probability of a beginning of a label bounds those of all labels that begin with it, so a best-first
        search ends as soon as no beginning is more probable than the best label found. The answer is exact: that of
        `log_probs(...).argmax(axis=1)`, the first of equal labels included. Floating point is the one difference: the
        last bits of a log-probability depend on what else is in a batch, so two labels that differ by no more than
        that may change places.

        Parameters
        ----------
        task, inputs, batch_tokens, length_norm
            As for `log_probs`, with its errors.

        Returns
        -------
        ndarray of int64, shape (inputs,)
            Positions in the task's labels.

        References
        ----------
        Hart, Nilsson and Raphael (1968), "A Formal Basis for the Heuristic Determination of Minimum Cost Paths"
        (best-first search; here with the bound 0 on what is left of a label).
        """
        _, tree = self._labels_of(task)
        if task not in self._searched:
            self._searched[task] = SearchTree.build(tree)
        search = partial(
            self._asked.best_labels,
            tree=self._searched[task],
            pad_id=self._pad_id,
            length_norm=length_norm,
            most_logits=self.most_logits,
        )
        return np.array(by_distinct(self.model, inputs, batch_tokens, search), np.int64)

    def constrained_generate(
        self, task: str, inputs: Sequence[Tokens], *, beams: int = 1, batch_tokens: int = 8192
    ) -> NDArray[np.int64]:
        """Generate one of the task's labels for every input; anything else is impossible.

        With one beam the choice is greedy, token by token, and need not be the label of the highest likelihood,
        which `best_labels` finds.

        Parameters
        ----------
        task : str
            A classification task.
        inputs : sequence of token id sequences
            Tokenised inputs, as returned by `EncodedExamples.inputs`.
        beams : int
            The width of the beam search.
        batch_tokens : int
            The most padded tokens of inputs that the model sees at once.

        Returns
        -------
        ndarray of int64, shape (inputs,)
            Positions in the task's labels.

        Raises
        ------
        ConfigError
            If the task is unknown or open-ended.
        DataError
            If two labels cannot be told apart by their tokens.
        """
        targets, _ = self._labels_of(task)
        longest = max(map(len, targets))
        label_of = {tuple(target): label for label, target in enumerate(targets)}
        allowed = _allowed_tokens(targets, self._pad_id)
        tokens = self._generate(inputs, batch_tokens, max_new_tokens=longest, beams=beams, allowed=allowed)
        return np.array([_at_start(ids[:longest], label_of) for ids in tokens], np.int64)

    def generate(
        self,
        inputs: Sequence[Tokens],
        *,
        labels_of: str | None = None,
        max_new_tokens: int = 64,
        beams: int = 1,
        batch_tokens: int = 8192,
    ) -> list[str]:
        """Generate a text for every input, without constraints.

        Parameters
        ----------
        inputs, batch_tokens
            As for `log_probs`.
        labels_of : str, optional
            A classification task: where a text is the target of one of its labels, the label is returned. Its tokens
            count, so a label that is another text once it is decoded is found as well.
        max_new_tokens : int
            The most tokens of a text.
        beams : int
            The width of the beam search; 1 is greedy.

        Returns
        -------
        list of str
            In the order of the inputs, without special tokens.
        """
        tokens = self._generate(inputs, batch_tokens, max_new_tokens=max_new_tokens, beams=beams)
        texts: list[str] = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in tokens]
        if is_open(self.tokenizer):
            texts = [text.removeprefix(" ") for text in texts]  # a target that continues its input begins with a space
        if labels_of is None:
            return texts
        targets, _ = self._labels_of(labels_of)
        task = self.tasks[labels_of]
        label_of = {tuple(target): label for label, target in zip(task.labels, targets, strict=True)}
        written = {
            text.strip(): label for label, text in zip(task.labels, target_texts(task, self.tokenizer), strict=True)
        }
        return [
            written.get(text.strip(), text) if (label := _at_start(ids, label_of)) is None else label
            for ids, text in zip(tokens, texts, strict=True)
        ]

    def _generate(self, inputs: Sequence[Tokens], batch_tokens: int, **options: Any) -> list[list[int]]:
        ask = partial(self._asked.generate, pad_id=self._pad_id, end_id=self._end_id, **options)
        return by_distinct(self.model, inputs, batch_tokens, ask)

    def _labels_of(self, name: str) -> tuple[list[list[int]], PrefixTree]:
        """Return the tokens of a task's labels, and their tree, or refuse a task without labels to tell apart."""
        if name not in self.tasks:
            known = ", ".join(sorted(self.tasks))
            raise ConfigError("unknown-task", f"`task` must be one of {known}, found {name!r}.")
        task = self.tasks[name]
        if task.kind == "open_ended":
            reason = f"`task` must have labels to score, found the open-ended {name!r}. Use `generate`."
            raise ConfigError("open-ended-task", reason)
        if name not in self._labels:
            targets = label_tokens(task, self.tokenizer)
            self._labels[name] = targets, self._asked.prefix_tree(targets)
        return self._labels[name]


def label_probabilities(log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise log-likelihoods over the labels: p(label | x, it is one of the labels).

    Parameters
    ----------
    log_probs : ndarray of float64, shape (inputs, labels)
        A result of `LabelScorer.log_probs`.

    Returns
    -------
    ndarray of float64, shape (inputs, labels)
        Rows that sum to 1.

    Examples
    --------
    >>> label_probabilities(np.log([[0.1, 0.3]])).round(2).tolist()
    [[0.25, 0.75]]
    """
    shifted = np.exp(log_probs - log_probs.max(axis=1, keepdims=True, initial=-np.inf))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _allowed_tokens(targets: Sequence[Sequence[int]], pad_id: int) -> Callable[[tuple[int, ...]], list[int]]:
    """Map the tokens generated so far to those that may follow; only padding follows a whole target."""
    following: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for target in targets:
        for position, token in enumerate(target):
            following[tuple(target[:position])].add(token)
    allowed = {prefix: sorted(tokens) for prefix, tokens in following.items()}
    return lambda generated: allowed.get(generated, [pad_id])


def _at_start(tokens: Sequence[int], label_of: Mapping[tuple[int, ...], Found]) -> Found | None:
    """Return the label whose tokens come first, if there is one; no label begins with another."""
    starts = (tuple(tokens[:length]) for length in range(1, len(tokens) + 1))
    return next((label_of[start] for start in starts if start in label_of), None)
