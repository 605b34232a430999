#!/usr/bin/env bash
# Trains what docs/learning.md shows: ./scripts/learning_proof.sh [--left]
#
# The runs take turns, each for an hour, and resume exactly: stop this at any time and start it again. It takes
# about 15 hours of one core, and where there is a GPU, four more of it. --left only says what is left to do. Set
# OMP_NUM_THREADS=1 to leave other cores alone.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Game, label, last epoch, flags. After an epoch of `laptop`, of 50,000 steps, come 10 games of test. Those of the
# default have 250,000 steps and tests of 125,000, as the original's results have.
runs=(
  "breakout laptop1 20 @presets/laptop.args --epochs 20 --random_seed 1"
  "boxing laptop1 10 @presets/laptop.args --epochs 10 --random_seed 1"
  "pong laptop1 20 @presets/laptop.args --epochs 20 --random_seed 1"
  "pong laptop2 20 @presets/laptop.args --epochs 20 --random_seed 2"
  "pong laptop3 20 @presets/laptop.args --epochs 20 --random_seed 3"
  "breakout laptop2 20 @presets/laptop.args --epochs 20 --random_seed 2"
  "breakout default1 2 --epochs 2 --random_seed 1 --datatype bfloat16"
  "pong default1 2 --epochs 2 --random_seed 1 --datatype bfloat16"
)

# The default to its end, 50 million steps.
if command -v nvidia-smi >/dev/null; then
  runs+=("breakout gpu 200 --epochs 200 --random_seed 1 --datatype bfloat16 --overlap true --test_games 30")
fi

# How many epochs of run $1_$2 are tested already.
epochs_done() {
  local file="$root/results/$1_$2.csv"
  [[ -f $file ]] || { echo 0; return; }
  awk -F, '$2 == "test" { done = $1 } END { print done + 0 }' "$file"
}

print_left() {
  local run game label last _
  for run in "${runs[@]}"; do
    read -r game label last _ <<<"$run"
    echo "$game $label: $(epochs_done "$game" "$label") of $last epochs"
  done
}

if [[ ${1:-} == --left ]]; then
  print_left
  exit
fi
while :; do
  is_done=true
  for run in "${runs[@]}"; do
    read -r game label last flags <<<"$run"
    (($(epochs_done "$game" "$label") < last)) || continue
    is_done=false
    status=0
    # shellcheck disable=SC2086 # the flags are words
    (cd "$root" && ./train.sh "$game" "$label" $flags --max_computing_time 1h "$@") || status=$?
    [[ $status == 0 || $status == 75 ]] || exit "$status" # 75: its hour is over
  done
  [[ $is_done == false ]] || break
done
print_left
