"""What holds for all tests, doctests too."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore the warning of samplers that repeat their rows often: the data of tests are small, on purpose."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore:The forecast of an epoch"))
