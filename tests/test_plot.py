import csv
import math
import os
import shutil
import subprocess
import sys
import time
from array import array
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import plot
from dqn.report.curves import running_mean
from dqn.report.style import GREY, PALETTE, pale
from helpers.paths import DATA

SCRIPT = Path(plot.__file__)
BREAKOUT = DATA / "simple_dqn_breakout.csv"  # 200 epochs of simple_dqn
HEADER = BREAKOUT.read_text().splitlines()[0]
FIELDS = ["average_reward", "meanq", "nr_games", "meancost"]
NUMBERS = [name for name in plot.COLUMNS if name != "phase"]
BLUE, RED = (np.array(to_rgb(colour)) for colour in PALETTE[:2])


def script(*arguments, **options):
    """Run plot.py as a user does."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def row(epoch, phase, **values):
    """One line of a CSV, in which everything is 1 that `values` does not name."""
    cells = dict.fromkeys(plot.COLUMNS, 1) | {"epoch": epoch, "phase": phase} | values
    return ",".join(str(cell) for cell in cells.values())


def write(path, *rows, header=HEADER):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def column(phase, field):
    """A column of BREAKOUT, read in another way than plot.py does."""
    with open(BREAKOUT, newline="") as file:
        return [float(line[field]) for line in csv.DictReader(file) if line["phase"] == phase]


def panels(*paths, fields=FIELDS, **options):
    """Return the axes that are drawn of CSV files, by their titles."""
    picture = plot.figure([plot.read_run(path, fields, **options) for path in paths], fields)
    return {axes.get_title(): axes for axes in picture.axes}


def phases(path, fields, **options):
    """Return what is read of a CSV file: phase → field → numbers."""
    read = plot.read_run(path, fields, **options).phases
    return {
        phase: {name: list(numbers) for name, numbers in curves.items()}
        for phase, curves in read.items()
    }


def curves(axes):
    """Return the (x, y) lists of a panel's lines, in the order of their drawing."""
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]


def near(pixels, colour):
    """Return how many pixels have nearly this colour."""
    return int((np.abs(pixels[..., :3] - colour).max(axis=-1) < 0.02).sum())


def shown(axis):
    """Return the labels of the ticks within an axis' limits; the others are never drawn."""
    low, high = axis.get_view_interval()
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
    return [label for place, label in ticks if low <= place <= high]


def tick_labels(axis):
    return [label.get_text() for label in shown(axis)]


# The picture


def test_one_command_draws_all_four_panels_beside_the_csv(tmp_path):
    shutil.copy(BREAKOUT, tmp_path / "breakout.csv")
    result = script("breakout.csv", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "Wrote breakout.png\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["breakout.csv", "breakout.png"]
    pixels = matplotlib.image.imread(tmp_path / "breakout.png")
    assert pixels.shape == (720, 1280, 4)
    for panel in (pixels[:330, :640], pixels[:330, 640:], pixels[330:640, :640]):
        assert near(panel, RED) > 300
        assert near(panel, np.array(to_rgb(GREY))) > 300
    assert near(pixels[:330, :640], BLUE) > 300
    assert near(pixels[330:640, 640:], BLUE) > 300
    assert near(pixels[330:640, 640:], RED) == 0  # nothing is trained in a test


def test_curves_show_the_numbers_of_the_csv():
    drawn = panels(BREAKOUT)
    for title, field in (
        ("Average reward per game", "average_reward"),
        ("Mean Q-value of validation states", "meanq"),
        ("Games per phase", "nr_games"),
    ):
        level, train, test = drawn[title].lines
        assert list(level.get_ydata()) == column("random", field) * 2
        assert level.get_linestyle() == "--"
        assert list(train.get_xdata()) == list(range(1, 201))
        assert list(train.get_ydata()) == column("train", field)
        assert list(test.get_ydata()) == column("test", field)


@pytest.mark.parametrize("field", ["meancost", "weight_updates", "total_train_steps"])
def test_only_training_is_drawn_where_only_training_counts(field):
    (axes,) = panels(BREAKOUT, fields=[field]).values()
    assert curves(axes) == [(list(range(1, 201)), column("train", field))]


def test_axes_are_named_and_big_numbers_are_grouped():
    axes = panels(BREAKOUT)["Games per phase"]
    assert axes.get_xlabel() == "Epoch"
    assert axes.get_ylabel() == "Games"
    assert "1,000" in tick_labels(axes.yaxis)
    assert "500" in tick_labels(axes.yaxis)


def test_only_the_lowest_panels_name_the_epochs():
    labels = [axes.get_xlabel() for axes in panels(BREAKOUT, fields=FIELDS[:3]).values()]
    assert labels == ["", "Epoch", "Epoch"]


def test_settings_of_the_user_do_not_change_the_picture(monkeypatch):
    monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "black")
    for axes in panels(BREAKOUT).values():
        assert to_rgb(axes.get_facecolor()) == (1, 1, 1)


