"""What a person at the game sees, and what each key does to the game."""

import itertools

import numpy as np
import pytest

from dqn.player.keyboard import Command
from helpers.networks import make_network
from helpers.watched import Script, Watched, paddle


@pytest.fixture
def display():
    return Script()


@pytest.fixture
def watched(display):
    with Watched(display) as watched:
        display.press(*[Command.FASTER] * 3)
        watched.step()
        yield watched


def test_frames_are_shown_in_order_and_not_only_one_of_each_step(display):
    with Watched(display) as watched:
        watched.play_until(lambda: len(watched.frames) > 60)
    numbers = {id(frame): number for number, frame in enumerate(watched.frames)}
    shown = [numbers[id(picture)] for picture in display.pictures]
    assert shown == sorted(set(shown))
    assert 1 in np.diff(shown)  # on a busy machine, not all of them are shown in time


def test_the_game_is_the_same_whether_it_is_watched_or_not(display):
    def game(is_watched):
        with Watched(display) as watched:
            if is_watched:
                display.press(*[Command.FASTER] * 3, Command.OVERLAY, Command.HELP)
                display.press(Command.SALIENCY, Command.STRONGER)
            else:
                watched.game.on_frame = None
            for _ in range(60):
                watched.step()
        return watched.actions, watched.actor.state.copy()

    (actions, state), (watched_actions, watched_state) = game(False), game(True)
    assert actions == watched_actions
    assert len(set(actions)) > 1  # with random ones among them
    np.testing.assert_array_equal(state, watched_state)


def test_slower_and_faster(watched, display):
    assert watched.view.status[-1] == "8×"
    display.press(*[Command.SLOWER] * 4)
    watched.look()
    assert watched.view.status[-1] == "0.5×"


def test_a_person_takes_over_plays_and_gives_back(watched, display):
    assert watched.view.who == "the network plays"
    display.press(Command.TAKE_OVER)
    watched.look()
    assert watched.view.who == "you play"
    before = paddle(watched.frames[-1])
    display.joystick.press("right")
    watched.play_until(lambda: paddle(watched.frames[-1]) > before + 20)
    assert watched.actions[-1] == "right"
    display.joystick.release("right")
    display.joystick.press("fire")
    watched.step()
    assert watched.actions[-1] == "fire"
    display.joystick.release("fire")
    for _ in range(3):
        watched.step()
    assert watched.actions[-3:] == ["no-op"] * 3
    display.press(Command.TAKE_OVER)
    watched.play_until(lambda: watched.actions[-1] != "no-op", "the network acts")
    assert watched.view.who == "the network plays"


def test_without_a_network_the_person_plays_from_the_start(display):
    with Watched(display, with_network=False) as watched:
        display.press(*[Command.FASTER] * 3, Command.TAKE_OVER, Command.OVERLAY)
        display.joystick.press("left")
        for _ in range(3):
            watched.step()
        assert watched.actions == ["left"] * 3
        assert watched.view.who == "you play"
        assert "no network" in watched.view.message
        assert watched.view.insight.q_values is None


def test_saliency_is_laid_over_the_picture_and_taken_away(watched, display):
    assert watched.view.paint is watched.view.strip is None
    display.press(Command.SALIENCY)
    watched.step()
    watched.look()
    picture = watched.frames[-1]
    painted = watched.view.paint(picture)
    assert (painted != picture).any()
    assert (np.ptp(painted.astype(int), axis=2) > np.ptp(picture.astype(int), axis=2)).any()
    strip = watched.view.strip(600, 100)
    assert (strip == (86, 180, 233)).all(2).any()  # the line of an action
    display.press(Command.SALIENCY)
    watched.look()
    assert watched.view.paint is watched.view.strip is None


def test_the_colour_of_saliency_is_made_weaker_and_stronger(watched, display):
    display.press(Command.WEAKER)
    watched.look()
    assert watched.view.message == "press v first: it shows what the action’s value depends on"
    display.press(Command.SALIENCY, Command.WEAKER, Command.WEAKER)
    watched.look()
    assert watched.view.message == "colour 60 %"
    display.press(*[Command.STRONGER] * 9)
    watched.look()
    assert watched.view.message == "colour 100 %"


def test_saliency_can_be_there_from_the_start_and_begins_anew_with_each_game(display):
    with Watched(display, shows_saliency=True, max_game_frames=60) as watched:
        display.press(*[Command.FASTER] * 3)
        watched.step()
        assert watched.view.paint
        empty = watched.player._highlighter.strip(600, 100)
        watched.play_until(lambda: watched.actor._steps > 8)
        assert not np.array_equal(watched.player._highlighter.strip(600, 100), empty)
        steps = watched.actor._steps
        watched.play_until(lambda: watched.actor._steps < steps, "another game")
        assert len(watched.player._highlighter._values) <= watched.actor._steps


