"""What a person gets in an hour of one core: scores of this trainer and of others.

    python benchmarks/score_per_hour.py [--games breakout,pong] [--seeds 1] [--only laptop]
        [--cleanrl FOLDER --cleanrl_python PYTHON] [--output picture.png]

Each trainer learns a game for an hour of its own processor time on one core. The network of every
quarter is tested by 30 games of at most five minutes at ε = 0.05 (Mnih et al. 2015, Methods). ε
falls over 100,000 steps (laptop: 200,000); the rest is each one's own. The scores are kept in
benchmarks/score_per_hour.csv: what is there is not run again, so that this can be stopped between
any two trainings. Without --cleanrl (see hour_of_cleanrl.py), CleanRL is left out.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import checkout  # noqa: F401 (it comes before dqn)
from dqn.environments.benchmark import SCORES

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "score_per_hour.csv"
COLUMNS = ("trainer", "game", "seed", "quarter", "steps", "games", "mean", "standard_deviation")
OURS = [sys.executable, str(FOLDER / "hour_of_ours.py")]
STABLE_BASELINES3 = [sys.executable, str(FOLDER / "hour_of_stable_baselines3.py")]
DEFAULT = "--exploration_decay_steps 100000 --datatype auto".split()
QUARTERS = 4
COLOURS = {"laptop": "C0", "default": "C1", "Stable-Baselines3": "C2", "CleanRL": "C3"}


def main() -> None:
    """Run what is missing, then draw everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--games", default="breakout,pong", help="Games, separated by commas.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="Seeds of each.")
    parser.add_argument("--only", help="The one trainer to run.")
    parser.add_argument("--cleanrl", type=Path, help="Folder of CleanRL's repository.")
    parser.add_argument(
        "--cleanrl_python", default=sys.executable, help="Python that has its needs."
    )
    parser.add_argument("--output", type=Path, help="Picture to draw.")
    args = parser.parse_args()
    trainers = {
        "laptop": [*OURS, "{game}", "@presets/laptop.args"],
        "default": [*OURS, "{game}", *DEFAULT],
        "Stable-Baselines3": [*STABLE_BASELINES3, "{Game}"],
    }
    if args.cleanrl:
        script = str(FOLDER / "hour_of_cleanrl.py")
        trainers["CleanRL"] = [args.cleanrl_python, script, str(args.cleanrl.resolve()), "{Game}"]
    games = args.games.split(",")
    for seed in args.seeds:
        for game in games:
            for trainer, command in trainers.items():
                if args.only in (None, trainer) and (trainer, game, seed) not in done():
                    run(trainer, command, game, seed)
    if args.output:
        draw(games, args.output)


def done() -> set[tuple[str, str, int]]:
    """What is measured already."""
    return {(row["trainer"], row["game"], int(row["seed"])) for row in rows()}


def rows() -> list[dict[str, str]]:
    """The results so far."""
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))


def run(trainer: str, command: list[str], game: str, seed: int) -> None:
    """Train and test, and append the rows."""
    words = [word.format(game=game, Game=game.capitalize()) for word in command]
    words += ["--quarters", str(QUARTERS), "--seed", str(seed)]
    print(f"{trainer}, {game}, seed {seed}", file=sys.stderr)
    # One thread, so that processor time is what a clock would show.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, env=environment
    ).stdout
    is_new = not RESULTS.exists()
    with open(RESULTS, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        for line in output.splitlines():
            test = json.loads(line)
            scores = test["scores"]
            values = (round(statistics.fmean(scores), 2), round(statistics.stdev(scores), 2))
            quarter = (test["quarter"], test["steps"], len(scores))
            writer.writerow([trainer, game, seed, *quarter, *values])


def draw(games: list[str], output: Path) -> None:
    """One panel for each game: mean score over the hour, a line for each trainer and seed.

    Bars are standard errors of the means.
    """
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(games), figsize=(5 * len(games), 4), layout="constrained")
    for game, panel in zip(games, figure.axes or [panels], strict=True):
        lines: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
        for row in sorted(rows(), key=lambda row: list(COLOURS).index(row["trainer"])):
            if row["game"] == game:
                error = float(row["standard_deviation"]) / int(row["games"]) ** 0.5
                point = (int(row["quarter"]) * 15, float(row["mean"]), error)
                lines[row["trainer"], row["seed"]].append(point)
        random, human = SCORES[game]
        panel.axhline(human, color="0.5", linestyle=":", linewidth=1, label="a person")
        panel.axhline(random, color="0.5", linestyle="--", linewidth=1, label="random")
        named = set()
        for (trainer, _), points in lines.items():
            label = None if trainer in named else trainer
            named.add(trainer)
            minutes, means, errors = zip((0, random, 0), *points, strict=True)
            style = {"color": COLOURS[trainer], "capsize": 3}
            panel.errorbar(minutes, means, errors, fmt="o-", label=label, **style)
        panel.set(title=game.capitalize(), xlabel="minutes of one core", xticks=range(0, 61, 15))
        panel.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean score of 30 games")
    names = figure.axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=3 * len(games), frameon=False)
    figure.savefig(output, dpi=120)


if __name__ == "__main__":
    main()
