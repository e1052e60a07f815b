"""c_y times -log softmax(z)_y: class weights, taking into account what the sampler has done already."""

from dataclasses import dataclass

from equipoise.errors import PlanError
from equipoise.losses.labels.base import LabelLoss, LabelTerms
from equipoise.losses.labels.cross_entropy import cross_entropy
from equipoise.losses.labels.priors import FloatArray, LabelPriors
from equipoise.weights import ClassWeights


@dataclass(frozen=True)
class Weighted(LabelLoss):
    """Cross-entropy with class weights.

    The scheme decides which shares s_c, proportional to n_c w_c, the loss sees. What the sampler has
    changed is taken into account: c = s/p*, which makes s/q together with the importance weights. With a
    plan that is drawn by the same scheme, c is 1. Its optimum is that of sampling by the scheme: the natural
    log-odds plus log w.

    Class weights bend the optimum only where the model cannot fit the training data; once it does, their
    effect fades (Byrd and Lipton 2019).

    Parameters
    ----------
    weights : ClassWeights
        Any scheme of `equipoise.weights`.
    on_top : bool
        Multiply by w_c whatever was drawn. After a sampler that has balanced the labels already, this
        corrects twice.

    Raises
    ------
    PlanError
        If `weights` is not a scheme.

    References
    ----------
    King and Zeng (2001), "Logistic Regression in Rare Events Data". Byrd and Lipton (2019), "What is the
    Effect of Importance Weighting in Deep Learning?".

    Examples
    --------
    >>> from equipoise import Census, Plan
    >>> from equipoise.weights import Balanced
    >>> census = Census.from_counts({"mood": {"glad": 75, "sad": 25}})
    >>> for plan in Plan.build(census, weights="natural"), Plan.build(census, weights=Balanced()):
    ...     Weighted(Balanced()).prepare(LabelPriors.of(plan, "mood")).class_weights.round(3).tolist()
    [0.667, 2.0]
    [1.0, 1.0]
    """

    name = "weighted"

    weights: ClassWeights
    on_top: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.weights, ClassWeights):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise PlanError(
                "not-class-weights",
                f"`weights` must be class weights, found {self.weights!r}. Use for example Balanced().",
            )

    @property
    def named_tasks(self) -> frozenset[str]:
        """The tasks that the scheme names."""
        return self.weights.named_tasks

    @property
    def replaces_target(self) -> bool:
        """Unless the weights come on top, they decide which shares the loss sees."""
        return not self.on_top

    @property
    def assumes_natural_shares(self) -> bool:
        """Weights on top count from the natural shares."""
        return self.on_top

    def prepare(self, priors: LabelPriors) -> LabelTerms:
        """Return the loss of one task."""
        return LabelTerms(cross_entropy, priors.weights_by(self.weights, self.on_top))

    def learned_prior(self, priors: LabelPriors, /) -> FloatArray:
        """Return s."""
        return priors.target * priors.weights_by(self.weights, self.on_top)