def test_without_a_network_there_is_no_saliency(display):
    with Watched(display, with_network=False) as watched:
        display.press(*[Command.FASTER] * 3, Command.SALIENCY)
        watched.step()
        watched.look()
        assert "no network to look into" in watched.view.message
        assert watched.view.paint is None


def test_pausing_waits_until_it_is_told_to_go_on(watched, display):
    polls = itertools.count()
    poll = display.poll

    def poll_and_go_on():
        frames = len(watched.frames)
        count = next(polls)
        if count == 5:
            assert watched.view.status[-1] == "paused"
            display.press(Command.STEP)
            display.frames_before = frames
        if count == 30:
            # The step's frames have been shown, and the last waits again.
            assert frames == display.frames_before + 4
            display.press(Command.PAUSE)
        return poll()

    display.poll = poll_and_go_on
    display.press(Command.PAUSE)
    frames = len(watched.frames)
    watched.play_until(lambda: next(polls) > 40)
    assert len(watched.frames) > frames + 4
    assert "paused" not in watched.view.status


def test_a_step_pauses_first(watched, display):
    display.press(Command.STEP)
    poll = display.poll

    def poll_and_go_on():
        if "paused" in watched.view.status:
            display.press(Command.PAUSE)
            display.was_paused = True
        return poll()

    display.poll = poll_and_go_on
    watched.step()
    assert display.was_paused


def test_help_and_overlay_are_shown_and_taken_away(watched, display):
    assert not watched.view.help
    assert watched.view.insight is None
    display.press(Command.HELP, Command.OVERLAY)
    watched.look()
    assert watched.view.help
    insight = watched.view.insight
    network = make_network(num_actions=watched.game.num_actions)
    np.testing.assert_allclose(insight.q_values, network.predict(insight.state[np.newaxis])[0])
    assert insight.actions == ["no-op", "fire", "right", "left"]
    assert insight.actions[insight.action] == watched.actions[-1]
    assert insight.exploration_rate == 0.05
    display.press(Command.HELP, Command.OVERLAY)
    watched.look()
    assert not watched.view.help
    assert watched.view.insight is None


def test_the_overlay_is_there_before_the_first_choice(display):
    with Watched(display) as watched:
        display.press(Command.OVERLAY)
        watched.step()
        assert watched.views[0].insight.action is None
        assert watched.views[0].insight.exploration == ""
        assert watched.views[0].insight.q_values is not None


def test_full_screen_is_the_displays_affair(watched, display):
    display.press(Command.FULL_SCREEN)
    watched.step()
    assert display.is_full_screen


def test_the_volume_says_when_there_is_no_sound(watched, display):
    display.press(Command.LOUDER)
    watched.look()
    assert watched.view.message == "there is no sound"


@pytest.fixture
def shooting(display):
    """A person who shoots at what invades from space, unwatched until there are points."""
    with Watched(display, game="space_invaders", with_network=False) as watched:
        display.press(*[Command.FASTER] * 3)
        display.joystick.press("fire")
        watched.step()
        watched.game.on_frame, on_frame = None, watched.game.on_frame
        watched.play_until(lambda: watched.actor.score > 0)
        watched.on_frame = on_frame
        yield watched


def test_score_and_lives_are_shown(shooting, display):
    shooting.play_until(lambda: shooting.game.lives < 3)
    shooting.game.on_frame = shooting.on_frame
    shooting.step()
    shooting.look()
    score, lives, _ = shooting.view.status
    assert score == f"score {shooting.actor.score:g}"
    assert lives == f"lives {shooting.game.lives}"


def test_the_score_of_a_game_that_ended_is_told(display):
    with Watched(display, game="pong", with_network=False) as watched:
        display.press(*[Command.FASTER] * 6)
        watched.step()
        assert not any(part.startswith("lives") for part in watched.view.status)  # Pong has none
        watched.game.on_frame, on_frame = None, watched.game.on_frame
        watched.play_until(lambda: watched.actor.score == 0 and len(watched.actions) > 500)
        watched.game.on_frame = on_frame
        watched.look()
        assert watched.view.message.startswith("game over, score -2")


def pongs_paddle(picture):
    """The top and the bottom row of the right paddle; None while there is none."""
    (rows,) = np.nonzero((picture[34:194, 140] == (92, 186, 92)).all(1))
    return (rows[0], rows[-1]) if len(rows) else None


