"""The card that the hub shows: what is read of it, and what cannot break it."""

import re

import yaml
from huggingface_hub import ModelCard

from dqn.sharing.card import name_repository, plain, write_card
from dqn.sharing.training import Training


def test_the_hubs_own_reader_and_check_take_it(client, card):
    text = write_card(card())
    data = ModelCard(text).data
    (result,) = data.eval_results
    assert data.library_name == "simple_dqn"
    assert "PongNoFrameskip-v4" in data.tags
    assert (result.task_type, result.metric_type) == ("reinforcement-learning", "mean_reward")
    # By hand: 10, 20, 15, 15 deviate from their mean by 5, 5, 0, 0.
    assert result.metric_value == "15.00 +/- 3.54"
    assert (result.dataset_name, result.verified) == ("PongNoFrameskip-v4", False)
    ModelCard(text).validate()
    assert yaml.safe_load(client.cards[-1].split("---\n")[1])["model-index"][0]["name"] == "DQN"


def test_the_scores_are_those_of_the_table_and_human_normalised(card):
    rows = [line for line in write_card(card()).splitlines() if line.startswith("| 4 |")]
    # (15 + 20.7) / (14.6 + 20.7) = 1.011
    assert rows == ["| 4 | 15.00 ± 3.54 | 10 | 20 | -20.7 | 14.6 | 101 % |"]


def test_a_game_that_nobody_compared_has_no_human_score(card):
    assert "human" not in write_card(card(game=None, environment="CartPole-v1")).lower().replace(
        "human-level control", ""
    )


def test_what_is_known_of_the_training_stands_in_it(card):
    text = write_card(card())
    assert "```bash\n./train.sh pong\n```" in text
    assert "| training steps | 1,000 |" in text
    assert "| time, with tests | 1 hour 30 minutes |" in text
    assert "| hardware |" not in text
    long = write_card(card(training=Training(command="./train.sh pong" + " --epochs 1" * 10)))
    lines = long.split("```bash\n")[1].split("\n```")[0].split(" \\\n    ")
    assert " ".join(lines) == "./train.sh pong" + " --epochs 1" * 10
    assert max(map(len, lines)) <= 96 < 11 * 10
    assert "not recorded" in write_card(card(training=Training()))


def test_no_text_from_a_file_becomes_markup(card):
    evil = "<script>alert(1)</script> | [x](http://x) `y`\n# z"
    training = Training(command="a\n```\n# b", hardware=evil)
    text = write_card(card(title=evil, actions=[evil], training=training))
    assert not re.search(r"(?<!\\)<script", text)
    assert "\n# z" not in text
    assert "````bash\na\n```\n# b\n````" in text
    assert plain("a*b_c") == r"a\*b\_c"


def test_the_commands_name_the_repository_also_if_it_changes(card):
    text = write_card(card())
    assert "./play.sh hf:OWNER/NAME" in text
    first = name_repository(text, "me/dqn-pong")
    assert "./play.sh hf:me/dqn-pong\n" in first
    assert "OWNER/NAME" not in first
    assert name_repository(first, "you/x") == name_repository(text, "you/x")


def test_the_licence_is_the_users_alone(card):
    assert ModelCard(write_card(card())).data.license is None
    assert ModelCard(write_card(card(licence="mit"))).data.license == "mit"
