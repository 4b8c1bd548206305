"""The smallest runs that are still real: two agents on nine cells for four steps."""

from dataclasses import replace

from envs.stag_hunt import StagHunt
from lase_jax.core.settings import fitting
from lase_jax.loop.train import Schedule
from lase_jax.nets.layers import Net
from lase_jax.runs.config import RunConfig, default

GAME = StagHunt(num_agents=2, rows=3, columns=3, radius=1, horizon=4, num_hares=2, num_stags=1)
NET = Net(dense=(4,))
SMALL = dict(net=NET, social_width=4, perspective_width=4, minibatches=2)
FLAGS = (
    *("--game.num-agents", "2", "--game.rows", "3", "--game.columns", "3", "--game.radius", "1"),
    *("--game.horizon", "4", "--game.num-hares", "2", "--game.num-stags", "1"),
    *("--agent.net.dense", "4", "--num-envs", "2", "--seeds", "2", "--wandb", "disabled"),
)
"""The same from the command line, for algorithms that have no social networks."""


def config(algo: str = "a2c", steps: int = 80, **fields) -> RunConfig:
    run = default("ssh", algo)
    agent = fitting(run.agent, SMALL)
    schedule = Schedule(steps=steps, num_envs=2)
    fields = {"seeds": 2, "wandb": "disabled"} | fields
    return replace(run, game=GAME, agent=agent, schedule=schedule, **fields)
