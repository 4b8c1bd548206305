"""Arithmetic and memory traffic of a compiled program, from XLA's own analysis of it.

XLA counts the body of a loop once, however often it runs (jax 0.10: a scan of 10 matrix products
counts as one). Here every loop's body is analysed in the same way as a program of its own, and its
count is multiplied by the trip count that XLA notes in the optimised program. For a loop without
such a note, whose length depends on data, the caller gives the trip count by the loop's name, which
is that of the innermost ``jax.named_scope`` around it.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import jax
from jaxlib import _hlo, _jax

_CALLS = re.compile(r"(?:calls|to_apply|condition|body|\w+_computations?)=(\{[^}]*\}|%?[\w.\-]+)")
_WHILE = re.compile(r" while\(.*?condition=%?([\w.\-]+), body=%?([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_SCOPE = re.compile(r'op_name="[^"]*?(\w+)\)*/while"')
_NAME = re.compile(r"[\w.\-]+")


class Cost(NamedTuple):
    """What a program does, by XLA's count."""

    flops: float
    """Additions and multiplications."""
    exps: float
    """Transcendental functions, such as exp, tanh and logarithm."""
    bytes: float
    """Read and written by all operations, in memory or in caches: an upper bound of what passes
    through memory."""

    def __add__(self, other: "Cost") -> "Cost":  # type: ignore[override]
        """The sum of two costs."""
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))

    def __mul__(self, times: float) -> "Cost":  # type: ignore[override]
        """The cost of several runs."""
        return Cost(*(times * a for a in self))

    def __sub__(self, other: "Cost") -> "Cost":
        """The difference of two costs."""
        return self + other * -1.0


def cost(run: Any, turns: Mapping[str, float]) -> Cost:
    """The cost of one run of a compiled program.

    Args:
        run: what ``jax.jit(f).lower(...).compile()`` returns.
        turns: how often loops run whose length depends on data, by their name.

    Raises:
        KeyError: a loop of unknown length that `turns` does not name.
    """
    return Module(run.as_text(), turns).total()


class Loop(NamedTuple):
    """A loop of a program."""

    condition: str
    body: str
    turns: float


def loop(line: str, turns: Mapping[str, float]) -> Loop:
    """The loop of a line of a program; `turns` as in `cost`."""
    condition, body = _WHILE.findall(line)[0]
    trips, scope = _TRIPS.search(line), _SCOPE.search(line)
    times = float(trips[1]) if trips else turns[scope[1] if scope else ""]
    return Loop(condition, body, times)


class Module:
    """The text of an optimised program, by its computations."""

    def __init__(self, text: str, turns: Mapping[str, float]):
        blocks = re.findall(r"^(ENTRY )?%?([\w.\-]+) \(.*?\n\}", text, re.DOTALL | re.MULTILINE)
        bodies = re.findall(r"^(?:ENTRY )?%?[\w.\-]+ \(.*?\n\}", text, re.DOTALL | re.MULTILINE)
        self.parts, self.loops = {}, {}
        for (_, name), body in zip(blocks, bodies, strict=True):
            self.parts[name] = re.sub(r", metadata=\{[^}]*\}", "", body).removeprefix("ENTRY ")
            lines = [line for line in body.splitlines() if " while(" in line]
            self.loops[name] = [loop(line, turns) for line in lines]
        self.entry = next(name for entry, name in blocks if entry)
        self.known: dict[str, Cost] = {}

    @cached_property
    def called(self) -> dict[str, set[str]]:
        """The computations that each one calls."""
        return {
            name: {callee for group in _CALLS.findall(body) for callee in _NAME.findall(group)}
            & self.parts.keys()
            for name, body in self.parts.items()
        }

    def within(self, name: str, loops: bool) -> set[str]:
        """A computation and all that it calls, with or without what runs in its loops."""
        reached, ahead = {name}, [name]
        while ahead:
            part = ahead.pop()
            inner = {n for loop in self.loops[part] for n in (loop.condition, loop.body)}
            fresh = self.called[part] - reached - (set() if loops else inner)
            reached |= fresh
            ahead += fresh
        return reached

    def once(self, name: str) -> Cost:
        """XLA's count of a computation, which counts the bodies of its loops once."""
        reach = self.within(name, loops=True)
        parts = [
            ("ENTRY " if part == name else "") + body
            for part, body in self.parts.items()
            if part in reach
        ]
        module = _hlo.hlo_module_from_text("HloModule part\n\n" + "\n\n".join(parts))
        counts = _jax.hlo_module_cost_analysis(jax.devices()[0].client, module)
        return Cost(
            *(counts.get(key, 0.0) for key in ("flops", "transcendentals", "bytes accessed"))
        )

    def total(self, name: str = "") -> Cost:
        """The count of a computation with every loop as often as it runs."""
        name = name or self.entry
        if name not in self.known:
            whole = self.once(name)
            for part in self.within(name, loops=False):
                for condition, body, times in self.loops[part]:
                    whole += self.total(body) * times - self.once(body)
                    whole += self.once(condition) * (times - 1.0)
            self.known[name] = whole
        return self.known[name]
