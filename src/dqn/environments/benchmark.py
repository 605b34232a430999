"""The 57 games of the usual benchmark: how chance and a person play them; and five of the games.

The scores are those of DeepMind's `dqn_zoo` (`atari_data.py`): means of at least three episodes
that begin with 1 to 30 no-ops and end after 30 minutes (108,000 frames). To the rounding of one
digit, they are those of the table behind Atari-5 (Aitchison et al. 2023) in every game but two:
there, chance scores 148.3 in Space Invaders and 0 in Video Pinball. For the latter, some sources
give 16,256.9, as here, and others 0; with 0, a network's normalised score is far lower.
"""

import math
from collections.abc import Mapping

SOURCE = "dqn_zoo, atari_data.py (30 no-ops, at most 108,000 frames)"

# Game, as ALE names it: what chance scores, what a person scores.
SCORES = {
    "alien": (227.8, 7127.7),
    "amidar": (5.8, 1719.5),
    "assault": (222.4, 742.0),
    "asterix": (210.0, 8503.3),
    "asteroids": (719.1, 47388.7),
    "atlantis": (12850.0, 29028.1),
    "bank_heist": (14.2, 753.1),
    "battle_zone": (2360.0, 37187.5),
    "beam_rider": (363.9, 16926.5),
    "berzerk": (123.7, 2630.4),
    "bowling": (23.1, 160.7),
    "boxing": (0.1, 12.1),
    "breakout": (1.7, 30.5),
    "centipede": (2090.9, 12017.0),
    "chopper_command": (811.0, 7387.8),
    "crazy_climber": (10780.5, 35829.4),
    "defender": (2874.5, 18688.9),
    "demon_attack": (152.1, 1971.0),
    "double_dunk": (-18.6, -16.4),
    "enduro": (0.0, 860.5),
    "fishing_derby": (-91.7, -38.7),
    "freeway": (0.0, 29.6),
    "frostbite": (65.2, 4334.7),
    "gopher": (257.6, 2412.5),
    "gravitar": (173.0, 3351.4),
    "hero": (1027.0, 30826.4),
    "ice_hockey": (-11.2, 0.9),
    "jamesbond": (29.0, 302.8),
    "kangaroo": (52.0, 3035.0),
    "krull": (1598.0, 2665.5),
    "kung_fu_master": (258.5, 22736.3),
    "montezuma_revenge": (0.0, 4753.3),
    "ms_pacman": (307.3, 6951.6),
    "name_this_game": (2292.3, 8049.0),
    "phoenix": (761.4, 7242.6),
    "pitfall": (-229.4, 6463.7),
    "pong": (-20.7, 14.6),
    "private_eye": (24.9, 69571.3),
    "qbert": (163.9, 13455.0),
    "riverraid": (1338.5, 17118.0),
    "road_runner": (11.5, 7845.0),
    "robotank": (2.2, 11.9),
    "seaquest": (68.4, 42054.7),
    "skiing": (-17098.1, -4336.9),
    "solaris": (1236.3, 12326.7),
    "space_invaders": (148.0, 1668.7),
    "star_gunner": (664.0, 10250.0),
    "surround": (-10.0, 6.5),
    "tennis": (-23.8, -8.3),
    "time_pilot": (3568.0, 5229.2),
    "tutankham": (11.4, 167.6),
    "up_n_down": (533.4, 11693.2),
    "venture": (0.0, 1187.5),
    "video_pinball": (16256.9, 17667.9),
    "wizard_of_wor": (563.5, 4756.5),
    "yars_revenge": (3092.9, 54576.9),
    "zaxxon": (32.5, 9173.3),
}

ATARI_57 = tuple(SCORES)

# Five games, and their weights in the regression to the median of all 57 (Aitchison et al. 2023).
ATARI_5 = {
    "battle_zone": 0.38198,
    "double_dunk": 0.06791,
    "name_this_game": 0.31080,
    "phoenix": 0.12413,
    "qbert": 0.08049,
}
ATARI_5_ERROR = 0.104  # relative, in cross-validation

TITLES = {
    "hero": "H.E.R.O.",
    "jamesbond": "James Bond",
    "montezuma_revenge": "Montezuma's Revenge",
    "ms_pacman": "Ms. Pac-Man",
    "qbert": "Q*bert",
    "riverraid": "River Raid",
    "up_n_down": "Up'n Down",
    "wizard_of_wor": "Wizard of Wor",
    "yars_revenge": "Yars' Revenge",
}


def normalised(game: str, score: float) -> float:
    """The human-normalised score, 0 for chance and 1 for a person; NaN of a game not among the 57.

    (score − random) / (human − random), Mnih et al. 2015, extended data table 2.
    """
    if game not in SCORES:
        return math.nan
    chance, person = SCORES[game]
    return (score - chance) / (person - chance)


def median_of_57(scores: Mapping[str, float]) -> float:
    """The median over 57 games that Atari-5 predicts from the human-normalised `scores` of five.

    With n = 100 · max(0, score): (10^(Σ wᵢ·log₁₀(1 + nᵢ)) − 1) / 100. Games that are not among the
    five are ignored; raises KeyError if one of the five is missing.
    """
    logarithm = sum(
        weight * math.log10(1 + 100 * max(0.0, scores[game])) for game, weight in ATARI_5.items()
    )
    return (10**logarithm - 1) / 100


def title(game: str) -> str:
    """The name of a game as people write it."""
    return TITLES.get(game, game.replace("_", " ").title())
