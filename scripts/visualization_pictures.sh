#!/usr/bin/env bash
# Makes the pictures of docs/visualization.md: ./scripts/visualization_pictures.sh SNAPSHOT [FRAME] [LAYER]
#
# docs/saliency.png is a frame (600 by default) of a recording with --saliency true, docs/filters.png the part of
# the page of nvis.sh about a layer (0 is the first, 1 the default). Those of now are of
# snapshots/pretrained/breakout.safetensors and frame 301. It needs what ./run_tests.sh --system installs.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

snapshot=${1:-}
frame=${2:-600}
layer=${3:-1}
[[ -n $snapshot ]] || show_usage './scripts/visualization_pictures.sh SNAPSHOT [FRAME] [LAYER]'
find_python requirements.txt requirements-dev.txt
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

# The game is cut off after the frame, which is then the last one.
"$python" "$root/src/main.py" --load_weights "$snapshot" --saliency true --random_seed 1 --play_games 1 \
  --max_game_frames "$frame" --video_file "$folder/game.mov"
"$python" "$root/src/nvis.py" --load_weights "$snapshot" --random_seed 1 --play_games 1 \
  --visualization_filters 12 --visualization_file "$folder/page.html"

"$python" -c 'import sys, av; *_, last = av.open(sys.argv[1]).decode(video=0); last.to_image().save(sys.argv[2])' \
  "$folder/game.mov" "$root/docs/saliency.png"
"$python" "$root/scripts/screenshot.py" "$folder/page.html" "#layer$layer-section" "$root/docs/filters.png"
ls -l -- "$root/docs/saliency.png" "$root/docs/filters.png"
