import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import checks
from envs.checks import ConfigError


def accepts(check, *args, **options):
    """Whether a check is content; what it raises otherwise names field and value."""
    try:
        check("field", *args, **options)
    except ConfigError as error:
        start = str(checks.refusal("field", args[0], "")).removesuffix(".")
        assert str(error).startswith(start) and str(error).endswith(".")
        return False
    return True


def test_the_message_names_field_value_and_remedy():
    with pytest.raises(ConfigError) as error:
        checks.require(False, "speed", "fast", "use a number")
    assert str(error.value) == "speed is 'fast': use a number."
    assert isinstance(error.value, ValueError)
    checks.require(True, "speed", "fast", "use a number")


@given(st.integers(), st.integers(), st.integers())
def test_integers_lie_between_both_ends(value, low, high):
    assert accepts(checks.integer, value, low, high) == (low <= value <= high)


def test_no_integer_is_larger_than_int32():
    assert accepts(checks.integer, 2**31 - 1, 0) and not accepts(checks.integer, 2**31, 0)
    with pytest.raises(ConfigError, match="use a whole number, 0 to 2147483647"):
        checks.integer("rows", 10**18, 0)


@pytest.mark.parametrize("value", [1.0, True, "1", None, float("nan")])
def test_integers_are_whole_numbers(value):
    assert not accepts(checks.integer, value, 0)
    assert not accepts(checks.integer, value, 0, 3)


@pytest.mark.parametrize(("high", "remedy"), [(2**31 - 1, "2 or more"), (5, "2 to 5")])
def test_integers_say_their_range(high, remedy):
    with pytest.raises(ConfigError, match=f"use a whole number, {remedy}"):
        checks.integer("rows", 1, 2, high)


@given(st.floats() | st.integers(), st.floats(-9, 9), st.floats(-9, 9), st.booleans())
def test_numbers_are_finite_and_lie_between_both_ends(value, low, high, open_low):
    inside = math.isfinite(value) and low <= value <= high and not (open_low and value == low)
    held = value == 0 or abs(value) >= checks.SMALLEST
    assert accepts(checks.number, value, low, high, open_low) == (inside and held)


@pytest.mark.parametrize(
    "value", ["1", None, True, 1j, float("inf"), float("nan"), 1e38, -(10**400)]
)
def test_numbers_are_real_and_fit_into_float32(value):
    assert not accepts(checks.number, value)


@pytest.mark.parametrize(
    ("ends", "remedy"),
    [
        ((), "[-1e+12, 1e+12]"),
        ((0.0,), "[0, 1e+12]"),
        ((0.0, 1.0), "[0, 1]"),
        ((0.5, 2.0, True), "(0.5, 2]"),
    ],
)
def test_numbers_say_their_interval(ends, remedy):
    with pytest.raises(ConfigError) as error:
        checks.number("rate", float("nan"), *ends)
    assert str(error.value) == f"rate is nan: use a finite number in {remedy}."


@pytest.mark.parametrize(("value", "good"), [(0, True), (1, True), (0.5, True), (-0.1, False)])
def test_probabilities_lie_between_0_and_1(value, good):
    assert accepts(checks.probability, value) == good
    assert accepts(checks.probability, 1 - value) == good


def test_a_choice_is_one_of_its_options():
    assert accepts(checks.choice, "b", ["b", "a"])
    with pytest.raises(ConfigError) as error:
        checks.choice("letter", "zzz", ["b", "a"])
    assert str(error.value) == "letter is 'zzz': use one of a, b."
    with pytest.raises(ConfigError, match=r"did you mean 'cleanup'\? use one of cleanup, ssh\."):
        checks.choice("game", "clenup", iter(["ssh", "cleanup"]))
    with pytest.raises(ConfigError, match=r"did you mean 'ssh'\?"):
        checks.choice("game", "SSH", ["ssh", "cleanup"])
    with pytest.raises(ConfigError, match=r"did you mean 'Clean'\?"):
        checks.choice("game", "clean", ["ssh", "Clean"])


@pytest.mark.parametrize("value", [None, 3, ["a"], math.nan])
def test_a_choice_is_never_of_another_kind(value):
    assert not accepts(checks.choice, value, ["a", "b"])


@pytest.mark.parametrize("value", [1e-46, -1e-40, 5e-324])
def test_numbers_that_would_become_0_are_refused(value):
    assert not accepts(checks.number, value)
    assert accepts(checks.number, 0.0) and accepts(checks.number, 1e-30)


def test_long_values_are_shown_in_part_and_short_ones_in_full():
    with pytest.raises(checks.ConfigError) as error:
        checks.require(False, "out", "x" * 5000, "use a shorter path")
    assert len(str(error.value)) < 300 and "x...x" in str(error.value)
    sizes = tuple(range(12))
    assert str(checks.refusal("layers", sizes, "use one")) == f"layers is {sizes}: use one."
