"""Sources that are read in order have one mixture."""

from equipoise.errors import PlanError
from equipoise.plan import Plan


def checked_plan(plan: Plan) -> Plan:
    """Return the plan, or raise a PlanError if it is something else, such as a schedule."""
    if not isinstance(plan, Plan):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise PlanError(
            "not-a-plan",
            f"the plan of sources that are read in order must be a Plan, found {plan!r:.80}. Use the plan of one stage "
            "of a schedule, or a PlanSampler where rows can be read in any order.",
        )
    return plan
