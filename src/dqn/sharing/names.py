"""The names in a shared folder."""

LIBRARY = "simple_dqn"  # what the hub calls this program

README = "README.md"
CONFIG = "config.json"
RESULTS = "results.json"
WEIGHTS = "weights.safetensors"
AGENT = "agent.pt"
REPLAY = "replay.mp4"
SCREEN = "screen.png"
CSV = "training.csv"
CURVE = "curve.png"
CHECKSUMS = "SHA256SUMS"
FILES = (README, CONFIG, RESULTS, WEIGHTS, AGENT, REPLAY, SCREEN, CSV, CURVE, CHECKSUMS)
