#!/usr/bin/env bash
# Shows what the filters of a trained network see, as a page: ./nvis.sh [SNAPSHOT] [flags of src/nvis.py]
#
# Without SNAPSHOT, it is a network that came with this program.
# snapshots/breakout_77.pkl plays a game and becomes results/breakout.html.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./nvis.sh SNAPSHOT [flags], for example ./nvis.sh snapshots/breakout_77.pkl'
! plays_pretrained "$@" || set -- "$pretrained" "$@"
snapshot=${1:-}
case $snapshot in
  '' | @*) show_usage "$usage" ;;
  -*) run nvis.py "$@" ;;
esac
shift

name_snapshot "$snapshot"
with_epoch='^(.+)_[0-9]+([.][0-9]+)?$'
[[ ! $name =~ $with_epoch ]] || name=${BASH_REMATCH[1]}

run nvis.py --load_weights "$snapshot" --play_games 1 --visualization_file "$root/results/$name.html" "$@"
