"""The rules of advice: what is asked, what is found in the data or the options, and what follows from it."""

from typing import Final, NamedTuple

from equipoise.compare.advice.measured import (
    FEW_DRAWS,
    LINEAR,
    NATURAL,
    NATURAL_LOG_LOSS,
    PLAN,
    PLAN_LOG_LOSS,
    PLAN_TAU,
    PRETRAINED,
    TAU,
    versus,
)

ALIKE_TASKS: Final = 2.0
"""Tasks are alike if the largest has at most so many times the rows of the smallest."""
EVEN_LABELS: Final = 3.0
"""Labels are nearly even if the largest of each task has at most so many times the rows of its smallest."""
FEW_ROWS: Final = 10
"""With fewer training rows of a label no scheme is known to help."""
FEW_VALIDATION: Final = 10
"""With fewer validation rows of a label, what is chosen on them for it is uncertain."""
LINEAR_ROWS: Final = 50_000
LINEAR_CHARACTERS: Final = 300
"""Up to so many training rows, of up to so many characters, a linear model is measured first."""

QUESTIONS: Final = {
    "tasks": "How many tasks are there, and how even are they?",
    "rarest": "How rare is the rarest label?",
    "probabilities": "Are probabilities needed, or decisions?",
    "draws": "How many draws can be paid for?",
    "model": "Which model?",
}


class Rule(NamedTuple):
    """What follows from an answer.

    Attributes
    ----------
    question : str
        A key of `QUESTIONS`.
    name : str
        The name of the rule, in JSON.
    found : str
        The answer to which it applies.
    advice : str
        What to do.
    because : str
        The reason, with the measured numbers that it has.
    """

    question: str
    name: str
    found: str
    advice: str
    because: str


RULES: Final = {
    rule.name: rule
    for rule in (
        Rule(
            "tasks",
            "one-task",
            "one task",
            "leave `rates` at `equal`",
            "mixing rates have no effect on one task",
        ),
        Rule(
            "tasks",
            "alike-tasks",
            f"several tasks, the largest at most {ALIKE_TASKS:g} times the smallest",
            "leave `rates` at `equal`",
            "equal rates are then nearly those of the data",
        ),
        Rule(
            "tasks",
            "uneven-tasks",
            f"several tasks, the largest more than {ALIKE_TASKS:g} times the smallest",
            "`rates: equal`",
            "under natural sampling the largest tasks take most draws; equal rates and square-root weights are the plan"
            f" whose macro-F1, against natural sampling, was {versus(PLAN, NATURAL)}",
        ),
        Rule(
            "rarest",
            "no-labels",
            "no labels, only open-ended tasks",
            "leave `weights` out",
            "class weights are for labels",
        ),
        Rule(
            "rarest",
            "even-labels",
            f"the largest label of every task has at most {EVEN_LABELS:g} times the rows of its smallest",
            "`weights: natural`",
            "there is little to balance, and natural sampling keeps probabilities as they are",
        ),
        Rule(
            "rarest",
            "rare-labels",
            f"otherwise, more than {EVEN_LABELS:g} times",
            "`weights: sqrt`",
            f"with these and equal rates macro-F1, against natural sampling, was {versus(PLAN, NATURAL)}; schedules and"
            " feedback rules were no better",
        ),
        Rule(
            "rarest",
            "few-rows",
            f"besides, a label has fewer than {FEW_ROWS} training rows",
            "collect rows of it",
            "a plan repeats rows and cannot replace them; how well such a label is found, few test rows cannot show",
        ),
        Rule(
            "probabilities",
            "probabilities",
            "probabilities",
            "decide by `log_loss`, and calibrate the model that is chosen",
            "a plan shifts probabilities towards rare labels, and calibration, which knows the plan, shifts them back:"
            f" calibrated, its log-loss, against natural sampling, was {versus(PLAN_LOG_LOSS, NATURAL_LOG_LOSS)}",
        ),
        Rule(
            "probabilities",
            "decisions",
            "decisions",
            "decide by `macro_f1`, answers as trained; `compare` tries tau and thresholds beside them",
            f"tau on the plan had a macro-F1, against none, of {versus(PLAN_TAU, PLAN)}; on natural sampling {TAU[0]}"
            f" and {TAU[1]}, which costs no training and does not replace drawing rare labels",
        ),
        Rule(
            "draws",
            "few-draws",
            "fewer than 10,240, for a model from scratch",
            "more draws before other schemes, though rows repeat",
            f"on multi-diagnosis such a model had with 10,240 draws {FEW_DRAWS[1]} by the plan and {FEW_DRAWS[0]} by"
            f" natural sampling, with 40,960 {PLAN[0]} and {NATURAL[0]}",
        ),
        Rule(
            "draws",
            "many-passes",
            "enough that the rows of a label are repeated more than 20 times",
            "watch validation scores of that label, or limit its passes",
            'beyond 20 passes a rare part gained little in studies of pretraining (see "Passes" on the page "Methods")',
        ),
        Rule(
            "draws",
            "enough-draws",
            "otherwise",
            "keep them",
            "no row is repeated often",
        ),
        Rule(
            "model",
            "linear-first",
            f"any, with at most {LINEAR_ROWS:,} training rows of at most {LINEAR_CHARACTERS} characters on average",
            "measure TF-IDF with logistic regression and balanced class weights first",
            f"that linear model had {LINEAR[0]} on multi-diagnosis, {LINEAR[1]} on ICD-10-CM and {LINEAR[2]} on medical"
            f" codes; small models from scratch with the plan had {PLAN[0]} and {PLAN[1]} on the first two",
        ),
        Rule(
            "model",
            "from-scratch",
            "from scratch, as `tiny` is",
            "take a pretrained model for use",
            "the numbers here are of such models; they show what schemes do, not what can be reached",
        ),
        Rule(
            "model",
            "pretrained",
            "pretrained",
            "compare with natural sampling before all else",
            f"on ICD-10-CM a pretrained MiniLM had {PRETRAINED[1]} by the plan and {PRETRAINED[0]} by natural sampling"
            " after 5,120 draws; the other numbers here are of models from scratch",
        ),
    )
}
