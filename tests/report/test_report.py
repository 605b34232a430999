"""report.sh: what a person gets of CSV files."""

import csv
import html
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import report
from dqn.report.results import collect
from dqn.report.summary import summarize
from dqn.report.tables import all_tables, notes
from helpers.paths import DATA
from helpers.runs import FLAGS, make_sweep, write_run

BREAKOUT = DATA / "simple_dqn_breakout.csv"  # 200 epochs of simple_dqn


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two games and three seeds, and its report."""
    root = tmp_path_factory.mktemp("project")
    sweep = make_sweep(root, "two", ["breakout", "pong"], [1, 2, 3])
    scores = {"breakout": [[1, 20, 10], [2, 30, 31.5], [0, 5, 12]], "pong": [[-21, 0, 14.6]] * 3}
    for run in sweep.runs:
        write_run(sweep.csv_file(run), scores[run.game][run.seed - 1])
    assert report.main([str(sweep.folder)]) == 0
    return sweep.folder


def table(folder: Path, title: str) -> list[dict[str, str]]:
    """A table of the report in Markdown."""
    text = (folder / "report.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    lines = [line.replace("\u00a0", " ") for line in lines]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_each_game_has_its_scores_over_seeds_as_computed_by_hand(folder):
    breakout, pong = table(folder, "Games")
    assert (breakout["game"], breakout["seeds"]) == ("Breakout", "3")
    assert (breakout["steps"], breakout["frames"]) == ("3 k", "12 k")
    # 10, 31.5, 12: mean 17.83, deviation sqrt((7.83² + 13.67² + 5.83²) / 2) = 11.9
    assert (breakout["final mean"], breakout["final SD"]) == ("17.8", "11.9")
    assert breakout["final 95 %"] == "10.0–31.5"  # 1 in 27 has the lowest thrice
    assert breakout["final normalised, %"] == f"{100 * (53.5 / 3 - 1.7) / 28.8:.1f}" == "56.0"
    # 20, 31.5, 12
    assert (breakout["best mean"], breakout["best SD"]) == ("21.2", "9.8")
    assert (breakout["random"], breakout["human"]) == ("1.7", "30.5")
    assert (pong["final mean"], pong["final normalised, %"]) == ("14.6", "100.0")


def test_aggregates_are_those_computed_by_hand(folder):
    final, best = table(folder, "Over all games")
    assert (final["test"], final["games"], final["runs"]) == ("final", "2", "6")
    breakout = (53.5 / 3 - 1.7) / 28.8
    assert final["mean"].startswith(f"{50 * (breakout + 1):.1f} (")
    assert final["median"].split()[0] == final["mean"].split()[0]  # of two games
    # runs 28.8, 35.8, 100, 100, 100, 103.5 %: without one at each end
    assert final["IQM"].split()[0] == f"{(100 * 10.3 / 28.8 + 300) / 4:.1f}"
    gap = 100 - (100 * (8.3 + 10.3) / 28.8 + 400) / 6
    assert final["optimality gap"].split()[0] == f"{gap:.1f}"
    assert final["Atari-5"] == "–"
    assert best["test"] == "best"


def test_scores_are_also_a_csv_with_a_row_for_each_run(folder):
    with open(folder / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    row = rows[1]
    assert (row["run"], row["game"], row["seed"]) == ("breakout_two_seed2", "breakout", "2")
    assert (row["final_score"], row["best_epoch"], row["train_frames"]) == ("31.5", "3", "12000")
    assert float(row["final_human_normalised"]) == pytest.approx((31.5 - 1.7) / 28.8)


class Page(HTMLParser):
    """Checks that each tag is closed, and notes what is loaded and shown."""

    ALONE = ("meta", "img", "br")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.images: list[dict] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in self.ALONE:
            self.open.append(tag)
        if tag == "img":
            self.images.append(values)
        self.loaded += [values[name] for name in ("src", "href") if name in values]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(folder):
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert len(page.images) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.loaded)
    assert all(image["alt"] for image in page.images)
    assert "<script" not in text
    assert "http" not in re.sub('data:image[^"]*', "", text)
    for cell in ("17.8", "56.0", "10.0–31.5", "Breakout"):
        assert f">{cell}</td>" in text


def test_pictures_are_files_too(folder):
    for name in ("profile", "efficiency", "games"):
        pixels = matplotlib.image.imread(folder / f"{name}.png")
        assert pixels.shape[1] == 1500
        assert f"({name}.png)" in (folder / "report.md").read_text()


def test_the_same_files_give_the_same_report_in_place_of_the_older_one(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert report.main([str(folder)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_file_that_is_no_report_is_moved_aside(tmp_path):
    (tmp_path / "report.html").write_text("my own")
    (tmp_path / "scores.csv").write_text("mine, too")
    assert report.main([str(BREAKOUT), "--output", str(tmp_path)]) == 0
    assert (tmp_path / "report.html.1").read_text() == "my own"
    assert (tmp_path / "scores.csv.1").read_text() == "mine, too"


def test_runs_of_the_original_are_reported_with_what_they_do_not_tell(tmp_path):
    shutil.copy(BREAKOUT, tmp_path / "breakout.csv")
    tables = all_tables(summarize(collect([tmp_path]), resamples=200))
    (row,) = tables["Games"].rows
    header = [name.replace("\u00a0", " ") for name in tables["Games"].header]
    values = dict(zip(header, row, strict=True))
    with open(BREAKOUT, newline="") as file:
        tests = [float(r["average_reward"]) for r in csv.DictReader(file) if r["phase"] == "test"]
    assert values["final mean"] == f"{tests[-1]:.1f}"
    assert values["best mean"] == f"{max(tests):.1f}" == "319.8"
    assert (values["steps"], values["frames"]) == ("50 M", "200 M")
    assert values["final SD"] == values["final 95 %"] == "–"
    protocol = dict(tables["Protocol"].rows)
    assert protocol["Frames per step"] == "not recorded, 4 assumed"
    assert protocol["ε in tests"] == "0.05"
    assert protocol["A test"] == "125,000 steps"


def test_the_protocol_is_said(tmp_path):
    write_run(tmp_path / "pong.csv", [1], FLAGS.replace("probability 0", "probability 0.25"))
    write_run(tmp_path / "pong_b.csv", [1], FLAGS + "--test_games 30\n")
    summary = summarize(collect([tmp_path]), resamples=200)
    tables = all_tables(summary)
    assert tables["Protocol"].header == ["", "A", "B"]
    rows = {row[0]: row[1:] for row in tables["Protocol"].rows}
    assert rows["Sticky actions"] == ["probability 0.25", "none"]
    assert rows["Frame cap of a game"] == ["108,000 (30 min)"] * 2
    assert rows["Lost life, in training"] == ["ends the episode"] * 2
    assert rows["A test"] == ["125,000 steps", "30 whole games"]
    assert [row[-1] for row in tables["Games"].rows] == ["A", "B"]
    assert any("different protocols" in note for note in notes(summary))


def test_variants_are_compared_and_seeds_are_put_together(tmp_path):
    for variant in ("", "_fast"):
        for seed in (1, 2):
            write_run(tmp_path / f"pong{variant}_seed{seed}.csv", [seed + len(variant)])
    summary = summarize(collect([tmp_path]), resamples=200)
    rows = {(row.game, row.variant): row.scores["final"].mean.value for row in summary.rows}
    assert rows == {("pong", ""): 1.5, ("pong", "fast"): 6.5}
    assert [row[1] for row in all_tables(summary)["Games"].rows] == ["default", "fast"]


def test_five_games_give_the_prediction_of_atari_5(tmp_path):
    human = {"battle_zone": 37187.5, "double_dunk": -16.4, "name_this_game": 8049}
    for game, score in (human | {"phoenix": 7242.6, "qbert": 13455}).items():
        write_run(tmp_path / f"{game}.csv", [score])
    overall = summarize(collect([tmp_path]), resamples=200).aggregates[0]
    # every game at 100 %: 101^0.96531 − 1
    assert overall.median_of_57 == pytest.approx((101**0.96531 - 1) / 100)


def test_a_run_without_a_test_is_named_and_left_out(tmp_path):
    sweep = make_sweep(tmp_path, "some", ["pong"], [1, 2, 3])
    write_run(sweep.csv_file(sweep.runs[0]), [3, np.nan])
    write_run(sweep.csv_file(sweep.runs[1]), [np.nan])
    collection = collect([sweep.folder])
    assert [(r.seed, r.final, r.epochs[-1]) for r in collection.results] == [(1, 3, 1)]
    assert collection.missing == {
        "pong_some_seed2": "no test has finished a game",
        "pong_some_seed3": "it has not begun",
    }


def test_a_game_without_human_scores_is_in_no_aggregate(tmp_path):
    write_run(tmp_path / "adventure.csv", [3])
    summary = summarize(collect([tmp_path]), resamples=200)
    assert summary.aggregates == []
    assert "Over all games" not in all_tables(summary)
    assert report.main([str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    assert html.unescape((tmp_path / "out" / "report.html").read_text()).count("Adventure") > 1


def test_strange_names_harm_neither_page_nor_markdown(tmp_path):
    write_run(tmp_path / "pong_<b>|_$x_seed1.csv", [3])
    write_run(tmp_path / "pong.csv", [3])
    assert report.main([str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    Page((tmp_path / "out" / "report.html").read_text())
    assert "<b>" not in (tmp_path / "out" / "report.html").read_text()
    assert table(tmp_path / "out", "Games")[1]["seeds"] == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "there is no missing"),
        (["empty"], "there is no test score in empty"),
        (["games/pong.games.csv"], "is of games"),
        (["pong.csv", "--resamples", "1"], "--resamples must be"),
        (["no.csv"], "has no column"),
        (["pong.csv", "--output", "pong.csv"], "cannot write into the folder"),
        (["broken"], "is not the manifest of a sweep"),
    ],
)
def test_a_mistake_takes_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    write_run(tmp_path / "pong.csv", [1])
    (tmp_path / "no.csv").write_text("a,b\n1,2\n")
    (tmp_path / "games").mkdir()
    games = "epoch,phase,score,steps,frames,seconds\n1,test,2,3,4,5\n"
    (tmp_path / "games" / "pong.games.csv").write_text(games)
    assert report.main(arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