def test_small_numbers_are_not_grouped():
    assert "0.0015" in tick_labels(panels(BREAKOUT)["Mean loss"].yaxis)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 200])
def test_epochs_are_whole_numbers(tmp_path, epochs):
    path = write(tmp_path / "a.csv", *(row(epoch + 1, "train") for epoch in range(epochs)))
    for axes in panels(path).values():
        labels = tick_labels(axes.xaxis)
        assert labels
        assert all(label.isdigit() for label in labels)


@pytest.mark.parametrize(
    ("count", "runs", "width", "height"),
    [(1, 1, 16, 9), (4, 1, 16, 9), (2, 9, 16, 9), (7, 4, 16, 9), (15, 2, 16, 9), (4, 1, 4, 4)],
)
def test_no_text_lies_on_another_or_outside(count, runs, width, height):
    fields = [*FIELDS, *(name for name in NUMBERS if name not in FIELDS)]
    run = plot.read_run(BREAKOUT, fields[:count])
    many = [plot.Run(f"breakout_seed_{number}", run.phases) for number in range(runs)]
    assert_no_text_overlaps(plot.figure(many, fields[:count], width, height), count)


def assert_no_text_overlaps(picture, count):
    """See that no text lies on another or outside of a picture of `count` panels."""
    picture.draw_without_rendering()
    beyond = {
        label
        for axes in picture.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels()
        if label not in shown(axis)
    }
    texts = [text for text in picture.findobj(Text) if text.get_text() and text.get_visible()]
    texts = [text for text in texts if text not in beyond]
    assert len(texts) > 8 * count
    boxes = [text.get_window_extent() for text in texts]
    for index, box in enumerate(boxes):
        assert picture.bbox.contains(*box.min), texts[index]
        assert picture.bbox.contains(*box.max), texts[index]
        for other in range(index):
            assert not box.overlaps(boxes[other]), (texts[index], texts[other])


# What a CSV may hold


def test_a_single_epoch_is_seen(tmp_path):
    write(tmp_path / "a.csv", row(0, "random"), row(1, "train", meanq=3), row(1, "test", meanq=2))
    assert plot.main([str(tmp_path / "a.csv"), "--fields", "meanq"]) == 0
    pixels = matplotlib.image.imread(tmp_path / "a.png")[:600]  # above the legend
    assert near(pixels, BLUE) > 20
    assert near(pixels, RED) > 20


def test_a_phase_without_a_finished_game_leaves_a_gap(tmp_path):
    scores = [1.0] * 30 + [math.nan, 5.0, math.nan] + [1.0] * 30
    rows = [row(epoch, "test", average_reward=score) for epoch, score in enumerate(scores)]
    (line,) = panels(write(tmp_path / "a.csv", *rows))["Average reward per game"].lines
    np.testing.assert_array_equal(line.get_ydata(), scores)
    assert line.get_markevery() == [31]  # no line leads there


def test_a_random_phase_without_a_finished_game_has_no_level(tmp_path):
    path = write(tmp_path / "a.csv", row(0, "random", average_reward="nan"), row(1, "train"))
    assert len(panels(path)["Average reward per game"].lines) == 1


def test_a_diverged_run_is_drawn_up_to_there(tmp_path):
    costs = ["1", "2", "inf", "1e200", "-inf"]
    rows = [row(epoch, "train", meancost=cost) for epoch, cost in enumerate(costs)]
    (line,) = panels(write(tmp_path / "a.csv", *rows))["Mean loss"].lines
    np.testing.assert_array_equal(line.get_ydata(), [1, 2, *[math.nan] * 3])


