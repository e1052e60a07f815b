"""Two ranks weigh tasks as one does: same losses, gradients, trained weights and state."""

import pytest
from numpy.testing import assert_allclose
from tests.distributed.test_hf_ranks import launch
from tests.support.faults import hf_jobs

pytestmark = [pytest.mark.distributed, pytest.mark.slow]

STEPS = {"max_steps": 4, "optim": "sgd"}
CHOICES = ["uncertainty", {"name": "dwa", "steps_per_epoch": 1}, "rlw", {"name": "famo", "learning_rate": 0.5}]


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> list:
    folder = tmp_path_factory.mktemp("tasks")
    jobs = [
        {"folder": f"{folder}/{number}", "task_weighting": choice, "batch": 2, "accumulation": 2, "options": STEPS}
        for number, choice in enumerate(CHOICES)
    ]
    return launch(folder, "jobs", jobs)


@pytest.mark.parametrize("number", range(len(CHOICES)), ids=["uncertainty", "dwa", "rlw", "famo"])
def test_two_ranks_train_as_one(tmp_path, found, number) -> None:
    alone = hf_jobs.run(str(tmp_path), task_weighting=CHOICES[number], batch=8, options=STEPS)
    for rank in found[number]:
        assert_allclose(rank["losses"], alone["losses"], rtol=1e-5)
        assert_allclose(rank["norms"], alone["norms"], rtol=1e-5)
        assert_allclose(rank["parameters"], alone["parameters"], rtol=1e-5, atol=1e-6)
