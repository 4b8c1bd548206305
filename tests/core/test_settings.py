from dataclasses import dataclass

import pytest

from envs.checks import ConfigError
from lase_jax.core import settings
from lase_jax.core.settings import Inline


@dataclass(frozen=True)
class Engine:
    power: int = 1
    fuel: str = "wood"


@dataclass(frozen=True)
class Electric:
    power: int = 2
    volts: int = 12


@dataclass(frozen=True)
class Car:
    engine: Inline[Engine | Electric] = Engine()
    doors: int = 4


def test_inlined_settings_are_read_as_if_they_stood_beside_the_others():
    car = Car()
    assert settings.inlined(Car) == settings.inlined(car) == ("engine",)
    assert list(settings.items(car)) == [("power", 1), ("fuel", "wood"), ("doors", 4)]
    assert settings.get(car, "fuel") == "wood" and settings.get(car, "engine") == Engine()
    with pytest.raises(ConfigError, match="field of Car is 'doorz': did you mean 'doors'"):
        settings.get(car, "doorz")


def test_inlined_settings_are_changed_by_the_same_names():
    assert settings.changed(Car(), dict(power=5, doors=2)) == Car(Engine(5), 2)
    assert settings.changed(Car(), dict(engine=Electric())) == Car(Electric())
    assert settings.changed(Car(), dict(volts=9, engine=Electric())) == Car(Electric(volts=9))
    assert settings.changed(Car(), {}) == Car()


@pytest.mark.parametrize("name", ["volts", "powr"])
def test_names_that_do_not_exist_are_refused(name):
    with pytest.raises(ConfigError, match=f"field of wagon is '{name}': .*power"):
        settings.changed(Car(), {name: 1}, "field of wagon")


def test_what_does_not_fit_is_left_out_where_that_is_asked_for():
    assert settings.fitting(Car(), dict(volts=9, power=3)) == Car(Engine(3))
