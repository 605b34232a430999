"""Train many runs: games × seeds × variants, on this machine, a Ray cluster or Slurm."""

from dqn.machine import console

with console.starting(__name__):
    import argparse
    import logging
    import os
    import sys
    from argparse import Namespace
    from contextlib import closing
    from pathlib import Path

    from dqn.errors import ArgumentParser, UserError
    from dqn.machine.cores import usable_cores
    from dqn.machine.interruption import TIME_IS_UP
    from dqn.machine.provenance import commit_of
    from dqn.machine.wording import counted
    from dqn.options import parser
    from dqn.options.argument_files import expand
    from dqn.sweeps import manifest, plan, sweep, words
    from dqn.sweeps.create import KINDS, create_launcher
    from dqn.sweeps.manifest import Manifest
    from dqn.sweeps.needs import Slot, gpus_here, jobs_at_once, memory_of_run
    from dqn.sweeps.plan import PRESET
    from dqn.sweeps.process import run_to_its_end
    from dqn.sweeps.status import status
    from dqn.sweeps.sweep import DONE, FAILED, Sweep

PROJECT = Path(__file__).resolve().parent.parent
SWEEPS = PROJECT / "results" / "sweeps"
THREADS_ON_A_CLUSTER = 2
SOME_FAILED = 1
MAX_THREADS = 1024

logger = logging.getLogger(__name__)


def parse_arguments(arguments: list[str]) -> tuple[Namespace, list[str]]:
    """The sweep's own options, and the words that are for train.sh; raises UserError."""
    own = ArgumentParser(
        prog="sweep.py",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
        epilog="All other flags, and @FILE, are those of train.sh, the same for all runs. The same "
        "command again goes on with what is left.",
    )
    add = own.add_argument
    add(
        "games",
        metavar="GAMES",
        help="games, comma separated, or atari5, or atari57; or the folder of a sweep",
    )
    add("--seeds", default=argparse.SUPPRESS, help="seeds, such as 1-3 or 1,2,7 (default: 1)")
    add(
        "--vary",
        action="append",
        default=argparse.SUPPRESS,
        metavar="FLAG=VALUE,VALUE",
        help="a run for each value, such as double_q=true,false, or preset=laptop,nature; several "
        "make a grid",
    )
    add(
        "--name",
        default=argparse.SUPPRESS,
        help="name of the sweep, in results/sweeps/ (default: by games, argument files and grid)",
    )
    add("--on", choices=KINDS, default="here", help="what runs the runs")
    jobs = "runs at a time on this machine (default: one for each GPU, or core)"
    add("--jobs", type=int, default=argparse.SUPPRESS, metavar="N", help=jobs)
    threads = "threads of each run (default: the cores, shared out; 2 on a cluster)"
    add("--threads", type=int, default=argparse.SUPPRESS, metavar="N", help=threads)
    add("--gpus", type=float, default=1.0, metavar="N", help="GPUs of each run; 0.5: two share one")
    address = "Ray cluster to use, such as auto (default: one of this machine alone)"
    add("--ray_address", default=argparse.SUPPRESS, metavar="ADDRESS", help=address)
    further = "further arguments of sbatch, such as '--partition=gpu --gres=gpu:1'"
    add("--slurm_args", default="", metavar="ARGUMENTS", help=further)
    add("--status", action="store_true", help="say how far the runs are, from anywhere")
    add("--plan", action="store_true", help="write the manifest and print the commands alone")
    empty = Namespace(seeds=None, vary=None, name=None, jobs=None, threads=None, ray_address=None)
    if (
        arguments[:1]
        and arguments[0].startswith(("-", "@"))
        and arguments[0] not in ("-h", "--help")
    ):
        own.error(f"name the games before {arguments[0]}, such as breakout,pong or atari5")
    args, others = own.parse_known_args(join_slurm_args(arguments), empty)
    for name, value, most in (("jobs", args.jobs, 10**6), ("threads", args.threads, MAX_THREADS)):
        if value is not None and not 1 <= value <= most:
            own.error(f"--{name} must be from 1 to {most:,}")
    if not 0 <= args.gpus <= MAX_THREADS:
        own.error(f"--gpus must be from 0 to {MAX_THREADS:,}")
    return args, others


def join_slurm_args(arguments: list[str]) -> list[str]:
    """The same words, the value of --slurm_args in one with it: argparse takes it for a flag."""
    words = list(arguments)
    if "--slurm_args" in words[:-1]:
        place = words.index("--slurm_args")
        words[place : place + 2] = [f"--slurm_args={words[place + 1]}"]
    return words


