#!/usr/bin/env bash
# Runs the project's own tests: ./run_tests.sh [--system] [arguments of pytest]
#
# --system first installs, with apt-get, the system packages that some tests need and would skip without.
# (./test.sh tests a trained network.)
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

# Debian's names, separated by spaces: Slurm, for jobs/slurm.sbatch; a virtual screen and its keyboard, and a
# terminal multiplexer, for play.sh.
system_packages='slurmctld slurmd xvfb xdotool tmux'

install_system_packages() {
  local package missing=''
  for package in $system_packages; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *' installed' ]] || missing="$missing $package"
  done
  if [[ -z $missing ]]; then
    echo "System packages: ${system_packages:-none needed}, nothing to install" >&2
    return
  fi
  command -v apt-get >/dev/null || fail "no apt-get here: install these yourself, then leave out --system:$missing"
  echo "Installing system packages:$missing" >&2
  local as_root=''
  [[ $EUID -eq 0 ]] || as_root=sudo
  # shellcheck disable=SC2086 # both are lists of words
  { $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends $missing; } </dev/null >&2 ||
    fail "apt-get could not install:$missing (its reason stands above)"
}

if [[ ${1:-} == --system ]]; then
  shift
  install_system_packages
fi

find_python requirements.txt requirements-dev.txt
cd -- "$root"
"$python" -m ruff check
"$python" -m ruff format --check
exec "$python" -m pytest -n auto --dist worksteal "$@"