def test_a_resumed_run_starts_at_its_first_epoch(tmp_path):
    rows = [row(epoch, phase) for epoch in (11, 12, 13) for phase in ("train", "test")]
    axes = panels(write(tmp_path / "a.csv", *rows))["Average reward per game"]
    assert [x for x, _ in curves(axes)] == [[11, 12, 13]] * 2
    assert [line.get_markevery() for line in axes.lines] == [[0, 1, 2]] * 2  # few points are marked
    assert 10 < axes.get_xlim()[0] < 11
    assert 13 < axes.get_xlim()[1] < 14


def test_repeated_epochs_stay_in_their_order(tmp_path):
    epochs = [1, 2, 3, 2, 3, 4]
    axes = panels(write(tmp_path / "a.csv", *(row(epoch, "test") for epoch in epochs)))
    assert curves(axes["Average reward per game"])[0][0] == epochs


def test_a_run_of_tests_only_has_one_curve_and_says_that_it_has_no_loss(tmp_path):
    drawn = panels(write(tmp_path / "a.csv", row(1, "test"), row(2, "test")))
    assert len(drawn["Average reward per game"].lines) == 1
    assert [text.get_text() for text in drawn["Mean loss"].texts] == ["no values"]
    assert not drawn["Average reward per game"].texts


def test_a_run_that_has_only_played_at_random_shows_its_level(tmp_path):
    axes = panels(write(tmp_path / "a.csv", row(0, "random", meanq=0.2)))
    axes = axes["Mean Q-value of validation states"]
    assert curves(axes)[0][1] == [0.2, 0.2]
    assert axes.get_ylim()[0] < 0.2 < axes.get_ylim()[1] < 0.5


def test_played_games_are_left_out(tmp_path):
    path = write(tmp_path / "a.csv", row(1, "test"), row(0, "play", average_reward="?"))
    assert curves(panels(path)["Average reward per game"]) == [([1], [1])]


def test_a_line_that_is_being_written_changes_nothing_before_it(tmp_path):
    path = tmp_path / "a.csv"
    rows = [row(epoch, "test", average_reward=250, steps_per_second=987) for epoch in range(3)]
    text = write(path, *rows).read_text()
    start = text.rindex("\n", 0, -1) + 1
    seen = set()
    for end in range(start, len(text)):
        path.write_text(text[:end])
        test = phases(path, ["average_reward", "steps_per_second"])["test"]
        seen.add(len(test["epoch"]))
        assert set(test["average_reward"]) == {250}
        assert test["steps_per_second"][:2] == [987, 987]
        assert all(math.isnan(speed) for speed in test["steps_per_second"][2:])
    assert seen == {2, 3}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_of_any_system_are_read(tmp_path, newline, encoding):
    path = tmp_path / "a.csv"
    lines = [HEADER, row(0, "random"), row(1, "test", meanq=7), ""]
    path.write_bytes(newline.join(lines).encode(encoding))
    assert phases(path, ["meanq"]) == {
        "random": {"epoch": [0], "meanq": [1]},
        "test": {"epoch": [1], "meanq": [7]},
    }


def test_the_header_names_the_columns(tmp_path):
    path = write(tmp_path / "a.csv", "7,test,3,x", header="meanq,phase,epoch,comment")
    assert phases(path, ["meanq"]) == {"test": {"epoch": [3], "meanq": [7]}}


def test_without_a_header_the_columns_are_those_of_simple_dqn(tmp_path):
    assert list(plot.COLUMNS) == HEADER.split(",")
    path = tmp_path / "a.csv"
    path.write_text(row(2, "test", meanq=5) + "\n")
    assert phases(path, ["meanq"], skiprows=0)["test"]["meanq"] == [5]


def test_more_rows_can_be_skipped(tmp_path):
    rows = [row(epoch, "test", meanq=epoch) for epoch in range(4)]
    path = write(tmp_path / "a.csv", *rows)
    assert phases(path, ["meanq"], skiprows=3)["test"]["meanq"] == [2, 3]
    path.write_text("a comment\n" + path.read_text())
    assert phases(path, ["meanq"], skiprows=2)["test"]["meanq"] == [0, 1, 2, 3]


def test_another_delimiter_can_be_read(tmp_path):
    path = write(tmp_path / "a.csv", row(1, "test", meanq=2))
    path.write_text(path.read_text().replace(",", ";"))
    assert phases(path, ["meanq"], delimiter=";")["test"]["meanq"] == [2]


