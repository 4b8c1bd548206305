"""The command ``play``: a person takes a seat, in the terminal."""

from collections.abc import Sequence

import numpy as np

import envs
from envs.checks import choice, integer, require
from envs.types import EnvSpec
from lase_jax.cli.options import Play
from lase_jax.cli.output import printable
from lase_jax.cli.parse import parse
from lase_jax.runs import devices, person
from lase_jax.runs.config import MAX_SEED, Kind, Presets, named
from lase_jax.runs.setup import restore_run

LEAVE = ("q", "quit", "exit")
STEER = {"w": "up", "a": "left", "s": "down", "d": "right"}
"""Keys that stand for actions, in games that have these."""


def say(line: str = "") -> None:
    """Prints a line at once."""
    print(printable(line), flush=True)


def play(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``play``: one episode with a person on a seat."""
    del presets
    options = parse(Play, arguments, f"{called} play")
    integer("episode", options.episode, 0, MAX_SEED)
    name, table = _trained(options) if options.run is not None else _scripted(options)
    _episode(name, person.Game(table, options.episode, options.mode))
    return 0


def _scripted(options: Play) -> tuple[str, person.Table]:
    """The game's name and the table."""
    choice("game", options.game, envs.names())
    devices.require_any()
    env = envs.make(options.game)
    for name in options.others:
        choice("others", name, env.scripted)
    kinds = [Kind(name, named(name)) for name in options.others]
    return options.game, person.beside_scripted(env, options.seat, kinds)


def _trained(options: Play) -> tuple[str, person.Table]:
    """The game's name and the table."""
    assert options.run is not None
    require(not options.game, "game", options.game, "the run has its own, leave it out")
    setup, _, carry = restore_run(options.run, say, options.checkpoint)
    seed = setup.seeds[0] if options.seed == -1 else options.seed
    remedy = f"this run has the seeds {setup.seeds[0]} to {setup.seeds[-1]}"
    require(seed in setup.seeds, "seed", options.seed, remedy)
    table = person.beside_trained(setup, carry, setup.seeds.index(seed), options.seat)
    return setup.config.env, table


def _episode(name: str, game: person.Game) -> None:
    """Asks for an action in every step, until the episode ends or the person leaves."""
    table = game.table
    spec = table.env.spec
    say(f"You are agent {table.seat} of {name}, {spec.horizon} steps.")
    seats = [f"{seat} {name}" for seat, name in enumerate(table.names)]
    say(f"Agents: {', '.join(seats)}. Type q to leave.")
    if len(spec.obs_shape) == 3:
        legend = (f"{sign} {name}" for name, sign in person.signs(spec).items())
        say(f"Signs: {', '.join(legend)}, # outside.")
    totals, there = np.zeros(spec.num_agents), True
    for number in range(1, spec.horizon + 1):
        action = 0
        if there:
            say(f"\nStep {number} of {spec.horizon}. You see:")
            say(person.sight(spec, game.obs))
            chosen = _asked(spec)
            if chosen is None:
                say("You have left.")
                break
            action = chosen
        turn = game.go(action)
        totals += turn.reward
        say(_told(spec, table, turn))
        if there and not turn.active[table.seat]:
            say("You have been removed; the others play on.")
        there = there and bool(turn.active[table.seat])
        if turn.ends:
            say("\nThe episode has ended.")
            break
    earned = [f"{_name(table, seat)} {total:g}" for seat, total in enumerate(totals.round(4))]
    say(f"Earned: {', '.join(earned)}; together {totals.sum().round(4):g}.")


def _name(table: person.Table, seat: int) -> str:
    return "you" if seat == table.seat else f"{seat} ({table.names[seat]})"


def _told(spec: EnvSpec, table: person.Table, turn: person.Turn) -> str:
    """What everyone did and earned in a step."""
    parts = []
    for seat in np.flatnonzero(turn.active):
        paid = f", earned {turn.reward[seat]:g}" if turn.reward[seat] else ""
        name = spec.action_names[turn.action[seat]].replace("_", " ")
        parts.append(f"{_name(table, int(seat))}: {name}{paid}")
    return "; ".join(parts)


def _asked(spec: EnvSpec) -> int | None:
    """The action that the person types, by number, name or the beginning of a name.

    None to leave, as at the end of the input.
    """
    listed = ", ".join(f"{number} {name}" for number, name in enumerate(spec.action_names))
    while True:
        try:
            typed = input(f"{listed}? ").strip().lower().replace(" ", "_")
        except EOFError:
            return None
        if typed in LEAVE:
            return None
        found = chosen(spec.action_names, typed)
        if found is not None:
            return found
        say("Type the number or the name of one of these actions.")


def chosen(names: Sequence[str], typed: str) -> int | None:
    """The number of the action that was typed; None if it is unclear."""
    if typed.isdecimal():
        return int(typed) if int(typed) < len(names) else None
    typed = STEER[typed] if STEER.get(typed) in names else typed
    exact = [index for index, name in enumerate(names) if name.lower() == typed]
    begun = [index for index, name in enumerate(names) if typed and name.lower().startswith(typed)]
    return (exact or begun)[0] if len(exact or begun) == 1 else None
