#!/usr/bin/env bash
# Trains a network to play a game: ./train.sh GAME [LABEL] [flags of src/main.py]
#
# GAME is a ROM or its name; with --environment gym, the id of an environment of Gymnasium.
# Its snapshots are snapshots/<game>[_<label>]_<epoch>.*, its statistics results/<game>[_<label>].csv.
# Flags come last, so that the user's --csv_file, say, wins over the one given here.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./train.sh GAME [LABEL] [flags], for example ./train.sh roms/breakout.bin'
game=${1:-}
case $game in
  '' | @*) show_usage "$usage" ;; # an argument file in place of a game would train without saving anything
  -*) run main.py "$@" ;;
esac
shift

name=${game##*/}
name=${name%.*}
[[ -n $name ]] || show_usage "$usage"
label=''
case ${1--} in
  -* | @*) ;; # a flag, an argument file or nothing at all: no label
  '' | */*) fail "the label '$1' becomes part of file names: write one that is not empty and has no /" ;;
  *)
    label=_$1
    shift
    ;;
esac

if asks_for_gym "$@"; then
  name=${game##*/} # an id, such as ALE/Breakout-v5, is written as it is registered
else
  # Pong, PONG.BIN and pong are one run, and so are SpaceInvaders and space_invaders.
  find_python requirements.txt
  name=$("$python" "$root/src/game_name.py" "$name")
fi
name=$name$label
run main.py "$game" --save_weights_prefix "$root/snapshots/$name" --csv_file "$root/results/$name.csv" "$@"
