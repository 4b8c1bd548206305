import dataclasses

import pytest

import envs
from envs import ConfigError, registry


def test_names_are_sorted_and_each_is_a_game():
    assert envs.names() == tuple(sorted(envs.GAMES))
    for name in envs.names():
        assert envs.make(name).spec == envs.GAMES[name].spec()


def test_every_kind_of_game_has_a_name_of_its_own():
    kinds = {type(game) for game in envs.GAMES.values()}
    assert len({kind.name for kind in kinds}) == len(kinds)


def test_no_two_names_are_the_same_game():
    settings = [(type(game), dataclasses.astuple(game)) for game in envs.GAMES.values()]
    assert len(set(settings)) == len(settings)


def test_settings_are_changed_in_a_copy():
    changed = envs.config("ssh", rows=5, horizon=7)
    assert (changed.rows, changed.columns, changed.horizon) == (5, 8, 7)
    assert envs.config("ssh") == envs.GAMES["ssh"]
    assert envs.make("ssh", horizon=7).spec.horizon == 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed.rows = 6


@pytest.mark.parametrize("call", [registry.config, registry.make])
@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("shs", {}, "game is 'shs': did you mean 'ssh'"),
        ("chess", {}, "use one of box_ring, box_trapped, cleanup, cleanup_10x10, "),
        ("ssh", {"row": 5}, "field of ssh is 'row': did you mean 'rows'? use one of columns, "),
        ("ssh", {"version": 2}, "field of ssh is 'version': "),
        ("ssh", {"rows": 1}, "rows is 1: use a whole number, 2 to 64."),
    ],
)
def test_mistakes_are_named(call, name, overrides, message):
    with pytest.raises(ConfigError) as error:
        call(name, **overrides)
    assert message in str(error.value)


def test_the_games_of_the_papers_have_their_sizes():
    sizes = {
        "cleanup": (4, 7, (5, 5, 7), 100),
        "cleanup_extn": (8, 7, (7, 7, 11), 150),
        "cleanup_ssd": (5, 9, (15, 15, 13), 1000),
        "coingame": (2, 4, (5, 5, 5), 100),
        "harvest_ssd": (5, 8, (15, 15, 9), 1000),
        "ipd": (2, 2, (5,), 100),
        "ssg": (4, 6, (5, 5, 6), 50),
        "ssg_extn": (8, 6, (7, 7, 10), 75),
        "ssh": (4, 7, (5, 5, 7), 30),
        "ssh_strict": (4, 7, (5, 5, 7), 30),
    }
    for name, size in sizes.items():
        spec = envs.make(name).spec
        assert (spec.num_agents, spec.num_actions, spec.obs_shape, spec.horizon) == size
