#!/usr/bin/env bash
# Shows a game that a trained network plays, or lets you play it: ./play.sh [SNAPSHOT|GAME] [flags of src/main.py]
#
# Without SNAPSHOT or GAME, a network plays that came with this program.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

usage='./play.sh SNAPSHOT|GAME [flags], for example ./play.sh snapshots/breakout_77.pkl or ./play.sh roms/breakout.bin'
! plays_pretrained "$@" || set -- "$pretrained" "$@"
what=${1:-}
case $what in
  '' | @*) show_usage "$usage" ;;
  -*) run main.py "$@" ;;
esac
shift

# What is there and is no ROM is a snapshot, and so is what is named like one.
player=()
case $what in
  hf:*) player=(--load_weights) ;;
  *.bin | *.BIN) ;;
  *.pkl | *.prm | *.safetensors) player=(--load_weights) ;;
  *) [[ ! -f $what ]] || player=(--load_weights) ;;
esac

# One thread is fast enough for one state; two would wait for each other on a busy machine.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# bash 3.2 takes an empty array for an unset variable.
run main.py ${player[@]+"${player[@]}"} "$what" --play_games auto --display_screen auto "$@"
