import pytest

from lase_jax.runs.replays import stages


@pytest.mark.parametrize(
    ("updates", "count", "kept"),
    [
        ([10], 3, [10]),
        ([10, 20], 3, [10, 20]),
        ([10, 20, 30, 40, 50], 3, [10, 30, 50]),
        ([10, 20, 30, 40], 3, [10, 30, 40]),
        ([10, 20, 30, 40], 2, [10, 40]),
        ([10, 20, 30, 40], 1, [40]),
    ],
)
def test_stages_are_spread_from_the_first_to_the_last(updates, count, kept):
    assert stages(updates, count) == kept
