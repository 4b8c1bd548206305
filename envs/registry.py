"""The registry of games: all settings by name, those of this project and registered ones."""

from typing import Any

from envs import checks
from envs.box_trapped import BoxTrapped
from envs.cleanup import Cleanup
from envs.cleanup_ssd import CleanupSsd
from envs.coin_game import CoinGame
from envs.contract import require_game
from envs.escape_room import EscapeRoom
from envs.harvest_ssd import HarvestSsd
from envs.matrix import Matrix
from envs.menu import Menu
from envs.snowdrift import Snowdrift
from envs.stag_hunt import StagHunt
from envs.types import Env, GameConfig

READY: dict[str, GameConfig] = {
    "box_ring": BoxTrapped(outside=0, horizon=10, open_cost=1.0),
    "box_trapped": BoxTrapped(),
    "cleanup": Cleanup(),
    "cleanup_10x10": CleanupSsd(
        map="10x10",
        num_agents=2,
        horizon=50,
        start="fixed",
        turning=False,
        fire=False,
        apple_spawn_probability=0.3,
    ),
    "cleanup_7x7": CleanupSsd(
        map="7x7",
        num_agents=2,
        radius=4,
        horizon=50,
        start="fixed",
        turning=False,
        fire=False,
        apple_spawn_probability=0.5,
        threshold_depletion=0.6,
    ),
    "cleanup_extn": Cleanup(
        num_agents=8,
        rows=12,
        columns=12,
        river_rows=3,
        orchard_rows=3,
        radius=3,
        horizon=150,
        initial_waste=18,
    ),
    "cleanup_small": CleanupSsd(
        map="10x10", num_agents=3, radius=4, horizon=100, apple_spawn_probability=0.3
    ),
    "cleanup_ssd": CleanupSsd(),
    "coingame": CoinGame(),
    "coingame_3x3": CoinGame(
        rows=3,
        columns=3,
        radius=1,
        horizon=150,
        torus=True,
        contest="first",
        colours="in_turn",
        free_cells=True,
    ),
    "escape_room": EscapeRoom(),
    "escape_room_3": EscapeRoom(num_agents=3, levers=2),
    "harvest_small": HarvestSsd(
        map="9x13",
        num_agents=3,
        radius=4,
        horizon=200,
        spawn_probabilities=(0.0, 0.02, 0.08, 0.2),
    ),
    "harvest_ssd": HarvestSsd(),
    "ipd": Matrix(),
    "iterated_harmony": Matrix(sucker=0.2, temptation=0.8),
    "iterated_snowdrift": Matrix(sucker=0.2, temptation=1.2),
    "iterated_stag_hunt": Matrix(sucker=-0.2, temptation=0.8),
    "matching_pennies": Matrix(
        reward=1.0,
        sucker=-1.0,
        temptation=-1.0,
        punishment=1.0,
        second=(-1.0, 1.0, 1.0, -1.0),
    ),
    "ssg": Snowdrift(),
    "ssg_extn": Snowdrift(num_agents=8, rows=12, columns=12, radius=3, horizon=75, num_drifts=12),
    "ssh": StagHunt(),
    "ssh_strict": StagHunt(hunt="choose"),
}
"""The games of this project."""
GAMES: Menu[GameConfig] = Menu("game", READY, "lase_jax.games", require_game)
"""All games: these, registered ones, and entry points of installed packages."""


def register(name: str, settings: GameConfig, replace: bool = False) -> None:
    """Puts a game on the menu: whatever takes the name of a game then takes this one.

    Its class must be a frozen dataclass in a module (not in a script that is run as ``__main__``),
    so that other processes can find it: a run's config.json names it as ``module:qualname``. On the
    command line ``--plugin module`` imports the module that registers.

    Args:
        name: as it is typed, e.g. after ``--env``.
        settings: the game's settings, see `envs.types.GameConfig`.
        replace: whether a game of that name makes room.

    Raises:
        ConfigError: the name is taken, or the game breaks the contract of `envs.types`.
    """
    GAMES.register(name, settings, replace)


def names() -> tuple[str, ...]:
    """Names of all games, sorted."""
    return tuple(sorted(GAMES))


def config(name: str, /, **overrides: Any) -> GameConfig:
    """The settings of a game of the menu, with some fields replaced.

    Raises:
        ConfigError: unknown name or field (the message suggests the nearest), or an invalid value.
    """
    return checks.pick("game", GAMES, name, overrides)


def make(name: str, /, **overrides: Any) -> Env:
    """Builds a game of the menu: ``make("ssh", rows=5, columns=5)``. Raises as `config` does."""
    settings = config(name, **overrides)
    env = settings.build()
    return env if env.settings else env._replace(settings=settings)