# Options


def test_every_numeric_column_can_be_drawn():
    drawn = panels(BREAKOUT, fields=NUMBERS)
    assert len(drawn) == 15
    assert all(axes.lines for axes in drawn.values())


def test_the_name_phase_time_of_simple_dqn_works(tmp_path):
    by_name = [tmp_path / "old.png", tmp_path / "new.png"]
    for path, field in zip(by_name, ("phase_time", "epoch_time"), strict=True):
        assert plot.main([str(BREAKOUT), "--fields", field, "--output", str(path)]) == 0
    assert by_name[0].read_bytes() == by_name[1].read_bytes()


def test_size_follows_the_options(tmp_path):
    sizes = ["--figure_width", "5", "--figure_height", "3.5", "--dpi", "60"]
    assert plot.main([str(BREAKOUT), "--png_file", str(tmp_path / "b.png"), *sizes]) == 0
    assert matplotlib.image.imread(tmp_path / "b.png").shape == (210, 300, 4)


def test_pictures_of_every_format_are_the_same_bytes_each_time(tmp_path):
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "eps": b"%!PS-Adobe-3.0 EPSF"}
    assert tuple(starts) == plot.FORMATS
    made = []
    for _ in range(2):
        for kind in starts:
            output = tmp_path / f"a.{kind}"
            assert plot.main([str(BREAKOUT), "--fields", "meanq", "--output", str(output)]) == 0
        made.append({kind: (tmp_path / f"a.{kind}").read_bytes() for kind in starts})
        time.sleep(1.1)  # a date would be another one
    assert made[0] == made[1]
    assert all(made[0][kind].startswith(start) for kind, start in starts.items())
    assert b"CreationDate" not in made[0]["pdf"]
    assert b"<dc:date>" not in made[0]["svg"]