@pytest.mark.parametrize(("keys", "end"), [(("up", "w"), (0, 1)), (("down", "s"), (158, 159))])
def test_up_and_down_move_pongs_paddle_up_and_down(display, keys, end):
    for key in keys:
        with Watched(display, game="pong", with_network=False) as watched:
            display.press(*[Command.FASTER] * 3)
            watched.step()
            watched.play_until(lambda w=watched: pongs_paddle(w.frames[-1]), "the paddle is there")
            display.joystick.press(key)
            watched.play_until(
                lambda w=watched: set(end) & set(pongs_paddle(w.frames[-1]) or ()), "it is there"
            )


def test_letters_are_the_joystick_while_a_person_plays_alone(watched, display):
    assert not display.joystick.takes_letters
    assert ("m", "take over: you play") in help_lines(watched, display)
    display.press(Command.TAKE_OVER)
    watched.look()
    assert display.joystick.takes_letters
    lines = dict(watched.view.help)
    assert lines["Up  Right  W  D"] == "right"
    assert "-  +" in lines
    display.press(Command.TAKE_OVER)
    watched.look()
    assert not display.joystick.takes_letters


def help_lines(watched, display):
    display.press(Command.HELP)
    watched.look()
    return watched.view.help


class AfterAGame:
    """A person who does something, again and again, while the score of an ended game stays."""

    def __init__(self, watched, display):
        self.seen = []  # what was shown while the game waited
        self.commands = []
        poll = display.poll

        def poll_and_press():
            if watched.views and watched.view.announcement:
                self.seen.append(watched.view)
                if self.commands and len(self.seen) % 3 == 0:
                    display.press(self.commands.pop(0))
            return poll()

        display.poll = poll_and_press


SHORT = {"waits_after_games": True, "max_game_frames": 100}  # more than a random start


def test_the_score_stays_after_a_game_until_enter_is_pressed(display):
    with Watched(display, with_network=False, **SHORT) as watched:
        after = AfterAGame(watched, display)
        after.commands = [
            *(Command.HELP, Command.HELP, Command.FASTER, Command.OVERLAY),
            *(Command.PAUSE, Command.PAUSE, Command.PLAY_AGAIN),
        ]
        watched.play_until(lambda: after.seen, "the game is over")
        assert not after.commands  # none but the last ended the waiting
        assert watched.game.frame_number() <= 20  # it is another game now
        assert after.seen[0].status[:2] == ["score 0", "game over"]
        assert after.seen[0].announcement[0] == "game over, score 0"
        assert {"Enter", "q"} <= set(after.seen[0].announcement[1].replace(":", "").split())
        shown = zip(display.pictures, watched.views, strict=True)
        waiting = {id(picture) for picture, view in shown if view.announcement}
        assert waiting == {id(watched.frames[99])}
        watched.look()
        assert not watched.view.announcement
        assert "game over" not in watched.view.message
        assert not watched.player.has_quit


def test_the_score_after_a_game_has_the_points_of_its_last_step(display):
    with Watched(display, game="pong", with_network=False, waits_after_games=True) as watched:
        after = AfterAGame(watched, display)
        after.commands = [Command.PLAY_AGAIN]
        watched.game.on_frame, on_frame = None, watched.game.on_frame
        watched.play_until(lambda: watched.actor.score <= -20)
        watched.game.on_frame = on_frame
        display.press(*[Command.FASTER] * 3)
        watched.play_until(lambda: after.seen, "the game is over")
        assert after.seen[0].announcement[0] == "game over, score -21"
        assert after.seen[0].status[0] == "score -21"


def test_what_is_pressed_while_the_score_stays_does_not_play_the_next_game(display):
    with Watched(display, with_network=False, **SHORT) as watched:
        after = AfterAGame(watched, display)
        after.commands = [Command.PLAY_AGAIN]
        show = display.show

        def show_and_tap(picture, view):
            show(picture, view)
            if view.announcement:
                display.joystick.press("fire")
                display.joystick.release("fire")

        display.show = show_and_tap
        watched.play_until(lambda: after.seen, "the game is over")
        for _ in range(3):
            watched.step()
        assert "fire" not in watched.actions


def test_quitting_after_a_game_leaves_no_unfinished_one(display):
    with Watched(display, with_network=False, **SHORT) as watched:
        after = AfterAGame(watched, display)
        after.commands = [Command.QUIT]
        watched.play_until(lambda: watched.player.has_quit)
        assert watched.player.unfinished_score is None
        assert after.seen


def test_quitting_in_a_game_tells_its_score(shooting, display):
    shooting.game.on_frame = shooting.on_frame
    assert shooting.player.unfinished_score is None
    display.press(Command.QUIT)
    shooting.step()
    assert shooting.player.unfinished_score == shooting.actor.score > 0


