"""Print ALE's name of a game, so that Pong, PONG and pong are the same run of train.sh.

    python src/game_name.py NAME

A name that ALE does not know is printed as it is.
"""

import sys

from dqn.environments.roms import game_called


def main(name: str) -> None:
    """Print the name."""
    print(game_called(name) or name)


if __name__ == "__main__":
    main(sys.argv[1])