def test_an_older_picture_is_replaced(tmp_path):
    shutil.copy(BREAKOUT, tmp_path / "a.csv")
    (tmp_path / "a.png").write_text("old")
    assert plot.main([str(tmp_path / "a.csv"), "--fields", "meanq"]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_an_older_picture_survives_a_full_disk(tmp_path):
    class FullDisk:
        def savefig(self, file, **options):
            file.write(b"half a picture")
            raise OSError(28, "No space left on device")

    (tmp_path / "a.png").write_text("old")
    with pytest.raises(plot.UserError, match="No space left"):
        plot.save(FullDisk(), tmp_path / "a.png", 80)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_help_explains_every_option_without_loading_matplotlib():
    result = subprocess.run(
        [sys.executable, "-X", "importtime", SCRIPT, "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0
    assert "argparse" in result.stderr  # the list of what was loaded
    assert "matplotlib" not in result.stderr
    for option in ("output", "png_file", "dpi", "skiprows", "delimiter", "fields"):
        assert f"--{option} " in result.stdout
    for default in ("80", "1", ",", "average_reward,meanq,nr_games,meancost", "16", "9"):
        assert f"(default: {default})" in " ".join(result.stdout.split())


# Several runs


def legend(picture):
    (names,) = picture.legends
    texts = [text.get_text() for text in names.texts]
    return dict(zip(texts, names.legend_handles, strict=True))


def test_runs_are_compared_in_one_picture(tmp_path):
    shutil.copy(BREAKOUT, tmp_path / "a.csv")
    shutil.copy(BREAKOUT, tmp_path / "b.csv")
    result = script(tmp_path / "a.csv", tmp_path / "b.csv", "--fields", "meanq")
    assert result.stderr == f"Wrote {tmp_path / 'a+b.png'}\n"
    assert matplotlib.image.imread(tmp_path / "a+b.png").shape == (720, 1280, 4)


def test_each_run_has_a_colour_and_each_phase_a_stroke():
    run = plot.read_run(BREAKOUT, ["meanq"])
    picture = plot.figure([plot.Run("one", run.phases), plot.Run("two", run.phases)], ["meanq"])
    assert list(legend(picture)) == ["one", "two", "Random", "Train", "Test"]
    colours = [to_rgb(line.get_color()) for line in picture.axes[0].lines]
    blue, red = legend(picture)["one"].get_color(), legend(picture)["two"].get_color()
    random, train, test = 0, 1, 2
    assert colours[random] == colours[test] == to_rgb(blue)
    assert colours[3 + random] == colours[3 + test] == to_rgb(red)
    assert len({colours[train], colours[test], colours[3 + train], colours[3 + test]}) == 4
    widths = [line.get_linewidth() for line in picture.axes[0].lines]
    assert widths[train] < widths[test]
    heights = [line.get_zorder() for line in picture.axes[0].lines]
    assert max(heights[train::3]) < min(heights[test::3])  # no training curve hides a test


def test_one_run_has_a_colour_per_phase():
    picture = plot.figure([plot.read_run(BREAKOUT, ["meanq"])], ["meanq"])
    assert list(legend(picture)) == ["Random", "Train", "Test"]
    drawn = [line.get_color() for line in picture.axes[0].lines]
    assert [handle.get_color() for handle in legend(picture).values()] == drawn
    assert len(set(drawn)) == 3


def test_a_persons_score_is_a_line_among_scores_and_is_named(tmp_path):
    run = plot.read_run(write(tmp_path / "a.csv", row(1, "test"), row(2, "test")), FIELDS)
    picture = plot.figure([run], FIELDS, human=30.5)
    score, *others = picture.axes
    assert set(score.lines[-1].get_ydata()) == {30.5}
    assert score.get_ylim()[1] > 30.5
    assert not any(30.5 in line.get_ydata() for axes in others for line in axes.lines)
    assert list(legend(picture)) == ["Test", "A person: 30.5"]


def test_one_command_draws_a_persons_score_of_the_game_that_it_names(tmp_path):
    file = write(tmp_path / "a.csv", row(1, "test"), row(2, "test"))
    pixels = []
    for human in ((), ("--human", "breakout"), ("--human", "SpaceInvaders")):
        assert plot.main([str(file), "--fields", "average_reward", *human]) == 0
        pixels.append(matplotlib.image.imread(tmp_path / "a.png").tobytes())
    assert len(set(pixels)) == 3


def test_the_legend_names_only_phases_that_are_there(tmp_path):
    run = plot.read_run(write(tmp_path / "a.csv", row(1, "test")), ["meanq"])
    assert list(legend(plot.figure([run], ["meanq"]))) == ["Test"]


def test_the_title_names_the_runs():
    run = plot.read_run(BREAKOUT, ["meanq"])
    assert plot.figure([run], ["meanq"]).get_suptitle() == "simple_dqn_breakout"
    both = [run, plot.Run("other", run.phases)]
    assert plot.figure(both, ["meanq"]).get_suptitle() == "simple_dqn_breakout, other"


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plot, "figure", lambda runs, *_: drawn.extend(run.name for run in runs))
    monkeypatch.setattr(plot, "save", lambda *_: None)
    paths = [tmp_path / seed / "pong.csv" for seed in ("seed1", "seed2")]
    for path in paths:
        path.parent.mkdir()
        shutil.copy(BREAKOUT, path)
    assert plot.main([str(path) for path in paths]) == 0
    assert drawn == [str(path) for path in paths]


@pytest.mark.parametrize("count", [7, 8, 30])
def test_many_runs_have_different_colours(count):
    run = plot.read_run(BREAKOUT, ["meanq"])
    runs = [plot.Run(f"run {number}", run.phases) for number in range(count)]
    handles = legend(plot.figure(runs, ["meanq"])).values()
    colours = [to_rgb(handle.get_color()) for handle in handles][:count]
    assert len(set(colours)) == count


def test_the_name_of_a_picture_of_many_runs_is_no_longer_than_a_name_can_be():
    paths = [Path("results") / f"breakout_seed_{number}.csv" for number in range(50)]
    assert plot.default_output(paths) == Path("results/breakout_seed_0+49.png")


def test_any_file_name_can_be_drawn(tmp_path):
    names = ["$x^2", "a$b$c", "_a", r"x\y{z}", "日本", "x" * 200, "a\nb"]
    for name in names:
        shutil.copy(BREAKOUT, tmp_path / f"{name}.csv")
    files = [f"{name}.csv" for name in names]
    result = script(*files, "--output", "a.png", "--fields", "meanq", cwd=tmp_path)
    assert result.stderr == "Wrote a.png\n"


# Games


GAMES = "epoch,phase,score,steps,frames,seconds"


def games(path, *rows):
    """Write a CSV of games; each row is its phase and score, and has 100 steps."""
    return write(path, *(f"1,{phase},{score},100,400,0.5" for phase, score in rows), header=GAMES)


def points_and_means(axes):
    """Return the (x, y) lists of a panel's points, then those of its lines, by phase."""
    drawn = curves(axes)
    return drawn[::2], drawn[1::2]


def test_games_are_points_with_a_running_mean_over_the_steps_played(tmp_path):
    path = games(
        tmp_path / "a.games.csv",
        *[("random", 1), ("train", 2), ("train", 4), ("test", 9), ("train", 6), ("test", 7)],
    )
    drawn = panels(path, fields=["score"])
    axes = drawn["Score of each game"]
    points, means = points_and_means(axes)
    assert points == [([100], [1]), ([200, 300, 500], [2, 4, 6]), ([400, 600], [9, 7])]
    assert means == [([100], [1]), ([200, 300, 500], [2, 3, 4]), ([400, 600], [9, 8])]
    assert {line.get_linestyle() for line in axes.lines[::2]} == {"None"}
    assert {line.get_marker() for line in axes.lines[::2]} == {"o"}
    assert {line.get_marker() for line in axes.lines[1::2]} == {"None"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Steps played", "Score")


def test_the_running_mean_is_of_the_last_hundred_games(tmp_path):
    scores = np.random.default_rng(1).integers(-5, 20, 350)
    path = games(tmp_path / "a.csv", *(("test", score) for score in scores))
    _, ((_, mean),) = points_and_means(panels(path, fields=["score"])["Score of each game"])
    expected = [np.mean(scores[max(0, i - 99) : i + 1]) for i in range(350)]
    np.testing.assert_allclose(mean, expected)


def test_a_number_that_is_none_leaves_a_gap_in_the_running_mean_alone():
    nan = math.nan
    mean = running_mean(np.array([nan, 1.0, nan, 3.0]))
    np.testing.assert_array_equal(mean, [nan, 1, 1, 2])


def test_one_command_draws_score_and_length_of_the_games_beside_their_csv(tmp_path):
    rng = np.random.default_rng(1)
    rows = [(phase, rng.integers(20)) for phase in ("train", "test") for _ in range(700)]
    games(tmp_path / "pong.games.csv", *rows)
    result = script("pong.games.csv", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "Wrote pong.games.png\n")
    pixels = matplotlib.image.imread(tmp_path / "pong.games.png")
    assert pixels.shape == (720, 1280, 4)
    for panel in (pixels[:600, :640], pixels[:600, 640:]):
        assert near(panel, BLUE) > 200
        assert near(panel, RED) > 200
    assert near(pixels, pale(PALETTE[0], 0.65)) > 2000


@pytest.mark.parametrize("runs", [1, 3])
def test_the_legend_of_games_names_phases_points_and_lines(tmp_path, runs):
    path = games(tmp_path / "a.csv", ("play", 1), ("train", 2), ("other", 3))
    run = plot.read_run(path, None)
    many = [plot.Run(f"run {number}", run.phases, is_of_games=True) for number in range(runs)]
    picture = plot.figure(many, plot.DEFAULT_GAME_FIELDS)
    names = [run.name for run in many] if runs > 1 else []
    names += ["Train", "Play", "A game", "Mean of the last 100 games"]
    assert list(legend(picture)) == names


@pytest.mark.parametrize(("count", "runs"), [(1, 1), (2, 1), (4, 3)])
def test_no_text_of_games_lies_on_another_or_outside(tmp_path, count, runs):
    path = games(tmp_path / "a.csv", *(("train", 10**6 * i) for i in range(300)))
    fields = list(plot.GAME_COLUMNS)[:count]
    run = plot.read_run(path, fields)
    many = [plot.Run(f"breakout_{i}.games", run.phases, is_of_games=True) for i in range(runs)]
    assert_no_text_overlaps(plot.figure(many, fields), count)


def test_many_games_make_no_huge_vector_picture_and_the_same_each_time(tmp_path):
    rng = np.random.default_rng(1)
    path = games(tmp_path / "a.games.csv", *(("test", score) for score in rng.random(30_000)))
    made = []
    for _ in range(2):
        for kind in ("svg", "pdf", "eps"):
            output = tmp_path / f"a.{kind}"
            assert plot.main([str(path), "--fields", "score", "--output", str(output)]) == 0
            made.append(output.read_bytes())
    assert made[:3] == made[3:]
    assert max(map(len, made)) < 4_000_000  # EPS does not compress it, and grows no further


def test_a_game_that_is_being_written_changes_nothing_before_it(tmp_path):
    path = games(tmp_path / "a.csv", ("test", 250), ("test", 250))
    text = path.read_text()
    start = text.rindex("\n", 0, -1) + 1
    for end in range(start, len(text)):
        path.write_text(text[:end])
        assert set(phases(path, ["score"])["test"]["score"]) == {250}


def test_games_and_phases_in_one_picture_are_a_mistake(tmp_path, capsys):
    of_games = games(tmp_path / "a.games.csv", ("test", 1))
    for paths in ([BREAKOUT, of_games], [of_games, BREAKOUT], [of_games, of_games, BREAKOUT]):
        arguments = ["--output", str(tmp_path / "a.png"), "--fields", "steps"]
        assert plot.main([*map(str, paths), *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{of_games} is of games and {BREAKOUT} of phases" in line
    assert not (tmp_path / "a.png").exists()


def test_a_field_that_games_lack_is_a_mistake(tmp_path, capsys):
    path = games(tmp_path / "a.games.csv", ("test", 1))
    assert plot.main([str(path), "--fields", "meanq"]) == 2
    assert "no column meanq; it has epoch, phase, score, " in capsys.readouterr().err


# Large files


MEMORY = """
import resource, sys
import plot
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    plot.read_run(plot.Path(sys.argv[1]), ["meanq"])
except plot.UserError as error:
    print(error, file=sys.stderr)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(
    ("header", "line", "count"),
    [
        ("epoch,phase,meanq", "1,test,2", 600_000),
        ("epoch,phase,meanq", "1,other,2", 600_000),
        ("a", "1", 5_000_000),
        ("epoch,phase,meanq", "", 2_000_000),
    ],
)
def test_short_rows_take_little_memory(tmp_path, header, line, count):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n" + f"{line}\n" * count)
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    command = [sys.executable, "-c", MEMORY, path]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert float(done.stdout) < 40  # MiB; it was a hundred bytes and more for each row


def test_too_many_rows_are_a_mistake(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dqn.report.rows.MAX_ROWS", 100)
    rows = [row(epoch, "test") for epoch in range(101)]
    path = write(tmp_path / "a.csv", *rows)
    assert plot.main([str(path)]) == 2
    assert "has more than 100 rows: draw a part of it" in capsys.readouterr().err
    assert plot.main([str(write(path, *rows[:100])), "--fields", "meanq"]) == 0


@pytest.mark.slow
def test_a_curve_of_many_points_is_drawn(tmp_path):
    rng = np.random.default_rng(1)
    curves = {"epoch": array("d", rng.random(200_000)), "meanq": array("d", rng.random(200_000))}
    picture = plot.figure([plot.Run("a", {"test": curves})], ["meanq"])
    plot.save(picture, tmp_path / "a.png", 80)


# Mistakes


def bad(name, word, *arguments, content=None):
    return pytest.param(word, arguments, content, id=name)


def sizes(dpi, width, height):
    return "--dpi", dpi, "--figure_width", width, "--figure_height", height


@pytest.mark.parametrize(
    ("word", "arguments", "content"),
    [
        bad("no argument", "csv_file"),
        bad("no such file", "missing.csv", "missing.csv"),
        bad("a folder", "directory", "."),
        bad("an empty path", "directory", ""),
        bad("empty", "is empty", "bad.csv", content=b""),
        bad("blank lines", "is empty", "bad.csv", content=b"\n\n"),
        bad("binary", "not a CSV", "bad.csv", content=bytes(range(256))),
        bad("not UTF-8", "not a CSV", "bad.csv", content=b"caf\xe9,phase\n"),
        bad("UTF-16", "not a CSV", "bad.csv", content=HEADER.encode("utf-16")),
        bad("prose", "no column epoch", "bad.csv", content=b"dear diary\nfoo\n"),
        bad("header only", "nothing to plot", "bad.csv", content=f"{HEADER}\n".encode()),
        bad("half a row", "nothing to plot", "bad.csv", content=f"{HEADER}\n1,te".encode()),
        bad(
            "only played",
            "nothing to plot",
            "bad.csv",
            content=f"{HEADER}\n{row(0, 'play')}\n".encode(),
        ),
        bad(
            "not a number",
            "bad.csv, line 3: meanq is 'high', not a number",
            "bad.csv",
            content=f"{HEADER}\n{row(1, 'test')}\n{row(2, 'test', meanq='high')}\n".encode(),
        ),
        bad(
            "empty cell",
            "line 2: meanq",
            "bad.csv",
            content=f"{HEADER}\n{row(1, 'test', meanq='')}\n".encode(),
        ),
        bad(
            "epoch not a number",
            "line 2: epoch",
            "bad.csv",
            content=f"{HEADER}\n{row('nan', 'test')}\n".encode(),
        ),
        bad(
            "short row",
            "line 2 has 3 values instead of 16",
            "bad.csv",
            content=f"{HEADER}\n1,test,2\n{row(1, 'test')}\n".encode(),
        ),
        bad("unknown field", "no column nonsense;", "good.csv", "--fields", "meanq,nonsense"),
        bad("known fields", "weight_updates", "good.csv", "--fields", "nonsense"),
        bad("phase as field", "line 2: phase", "good.csv", "--fields", "phase"),
        bad("no field", "--fields", "good.csv", "--fields", ","),
        bad("second file bad", "missing.csv", "good.csv", "missing.csv"),
        bad("unknown ending", ".eps", "good.csv", "--output", "a.jpg"),
        bad("no ending", ".eps", "good.csv", "--output", "a"),
        bad("no such folder", "no folder nowhere", "good.csv", "--output", "nowhere/a.png"),
        bad("folder is a file", "no folder", "good.csv", "--output", "good.csv/a.png"),
        bad("output is a folder", "is a folder", "good.csv", "--output", "folder.png"),
        bad("long name", "too long", "good.csv", "--output", "x" * 300 + ".png"),
        bad("output is input", "overwrite", "csv.png", "--output", "./csv.png"),
        bad("both outputs", "--png_file", "good.csv", "--output", "a.png", "--png_file", "b.png"),
        bad("unknown option", "--nonsense", "good.csv", "--nonsense"),
        bad("unknown game", "breakout", "good.csv", "--human", "chess"),
        bad("game without a score", "breakout", "good.csv", "--human", "adventure"),
        bad("negative skiprows", "--skiprows", "good.csv", "--skiprows", "-1"),
        bad("all skipped", "nothing to plot", "good.csv", "--skiprows", "9" * 30),
        bad("no delimiter", "--delimiter", "good.csv", "--delimiter", ""),
        bad("long delimiter", "--delimiter", "good.csv", "--delimiter", ",,"),
        bad("line break as delimiter", "--delimiter", "good.csv", "--delimiter", "\n"),
        bad("other delimiter", "no column epoch", "good.csv", "--delimiter", ";"),
        *(
            bad(f"{option} {value}", option, "good.csv", option, value)
            for option in ("--dpi", "--figure_width", "--figure_height")
            for value in ("0", "-5", "nan", "inf", "1e6", "wide")
        ),
        bad("all negative", "--dpi", "good.csv", *sizes("-80", "-16", "-9")),
        bad("inches too small", "--dpi", "good.csv", *sizes("50000", "0.01", "0.01")),
        bad("too many pixels", "pixels", "good.csv", "--dpi", "4000"),
        bad("too few pixels", "100", "good.csv", "--dpi", "5"),
    ],
)
def test_a_mistake_gives_one_line_and_changes_no_file(
    tmp_path, monkeypatch, capsys, word, arguments, content
):
    write(tmp_path / "good.csv", row(1, "test"))
    write(tmp_path / "csv.png", row(1, "test"))
    (tmp_path / "good.png").write_text("old")
    (tmp_path / "folder.png").mkdir()
    if content is not None:
        (tmp_path / "bad.csv").write_bytes(content)
        (tmp_path / "bad.png").write_text("old")

    def files():
        return {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}

    before = files()
    monkeypatch.chdir(tmp_path)
    assert plot.main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("error: ")
    assert word in said.err
    assert files() == before


@pytest.mark.parametrize("arguments", [["missing.csv"], ["--dpi", "0", "missing.csv"]])
def test_the_script_ends_with_status_2_after_a_mistake(tmp_path, arguments):
    result = script(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
