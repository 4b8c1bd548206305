"""Independent PPO with shared parameters, as JaxMARL's baselines train in a `MultiAgentEnv`.

Their package does not ship its baselines. This is a short one of the same form: `LogWrapper`,
auto-resets, observations and rewards by agents' names, all agents in one batch.

Letters: T steps, B environments, N agents.
"""

from typing import NamedTuple

import distrax
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

STEPS, ENVS, EPOCHS, PARTS = 64, 32, 4, 4
GAMMA, LAM, CLIP, ENTROPY, RATE = 0.99, 0.95, 0.2, 0.01, 1e-3


class ActorCritic(nn.Module):
    actions: int

    @nn.compact
    def __call__(self, obs):
        hidden = nn.relu(nn.Dense(64)(nn.relu(nn.Dense(64)(obs))))
        policy = distrax.Categorical(nn.Dense(self.actions)(hidden))
        return policy, nn.Dense(1)(hidden)[..., 0]


class Transition(NamedTuple):
    obs: jax.Array  # [B * N, F], as all others without F
    action: jax.Array
    log_prob: jax.Array
    value: jax.Array
    reward: jax.Array
    done: jax.Array


def train(env, updates, key):
    """Trains in a ``LogWrapper``.

    Returns:
        ``[updates]`` mean return of an agent in the episodes that ended during each update; NaN
        where none did.
    """
    agents = env.agents
    net = ActorCritic(env.action_space(agents[0]).n)
    tx = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(RATE))

    def batchify(values):
        return jnp.stack([values[agent] for agent in agents], 1).reshape(ENVS * len(agents), -1)

    def step(runner, key):
        params, state, obs = runner
        key_act, key_env = jax.random.split(key)
        seen = batchify(obs)
        policy, value = net.apply(params, seen)
        action, log_prob = policy.sample_and_log_prob(seed=key_act)
        each = action.reshape(ENVS, len(agents))
        actions = {agent: each[:, seat] for seat, agent in enumerate(agents)}
        keys = jax.random.split(key_env, ENVS)
        obs, state, reward, done, info = jax.vmap(env.step)(keys, state, actions)
        paid, ends = batchify(reward)[:, 0], batchify(done)[:, 0]
        facts = Transition(seen, action, log_prob, value, paid, ends)
        ended = info["returned_episode"], info["returned_episode_returns"]
        return (params, state, obs), (facts, ended)

    def advantages(facts, last):
        def back(carry, now):
            adv, following = carry
            goes_on = 1.0 - now.done
            delta = now.reward + GAMMA * following * goes_on - now.value
            adv = delta + GAMMA * LAM * goes_on * adv
            return (adv, now.value), adv

        start = (jnp.zeros_like(last), last)
        return jax.lax.scan(back, start, facts, reverse=True)[1]

    def loss(params, facts, adv, target):
        policy, value = net.apply(params, facts.obs)
        ratio = jnp.exp(policy.log_prob(facts.action) - facts.log_prob)
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
        clipped = jnp.clip(ratio, 1 - CLIP, 1 + CLIP)
        surrogate = jnp.minimum(ratio * adv, clipped * adv).mean()
        error = ((value - target) ** 2).mean()
        return 0.5 * error - surrogate - ENTROPY * policy.entropy().mean()

    def learn(carry, part):
        params, opt = carry
        change, opt = tx.update(jax.grad(loss)(params, *part), opt, params)
        return (optax.apply_updates(params, change), opt), None

    def update(carry, key):
        params, opt, state, obs = carry
        key_play, key_mix = jax.random.split(key)
        keys = jax.random.split(key_play, STEPS)
        (_, state, obs), (facts, (ended, returns)) = jax.lax.scan(step, (params, state, obs), keys)
        adv = advantages(facts, net.apply(params, batchify(obs))[1])
        batch = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (facts, adv, adv + facts.value))

        def epoch(carry, key):
            order = jax.random.permutation(key, len(batch[1])).reshape(PARTS, -1)
            return jax.lax.scan(learn, carry, jax.tree.map(lambda x: x[order], batch))

        (params, opt), _ = jax.lax.scan(epoch, (params, opt), jax.random.split(key_mix, EPOCHS))
        mean = returns.mean(where=ended.astype(bool))
        return (params, opt, state, obs), mean

    def run(key):
        key_env, key_net, key_run = jax.random.split(key, 3)
        obs, state = jax.vmap(env.reset)(jax.random.split(key_env, ENVS))
        params = net.init(key_net, batchify(obs))
        start = (params, tx.init(params), state, obs)
        return jax.lax.scan(update, start, jax.random.split(key_run, updates))[1]

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return jax.jit(run)(key)


def random_return(env, key):
    """Mean return of an agent in episodes of random actions."""

    def step(state, key):
        key_env, *key_act = jax.random.split(key, 1 + len(env.agents))
        sampled = [env.action_space(agent).sample for agent in env.agents]
        actions = {
            agent: jax.vmap(sample)(jax.random.split(each, ENVS))
            for agent, sample, each in zip(env.agents, sampled, key_act, strict=True)
        }
        _, state, _, _, info = jax.vmap(env.step)(jax.random.split(key_env, ENVS), state, actions)
        return state, (info["returned_episode"], info["returned_episode_returns"])

    def run(key):
        key_env, key_run = jax.random.split(key)
        _, state = jax.vmap(env.reset)(jax.random.split(key_env, ENVS))
        _, (ended, returns) = jax.lax.scan(step, state, jax.random.split(key_run, 4 * STEPS))
        return returns.mean(where=ended.astype(bool))

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return jax.jit(run)(key)
