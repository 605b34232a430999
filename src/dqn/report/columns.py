"""The columns of a run's CSV files, and how their curves are titled."""

# The columns of a CSV in their order, each with a title and the name or unit of its axis.
COLUMNS = {
    "epoch": ("Epoch", "Epoch"),
    "phase": ("Phase", ""),
    "steps": ("Steps per phase", "Steps"),
    "nr_games": ("Games per phase", "Games"),
    "average_reward": ("Average reward per game", "Reward"),
    "min_game_reward": ("Lowest reward of a game", "Reward"),
    "max_game_reward": ("Highest reward of a game", "Reward"),
    "last_exploration_rate": ("Exploration rate", "ε"),
    "total_train_steps": ("Training steps so far", "Steps"),
    "replay_memory_count": ("Replay memory size", "Transitions"),
    "meanq": ("Mean Q-value of validation states", "Q-value"),
    "meancost": ("Mean loss", "½ (TD error)²"),
    "weight_updates": ("Weight updates so far", "Updates"),
    "total_time": ("Time since the start", "Time (s)"),
    "epoch_time": ("Time per phase", "Time (s)"),
    "steps_per_second": ("Steps per second", "Steps/s"),
}
DEFAULT_FIELDS = ["average_reward", "meanq", "nr_games", "meancost"]
# The same of the numbers in a CSV of games.
GAME_COLUMNS = {
    "score": ("Score of each game", "Score"),
    "steps": ("Length of each game", "Steps"),
    "frames": ("Length of each game in frames", "Frames"),
    "seconds": ("Time of each game", "Time (s)"),
}
DEFAULT_GAME_FIELDS = ["score", "steps"]
MEAN_SCORES = {"average_reward", "score"}  # that a person's mean score can be compared with
OTHER_NAMES = {"phase_time": "epoch_time"}  # as the plot.py of simple_dqn called it
PHASES = {"random": "Random", "train": "Train", "test": "Test"}
GAME_PHASES = PHASES | {"play": "Play"}
TRAIN_ONLY = {"meancost", "weight_updates", "total_train_steps"}  # 0 or a copy in other phases
