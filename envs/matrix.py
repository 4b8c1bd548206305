"""Iterated matrix games of two players: any 2x2 game, over and over (Kong et al. 2024, section 5).

Letters: R S T P, the payoffs of a 2x2 game: of mutual cooperation, of cooperating against a
defector, of defecting against a cooperator, of mutual defection.

Paper: the iterated prisoner's dilemma with [R, S, T, P] = [1, -0.2, 1.2, 0], 100 steps; players
remember one step, so they observe one of five states: CC, CD, DC, DD, or the start.

Ours: every player sees the state from its own side (CD: I cooperated, the other defected). The
other ready-made games flip the sign of greed, T - R, of fear, P - S, or of both in the paper's
game: the four lie around the point T = 1, S = 0, where the regions of prisoner's dilemma, stag
hunt, snowdrift and harmony meet in the paper's Fig. 2.

`matching_pennies` has different payoffs for the second player (`second`): the first wants both to
do the same, the second that they differ (Foerster et al. 2018). The two actions have the names of
the dilemmas there, too.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, render
from envs.types import Env, EnvSpec, Step

COOPERATE, DEFECT = 0, 1
ACTIONS = ("cooperate", "defect")
STATES = ("CC", "CD", "DC", "DD", "start")
EVENTS = ("cooperations",)


class State(NamedTuple):
    """Everything that changes during an episode."""

    moves: jax.Array  # [2] int32, the last moves; meaningless at time 0
    time: jax.Array  # [] int32


@dataclass(frozen=True)
class Matrix:
    """Settings of an iterated matrix game; the default payoffs are a prisoner's dilemma."""

    name: ClassVar[str] = "matrix"
    version: ClassVar[int] = 1

    reward: float = 1.0
    """R, each player's payoff when both cooperate."""
    sucker: float = -0.2
    """S, payoff of cooperating against a defector."""
    temptation: float = 1.2
    """T, payoff of defecting against a cooperator."""
    punishment: float = 0.0
    """P, each player's payoff when both defect."""
    second: tuple[float, ...] = ()
    """R, S, T and P of the second player, from its side, in games that are not symmetric; () for
    those of the first."""
    horizon: int = 100
    """Steps of an episode, 1 or more."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        for field in ("reward", "sucker", "temptation", "punishment"):
            checks.number(field, getattr(self, field))
        for value in self.second:
            checks.number("second", value)
        whole = len(self.second) in (0, 4)
        checks.require(whole, "second", self.second, "give four payoffs, or none")
        checks.integer("horizon", self.horizon, 1)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        return EnvSpec(
            name=self.name,
            version=self.version,
            num_agents=2,
            num_actions=len(ACTIONS),
            obs_shape=(len(STATES),),
            obs_dtype=np.dtype(bool),
            horizon=self.horizon,
            action_names=ACTIONS,
            plane_names=STATES,
            event_names=EVENTS,
            agent_planes=False,
            can_see_all=True,
            max_return=max_return(self),
            helps=() if self.second else ("cooperations",),
        )

    def build(self) -> Env:
        """The game as pure functions."""
        return Env(
            spec=self.spec(),
            settings=self,
            reset=reset,
            draw=lambda key: (),
            transition=lambda state, action, draws: transition(self, state, action),
            render=lambda state: picture(self, state),
            scripted={
                "cooperator": lambda key, obs, agent: jnp.int32(COOPERATE),
                "defector": lambda key, obs, agent: jnp.int32(DEFECT),
                "tit_for_tat": lambda key, obs, agent: tit_for_tat(obs),
                "random": lambda key, obs, agent: jax.random.randint(key, (), 0, len(ACTIONS)),
            },
        )

    def payoffs(self) -> np.ndarray:
        """Each player's payoff ``[2, 2, 2]`` float32 of its move (row) against the other's."""
        first = self.reward, self.sucker, self.temptation, self.punishment
        return np.array((first, self.second or first), np.float32).reshape(2, 2, 2)


def max_return(params: Matrix) -> float:
    """The most two players can earn together: the best pair of moves in every step."""
    mine, theirs = params.payoffs()
    return params.horizon * float((mine + theirs.T).max())


def reset(key: jax.Array) -> tuple[State, jax.Array]:
    """The initial state and observations. ``key`` is not needed."""
    del key
    state = State(moves=jnp.zeros(2, jnp.int32), time=jnp.int32(0))
    return state, observe(state)


def transition(params: Matrix, state: State, action: jax.Array) -> tuple[State, Step]:
    """Pays both players for ``action [2]``."""
    next_state = State(moves=action, time=state.time + 1)
    return next_state, Step(
        obs=observe(next_state),
        reward=jnp.asarray(params.payoffs())[jnp.arange(2), action, action[::-1]],
        active=jnp.ones(2, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={"cooperations": (action == COOPERATE).astype(jnp.float32)},
    )


def observe(state: State) -> jax.Array:
    """One-hot memory of the last moves ``[2, 5]`` bool, each player's own move first."""
    index = jnp.where(state.time > 0, 2 * state.moves + state.moves[::-1], STATES.index("start"))
    return index[:, None] == jnp.asarray(np.arange(len(STATES)))[None]


def tit_for_tat(obs: jax.Array) -> jax.Array:
    """Cooperates at the start, then repeats the other's last move (Axelrod 1984)."""
    other_defected = obs[STATES.index("CD")] | obs[STATES.index("DD")]
    return jnp.where(other_defected, DEFECT, COOPERATE).astype(jnp.int32)


def picture(params: Matrix, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the payoffs, with the last moves' cell highlighted."""
    mine, theirs = params.payoffs()
    payoffs = np.stack([mine, theirs.T], axis=-1)
    time, moves = int(state.time), np.asarray(state.moves)
    played = (int(moves[0]), int(moves[1])) if time else None
    return render.payoff_table(payoffs, ACTIONS, played, f"after {time} of {params.horizon} steps")
