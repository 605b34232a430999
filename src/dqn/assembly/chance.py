"""What is random in a run."""

import numpy as np


class Chance:
    """Every source of random numbers, each with a generator of its own, from one seed."""

    def __init__(self, random_seed: int):
        names = ("train", "test", "game", "memory", "network")
        self.seeds = dict(zip(names, np.random.SeedSequence(random_seed).spawn(5), strict=True))
        self.generators = {
            name: np.random.default_rng(seed) for name, seed in self.seeds.items() if name != "game"
        }
