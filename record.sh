#!/usr/bin/env bash
# Records a game that a trained network plays: ./record.sh [SNAPSHOT] [flags of src/main.py]
#
# Without SNAPSHOT, a network plays that came with this program.
# snapshots/breakout_10.pkl becomes videos/breakout_10.mov, and its frames videos/breakout/000000.png and so on.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./record.sh SNAPSHOT [flags], for example ./record.sh snapshots/breakout_77.pkl'
! plays_pretrained "$@" || set -- "$pretrained" "$@"
snapshot=${1:-}
case $snapshot in
  '' | @*) show_usage "$usage" ;;
  -*) run main.py "$@" ;;
esac
shift

name_snapshot "$snapshot"
folder=$name
with_epoch='^(.+)_[0-9]+([.][0-9]+)?$'
[[ ! $name =~ $with_epoch ]] || folder=${BASH_REMATCH[1]}

run main.py --load_weights "$snapshot" --play_games 1 \
  --video_file "$root/videos/$name.mov" --record_screen_path "$root/videos/$folder" "$@"
