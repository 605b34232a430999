"""Put a trained network into snapshots/pretrained/, with its scores and where it comes from.

    .venv/bin/python scripts/ship_network.py RUN NAME --command './train.sh …'

`pong_laptop1 pong` takes snapshots/pong_laptop1_best.pkl and results/pong_laptop1.csv, and writes
snapshots/pretrained/pong.safetensors (weights alone), pong.csv and pong.json. The network is tested
by three protocols, which takes some minutes. The README.md beside it is written anew from all
.json files.
"""

import argparse
import csv
import hashlib
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "snapshots" / "pretrained"
MAX_SIZE = 8_000_000  # bytes

# "Nature" is Mnih et al. 2015, Methods, "Evaluation procedure": 30 games of at most five minutes.
PROTOCOLS = {
    "Nature": "--test_games 30 --exploration_rate_test 0.05 --max_game_frames 18000",
    "ε = 0.05": "--test_games 100 --exploration_rate_test 0.05",
    "ε = 0.001": "--test_games 100 --exploration_rate_test 0.001",
}


def main() -> None:
    """Write the files of one network, then the page about all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("run", help="The run's name, such as pong_laptop1.")
    parser.add_argument("name", help="What to call the network, such as pong.")
    parser.add_argument("--command", required=True, help="The command that trained it.")
    parser.add_argument("--snapshot", type=Path, help="The snapshot, else the run's best.")
    parser.add_argument("--hardware", help="What trained it, else one core of this processor.")
    parser.add_argument("--commit", help="The version that trained it, else what is checked out.")
    args = parser.parse_args()
    snapshot = args.snapshot or ROOT / "snapshots" / f"{args.run}_best.pkl"
    curve = ROOT / "results" / f"{args.run}.csv"
    network = SHIPPED / f"{args.name}.safetensors"
    SHIPPED.mkdir(exist_ok=True)
    network.unlink(missing_ok=True)
    call("convert.sh", snapshot, network, "--weights_only", "true")
    if network.stat().st_size > MAX_SIZE:
        sys.exit(f"error: {network} takes more than {MAX_SIZE} bytes")
    shutil.copyfile(curve, SHIPPED / f"{args.name}.csv")
    tests = {name: test(network, flags) for name, flags in PROTOCOLS.items()}
    steps = trained_steps(network)
    facts = {
        "game": args.run.partition("_")[0],
        "command": args.command,
        "commit": args.commit or output("git", "rev-parse", "HEAD"),
        "training_steps": steps,
        "hours": round(hours(curve, steps), 2),
        "hardware": args.hardware or f"1 core of {processor()}",
        "python": platform.python_version(),
        "sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
        "tests": tests,
    }
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    (SHIPPED / f"{args.name}.json").write_text(text + "\n")
    write_page()


def call(script: str, *arguments: Any) -> None:
    """Run one of the project's scripts; its failure ends this program."""
    subprocess.run([ROOT / script, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.strip()


def test(network: Path, flags: str) -> dict[str, Any]:
    """The scores of one test, with the command that gives them."""
    words = [*flags.split(), "--random_seed", "1"]
    with tempfile.TemporaryDirectory() as folder:
        call("test.sh", network, *words, "--csv_file", Path(folder) / "test.csv")
        with open(Path(folder) / "test.games.csv", newline="") as file:
            scores = [float(row["score"]) for row in csv.DictReader(file)]
    return {
        "command": f"./test.sh {network.relative_to(ROOT)} {' '.join(words)}",
        "games": len(scores),
        "mean": round(statistics.fmean(scores), 2),
        "standard_deviation": round(statistics.stdev(scores), 2),
        "minimum": min(scores),
        "maximum": max(scores),
    }


def trained_steps(network: Path) -> int:
    """The training steps that the network records."""
    sys.path.insert(0, str(ROOT / "src"))
    from dqn.snapshots.file import load_snapshot

    metadata = load_snapshot(network).metadata
    assert metadata is not None
    return metadata.train_steps


def hours(curve: Path, steps: int) -> float:
    """Hours of clock time, with tests, until the run had trained for `steps` steps."""
    with open(curve, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["phase"] == "train"]
    return next(float(r["total_time"]) for r in rows if int(r["total_train_steps"]) == steps) / 3600


def processor() -> str:
    """The processor's name."""
    sys.path.insert(0, str(ROOT / "src"))
    from dqn.machine.hardware import cpu_model

    return cpu_model()


def write_page() -> None:
    """Write the README.md of the networks, from what their .json files say."""
    networks = {path.stem: json.loads(path.read_text()) for path in sorted(SHIPPED.glob("*.json"))}
    lines = [
        "Trained networks, to play with from the first minute: `./play.sh`, or",
        "`./play.sh snapshots/pretrained/pong.safetensors`. They hold weights alone. `<name>.csv`",
        "has the curve of the whole training, and `<name>.json` everything on this page, with the",
        "commands of the tests. `scripts/ship_network.py` makes all of it.",
        "",
        f"| network | training steps | hours | {' | '.join(PROTOCOLS)} |",
        f"|---|---|---|{'---|' * len(PROTOCOLS)}",
    ]
    for name, facts in networks.items():
        scores = " | ".join(score(facts["tests"][protocol]) for protocol in PROTOCOLS)
        steps = f"{facts['training_steps']:,}"
        lines.append(f"| {name} | {steps} | {facts['hours']} | {scores} |")
    lines += [
        "",
        "Scores are means ± standard deviations. “Nature” is 30 games of at most five minutes at",
        "ε = 0.05, the others are 100 games of at most thirty. Where the training was",
        "`--fire_on_start true`, a game begins with FIRE, but its lives after the first do not,",
        "and the network never learned to press it: such a life of Breakout may begin with some",
        "seconds of waiting at ε = 0.05, minutes at ε = 0.001, until a random move is FIRE.",
        "",
        "| network | trained by | on | commit | SHA-256 |",
        "|---|---|---|---|---|",
    ]
    for name, facts in networks.items():
        what = f"`{facts['command']}` | {facts['hardware']}"
        lines.append(f"| {name} | {what} | `{facts['commit'][:10]}` | `{facts['sha256']}` |")
    (SHIPPED / "README.md").write_text("\n".join(lines) + "\n")


def score(test: dict[str, Any]) -> str:
    """Mean and standard deviation, as the page shows them."""
    return f"{test['mean']:.1f} ± {test['standard_deviation']:.1f}"


if __name__ == "__main__":
    main()
