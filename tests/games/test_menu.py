import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import pytest

import envs
from envs.checks import ConfigError
from envs.contract import require_game
from envs.matrix import Matrix
from envs.menu import Menu, classes_in, qualified, require_settings
from envs.stag_hunt import StagHunt


@pytest.fixture
def menu():
    return Menu("game", {"ready": Matrix()}, "lase_jax.no_such_group", require_game)


@dataclass(frozen=True)
class Inner:
    size: int = 3


@dataclass(frozen=True)
class Own(Matrix):
    inner: tuple[Inner, ...] = (Inner(),)


def test_what_is_registered_is_on_the_menu(menu):
    menu.register("mine", Own())
    assert menu["mine"] == Own() and list(menu) == ["ready", "mine"] and len(menu) == 2
    assert menu.classes() == {qualified(cls): cls for cls in (Own, Inner)}
    assert qualified(Own) == f"{__name__}:Own"


def test_a_name_is_taken_once(menu):
    menu.register("mine", Own())
    menu.register("mine", Own())  # the same again, as when a cell of a notebook is run again
    for name in ("mine", "ready"):
        with pytest.raises(ConfigError, match=f"'{name}': it is taken, use another one or replace"):
            menu.register(name, StagHunt())
    menu.register("mine", StagHunt(), replace=True)
    assert menu["mine"] == StagHunt()


@dataclass
class Changing(Matrix.__base__):
    size: int = 3


class Plain:
    pass


@dataclass(frozen=True)
class Listing:
    sizes: object = dataclasses.field(default_factory=lambda: [1, 2])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Matrix, "register an instance, e.g. MyGame.., not the class"),
        (Plain(), "must be a dataclass, use @dataclass.frozen=True."),
        (Changing(), "its dataclass can change, use @dataclass.frozen=True."),
        (Listing(), r"game x.sizes is \[1, 2\]: use numbers, text, flags, None, tuples"),
    ],
)
def test_settings_are_frozen_dataclasses_of_plain_values(entry, message):
    with pytest.raises(ConfigError, match=message):
        require_settings("game x", entry)


@pytest.mark.parametrize("name", ["my game", "", "a/b", "a,b", 3])
def test_names_are_words(menu, name):
    with pytest.raises(ConfigError, match="use letters, digits and underscores"):
        menu.register(name, Own())


@dataclass(frozen=True)
class Unbuilt:
    version: ClassVar[int] = 1


def broken(**changes):
    """A game whose environment has some parts replaced."""

    class Broken(Matrix):
        def build(self):
            return Matrix.build(self)._replace(**changes)

    return Broken()


def longer(env, **changes):
    """The transition of a game with some parts of its steps replaced."""

    def transition(state, action, draws):
        state, step = env.transition(state, action, draws)
        return state, step._replace(**changes)

    return transition


ENV = Matrix().build()


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (broken(transition=lambda state, action, draws: (state, 1)), "let transition return"),
        (Unbuilt(), "give its class the methods spec.. and build.., see envs.types.GameConfig"),
        (broken(spec=ENV.spec._replace(horizon=7)), "let it return the spec of what is built"),
        (
            broken(reset=lambda key: (ENV.reset(key)[0], jnp.zeros((2, 5)))),
            "obs of reset is 'float",
        ),
        (broken(transition=longer(ENV, reward=jnp.zeros(3))), r"reward is 'float32\[3\]': make it"),
        (broken(transition=longer(ENV, events={})), r"events is \[\]: use those of event_names"),
        (
            broken(transition=lambda state, action, draws: state.nothing),
            "game is 'matrix': it cannot be played .AttributeError",
        ),
        (
            broken(transition=lambda s, a, d: ((1.0, s), ENV.transition(s, a, d)[1])),
            "state after a step is .*: make it State",
        ),
    ],
    ids=["step", "methods", "spec", "obs", "reward", "events", "broken", "state"],
)
def test_what_breaks_the_contract_is_named(game, message):
    with pytest.raises(ConfigError, match=message):
        require_game(game)


@pytest.mark.parametrize("name", envs.names())
def test_our_own_games_keep_the_contract(name):
    require_game(envs.GAMES[name])
    assert envs.make(name).settings == envs.GAMES[name]


def test_a_game_that_does_not_know_its_settings_is_told(monkeypatch):
    class Forgetful(Matrix):
        def build(self):
            return Matrix.build(self)._replace(settings=None)

    monkeypatch.setattr(envs.registry, "GAMES", {"forgetful": Forgetful()})
    assert envs.make("forgetful", horizon=3).settings == Forgetful(horizon=3)


@dataclass(frozen=True)
class Half:
    size: "Missing" = 3  # noqa: F821


def test_types_that_cannot_be_found_are_named():
    with pytest.raises(ConfigError, match="its module must define the types of its fields"):
        classes_in(Half)
