"""Any Trainer of one's own on the stream of a sampler: resumed exactly, on one rank and on several."""
# ruff: noqa: ARG002 - the signatures are those of Trainer

import math
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler
from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import TrainOutput

from equipoise.errors import ConfigError
from equipoise.trainer.arguments import check_stream_arguments, global_batch
from equipoise.trainer.checkpoints.mixin import CheckpointMixin
from equipoise.trainer.checkpoints.position import StreamPosition
from equipoise.trainer.stream import EpochSampler, StreamCallback, check_sampler


class StreamMixin(CheckpointMixin):
    """What puts a `Trainer` on the stream of a sampler; model, loss and evaluation stay the Trainer's.

    ``class MyTrainer(StreamMixin, Seq2SeqTrainer)`` takes one argument more, `sampler`. Optimiser step k trains on
    draws [k G, (k + 1) G) of the stream, with G = batch size x accumulation x ranks. Every checkpoint holds the place
    in the stream, and `train(resume_from_checkpoint=...)` goes on from there exactly, in any epoch and on another
    number of ranks if G stays.

    Parameters
    ----------
    *args, **kwargs
        Those of the Trainer; `train_dataset` among them.
    sampler : sampler with `set_epoch`
        `PlanSampler`, `WeightedSampler`, `LengthSorted`, or any other whose order is a function of seed and epoch.
        It must give the whole stream (`Shard(0, 1)`), the Trainer cuts it, and its length must be whole optimiser
        steps (`whole_steps`).

    Raises
    ------
    ConfigError
        If an argument would break the stream, or the sampler does not fit the dataset or the steps.

    Notes
    -----
    The loss is the Trainer's: transformers divides by the target tokens of the step only where the model's loss takes
    `num_items_in_batch`. Where it does not, as with T5, micro-batches and ranks of unlike length weigh otherwise than
    in one batch; divide in a `compute_loss` of your own, or use `EquipoiseTrainer`.

    Examples
    --------
    >>> from transformers import Seq2SeqTrainer
    >>> class MyTrainer(StreamMixin, Seq2SeqTrainer):
    ...     pass
    """

    def __init__(self, *args: Any, sampler: EpochSampler, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_stream_arguments(self.args)
        dataset: Any = self.train_dataset
        if dataset is None or isinstance(dataset, IterableDataset):
            raise ConfigError(
                f"`train_dataset` must be a dataset with numbered rows, found {type(dataset).__name__}: "
                "a sampler says which rows come next."
            )
        check_sampler(sampler, global_batch(self.args), len(dataset))
        self.sampler = sampler
        self._start = StreamPosition(0, global_batch(self.args), len(sampler), len(dataset), sampler=None)

    def train(
        self,
        resume_from_checkpoint: str | os.PathLike[str] | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train, from the start or from a checkpoint.

        Parameters
        ----------
        resume_from_checkpoint : str, path-like, bool or None
            A checkpoint's folder; or True for the newest whole one in `args.output_dir`, and for a start
            from step 0 when none was completed yet.
        trial, ignore_keys_for_eval
            As in `transformers.Trainer`.

        Returns
        -------
        transformers.trainer_utils.TrainOutput
            Steps done, mean training loss of this call (NaN if no step was left), metrics.

        Raises
        ------
        RunError
            If the output directory cannot be written, or holds another run and none was to be resumed.
        StateError
            If the checkpoint is damaged, or of another plan, seed, dataset, global batch or format.
        """
        with self.around_training():
            checkpoint = self.find_checkpoint(resume_from_checkpoint)
            if checkpoint is not None and self.resume_stream(checkpoint) >= self._planned_steps():
                # The Trainer would train one step more where the end lies inside an epoch.
                self._load_from_checkpoint(str(checkpoint))
                self.state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
                if self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None:
                    self._load_best_model()
                return TrainOutput(self.state.global_step, math.nan, {})
            # Last of all callbacks: it seals the checkpoint. The Trainer would remove older ones before that, and at
            # its end even the newest.
            limit, self.args.save_total_limit = self.args.save_total_limit, None
            self.remove_callback(StreamCallback)
            self.add_callback(StreamCallback(self.sampler, self._start, self.accelerator, keep=limit))
            try:
                return super().train(None if checkpoint is None else str(checkpoint), trial, ignore_keys_for_eval)
            finally:
                self.args.save_total_limit = limit

    def around_training(self) -> AbstractContextManager[None]:
        """Give what `train` runs in; a subclass may prepare something there, and put it back."""
        return nullcontext()

    def resume_stream(self, checkpoint: Path) -> int:
        """Check that a checkpoint is of this stream, and let the sampler go on from there.

        Parameters
        ----------
        checkpoint : pathlib.Path
            Its folder.

        Returns
        -------
        int
            The checkpoint's step.

        Raises
        ------
        StateError
            If it is of another stream, or not whole.
        """
        saved = StreamPosition.read(checkpoint)
        saved.check_same_stream(self._start)
        if saved.sampler is not None and hasattr(self.sampler, "load_state_dict"):
            # Refuses another plan, seed or dataset.
            cast(Any, self.sampler).load_state_dict(saved.sampler)
        return saved.step

    def num_examples(self, dataloader: DataLoader[Any]) -> int:
        """Return how many examples one pass of a loader gives: draws in training, not dataset rows."""
        dataset = dataloader.dataset
        return len(self.sampler) if dataset is self.train_dataset else len(cast(Any, dataset))

    def _planned_steps(self) -> int:
        if self.args.max_steps > 0:
            return self.args.max_steps
        return math.ceil(self.args.num_train_epochs * (self._start.draws_per_epoch // self._start.global_batch))

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        return cast(Sampler[int], self.sampler)
