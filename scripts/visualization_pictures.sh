#!/usr/bin/env bash
# Makes the pictures of docs/visualization.md: ./scripts/visualization_pictures.sh SNAPSHOT [FRAME] [LAYER]
#
# docs/saliency.png is one frame (600 by default) of a recording with --saliency true, docs/filters.png the part of
# the page of nvis.sh about a layer (1 is the second). It needs Chromium, as ./run_tests.sh --system installs it.
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

snapshot=${1:-}
frame=${2:-600}
layer=${3:-1}
[[ -n $snapshot ]] || { echo "usage: ./scripts/visualization_pictures.sh SNAPSHOT [FRAME] [LAYER]" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

# The game is cut off after the frame, which is then the last one.
"$root/record.sh" "$snapshot" --saliency true --random_seed 1 --max_game_frames "$frame" --sound false \
  --video_file '' --record_screen_path "$folder/frames"
"$root/nvis.sh" "$snapshot" --random_seed 1 --visualization_filters 12 --visualization_file "$folder/page.html"

files=("$folder"/frames/*.png)
cp -- "${files[${#files[@]} - 1]}" "$root/docs/saliency.png"
chromium --headless --no-sandbox --hide-scrollbars --force-color-profile=srgb --window-size=1240,800 \
  --screenshot="$root/docs/filters.png" "file://$folder/page.html#layer$layer" 2>/dev/null
ls -l -- "$root/docs/saliency.png" "$root/docs/filters.png"
