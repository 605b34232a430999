#!/usr/bin/env bash
# Tests a network that was trained on an environment of Gymnasium: ./test_gym.sh SNAPSHOT [flags of src/main.py]
#
# snapshots/Breakout-v5_77.pkl plays 100 episodes, as the original. results/Breakout-v5/ gets the statistics of each
# (episodes.csv, episodes.json) and the video of every 25th one from the first on (episode_000001.mp4 and so on).
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./test_gym.sh SNAPSHOT [flags], for example ./test_gym.sh snapshots/Breakout-v5_77.pkl'
snapshot=${1:-}
case $snapshot in
  '' | -* | @*) show_usage "$usage" ;;
esac
shift

name_snapshot "$snapshot"
with_epoch='^(.+)_([0-9]+([.][0-9]+)?|best)$'
[[ ! $name =~ $with_epoch ]] || name=${BASH_REMATCH[1]}

requirements=(requirements.txt requirements-gym.txt)
! asks_for_hub "$snapshot" || requirements+=(requirements-share.txt)
find_python "${requirements[@]}"
run main.py --load_weights "$snapshot" --random_steps 0 --train_steps 0 --epochs 1 --test_games 100 \
  --record_episodes every:25 --episodes_path "$root/results/$name" "$@"