def find_sweep(args: Namespace, others: list[str]) -> Sweep:
    """The sweep that the command line names: one that is there, with what was added, or a new one.

    Raises UserError.
    """
    folder = Path(args.games)
    if manifest.is_sweep(folder):
        if others or args.seeds or args.vary or args.name:
            raise UserError(
                f"{folder} has its games, seeds and flags: leave others out, or give the command "
                "that planned it"
            )
        return sweep.load(PROJECT, folder.resolve())
    plan.check_flags(others)
    grid = plan.read_grid(args.vary or [])
    name = args.name or plan.default_name(args.games, others, bool(grid))
    plan.check_name(name)
    folder = SWEEPS / name
    if args.status and not manifest.is_sweep(folder):
        raise UserError(f"there is no sweep {folder}: name its folder, or give its command")
    if args.status:
        return sweep.load(PROJECT, folder)
    flags = absolute(expand(others, PROJECT))
    plan.check_flags(flags)
    games = plan.read_games(args.games, PROJECT / "roms")
    seeds = plan.read_seeds(args.seeds or "1")
    presets = {value: expand([f"@presets/{value}.args"], PROJECT) for value in grid.get(PRESET, [])}
    runs = plan.plan(name, games, seeds, flags, grid, commit_of(PROJECT), presets)
    options = check_variants(runs)
    before = manifest.load(folder) if manifest.is_sweep(folder) else None
    if before:
        check_same(before, flags, grid, folder)
        runs = plan.merge(before.runs, runs)
    threads = args.threads or (
        before.threads if before else threads_of_run(args, options, len(runs))
    )
    gpus = 0.0 if options[0].backend == "cpu" else args.gpus
    memory = max(map(memory_of_run, options))
    return Sweep(PROJECT, folder, Manifest(name, flags, grid, threads, gpus, memory, runs))


def absolute(flags: list[str]) -> list[str]:
    """The same words, with the snapshot that runs begin with as an absolute path."""
    result = list(flags)
    for place, word in enumerate(flags):
        flag, sign, value = word.partition("=")
        if flag == "--load_weights" and sign:
            result[place] = f"{flag}={os.path.abspath(value)}"
        elif flag == "--load_weights" and place + 1 < len(flags):
            result[place + 1] = os.path.abspath(flags[place + 1])
    return result


def check_variants(runs: list[manifest.Run]) -> list[Namespace]:
    """The options of each variant's runs; ends the process with status 2 if they are impossible."""
    first = {run.variant: run for run in reversed(runs)}
    return [
        parser.parse([run.command[1], *run.command[3:]], PROJECT)
        for run in reversed(first.values())
    ]


def check_same(
    before: Manifest, flags: list[str], grid: dict[str, list[str]], folder: Path
) -> None:
    """Raises UserError if an older sweep of this name has other flags, but for its last epoch."""
    changed = [name for name in words.changed(before.flags, flags) if name != "epochs"]
    if grid != before.grid:
        changed.append("vary")
    if changed:
        names = ", ".join(f"--{name}" for name in changed)
        raise UserError(
            f"the sweep {folder} has other {names}: give this one another --name, or leave the "
            "change out"
        )


def threads_of_run(args: Namespace, options: list[Namespace], num_runs: int) -> int:
    """The threads that each run gets: its numbers depend on them, so they stay in the manifest."""
    if args.on != "here":
        return THREADS_ON_A_CLUSTER
    jobs = args.jobs or jobs_at_once(len(gpus_here(options[0])), args.gpus, usable_cores())
    return max(1, usable_cores() // min(jobs, num_runs))


def launch(args: Namespace, found: Sweep) -> int:
    """Run what is left of a sweep; returns the exit status."""
    with closing(found.lock()):
        manifest.save(found.manifest, found.folder)
        left = found.left()
        if not left:
            logger.info("All %s of this sweep are done", counted(len(found.runs), "run"))
            return 0
        backend = Namespace(backend="cpu" if found.manifest.gpus == 0 else "auto")
        gpus = gpus_here(backend) if args.on == "here" else []
        jobs = args.jobs or jobs_at_once(len(gpus), found.manifest.gpus, usable_cores())
        jobs = min(jobs, len(left))
        if not args.jobs and not gpus:
            jobs = max(1, min(jobs, usable_cores() // found.manifest.threads))
        launcher = create_launcher(
            args.on,
            found,
            jobs=jobs,
            gpus=gpus,
            ray_address=args.ray_address,
            slurm_args=args.slurm_args,
        )
        stopped = launcher.launch(found, left)
    folder = console.as_typed(found.folder)
    for line in status(found):
        logger.info("%s", line)
    if args.on == "slurm":
        logger.info("See how far they are: %s %s --status", console.command("sweep.sh"), folder)
        return 0
    if not stopped:
        logger.info("Report the scores: %s %s", console.command("report.sh"), folder)
    states = {found.state(run).status for run in found.runs}
    return stopped or (SOME_FAILED if FAILED in states else 0 if states == {DONE} else TIME_IS_UP)


def run_one(folder: Path, number: str) -> int:
    """Run the run of a number, as a cluster's job does; returns its exit status."""
    found = sweep.load(PROJECT, folder)
    if not (number.isdigit() and int(number) < len(found.runs)):
        raise UserError(f"{folder} has no run {number}: it has {len(found.runs)}, from 0 on")
    run = found.runs[int(number)]
    logger.info("Running %s; it logs to %s", run.name, found.log(run))
    state = run_to_its_end(found, run, Slot())
    logger.info("%s: %s%s", run.name, state.status, f", {state.reason}" if state.reason else "")
    return state.exit_status or 0


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; returns the exit status."""
    logging.basicConfig(format="%(asctime)s %(message)s", level="INFO")
    logging.getLogger("dqn.environments").setLevel("WARNING")  # where each of 57 ROMs comes from
    try:
        if arguments[:1] == ["--run"] and len(arguments) == 3:
            return run_one(Path(arguments[1]), arguments[2])
        args, others = parse_arguments(arguments)
        found = find_sweep(args, others)
        if args.status:
            console.print_results(*status(found))
            return 0
        if args.plan:
            with closing(found.lock()):
                manifest.save(found.manifest, found.folder)
            console.print_results(*(" ".join(run.command) for run in found.runs))
            return 0
        return launch(args, found)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    console.run(main)