def test_a_signal_ends_the_waiting_after_a_game(display):
    with Watched(display, with_network=False, **SHORT) as watched:
        after = AfterAGame(watched, display)
        display.press(*[Command.FASTER] * 3)
        poll = display.poll

        def poll_and_stop():
            watched.is_stopping = len(after.seen) > 3
            return poll()

        display.poll = poll_and_stop
        watched.play_until(lambda: watched.is_stopping)
        assert not watched.player.has_quit


def test_games_that_are_counted_follow_without_waiting(display):
    with Watched(display, max_game_frames=100) as watched:
        display.press(*[Command.FASTER] * 3)
        for _ in range(60):
            watched.step()
        assert len(watched.frames) > 200
        assert not any(view.announcement for view in watched.views)


@pytest.mark.parametrize("is_paused", [False, True])
def test_quitting_and_a_signal_end_the_waiting_at_once(display, is_paused):
    with Watched(display) as watched:
        if is_paused:
            display.press(Command.PAUSE)
        display.press(*[Command.SLOWER] * 3, Command.QUIT)
        for _ in range(20):
            watched.step()
        assert watched.player.has_quit
        assert len(watched.views) <= 1
    assert display.is_closed
    assert watched.game.on_frame is None


def test_a_signal_ends_a_pause(display):
    with Watched(display) as watched:
        display.press(Command.PAUSE)
        poll = display.poll

        def poll_and_stop():
            watched.is_stopping = len(watched.views) > 3
            return poll()

        display.poll = poll_and_stop
        watched.step()
        assert not watched.player.has_quit


class Listener:
    """A speaker that keeps what it is given."""

    volume = 0.5

    def __init__(self):
        self.sounds = []

    def play(self, sound):
        self.sounds.append(sound)

    def louder(self):
        self.volume = 0.6

    def close(self):
        pass


def test_sound_is_played_at_true_speed_only(display):
    listener = Listener()
    with Watched(display, game="space_invaders", speaker=listener) as watched:
        watched.step()
        assert len(listener.sounds) == len(watched.frames)
        assert {sound.shape for sound in listener.sounds} == {(512,)}
        display.press(Command.FASTER, Command.LOUDER)
        watched.look()
        heard = len(listener.sounds)
        assert watched.view.message == "volume 60 %"
        watched.step()
        assert len(listener.sounds) == heard
        display.press(Command.SLOWER)
        watched.play_until(lambda: len(listener.sounds) > heard)


def test_r_records_what_is_seen_until_it_is_pressed_again(display, tmp_path):
    av = pytest.importorskip("av")
    (tmp_path / "breakout-played-1.mov").touch()  # an older one
    with Watched(display, videos=tmp_path) as watched:
        display.press(*[Command.FASTER] * 3, Command.RECORD)
        watched.look()
        assert watched.view.is_recording
        assert watched.view.message == "recording to breakout-played-2.mov"
        begin = len(watched.frames)
        for _ in range(10):
            watched.step()
        display.press(Command.RECORD)
        watched.look()
        assert not watched.view.is_recording
        assert watched.view.message == "recorded"
    with av.open(str(tmp_path / "breakout-played-2.mov")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        assert file.metadata["comment"].rstrip().endswith(", seed: 1")
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert 40 <= len(pictures) <= len(watched.frames)
    shown = pictures[0][2::4, 3::7].astype(int)
    assert min(abs(shown - frame).mean() for frame in watched.frames[: begin + 1]) <= 4
    assert not list(tmp_path.glob("breakout-played-1.mov.*"))
    assert (tmp_path / "breakout-played-1.mov").stat().st_size == 0


def test_quitting_completes_a_recording(display, tmp_path):
    av = pytest.importorskip("av")
    with Watched(display, videos=tmp_path / "new folder") as watched:
        display.press(*[Command.FASTER] * 3, Command.RECORD)
        for _ in range(5):
            watched.step()
    with av.open(str(tmp_path / "new folder" / "breakout-played-1.mov")) as file:
        assert file.streams.video[0].frames >= 20


def test_a_recording_that_cannot_be_written_is_told_and_the_game_goes_on(display, tmp_path):
    pytest.importorskip("av")
    (tmp_path / "videos").touch()
    with Watched(display, videos=tmp_path / "videos") as watched:
        display.press(*[Command.FASTER] * 3, Command.RECORD)
        watched.look()
        assert not watched.view.is_recording
        assert "cannot write into the folder" in watched.view.message
        watched.step()
