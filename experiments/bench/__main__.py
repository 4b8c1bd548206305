"""The benchmarks: ``make bench ARGS="roofline --quick"``, the speed of everything by default."""

import importlib
import sys

COMMANDS = {
    "speed": "environment steps, training steps, compile times and memory of everything",
    "roofline": "one update's arithmetic and traffic beside what the machine can do, by phase",
    "scaling": "cost against agents, environments and seeds; size of the program",
    "device": "the same up to thousands of environments and seeds, for a GPU in 8 minutes",
    "growth": "memory and disk of a long run",
    "peers": "the coin game beside JaxMARL's, a plain NumPy loop, and any other program",
    "goals": "what was aimed at and what the measurements in runs/ reached",
}


def main() -> None:
    """Runs the command that is named first, or "speed" if none is."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__, *(f"  {name:9} {text}" for name, text in COMMANDS.items()), sep="\n")
        return
    name = arguments.pop(0) if arguments and arguments[0] in COMMANDS else "speed"
    importlib.import_module(f"experiments.bench.{name}").main(arguments)


if __name__ == "__main__":
    main()
