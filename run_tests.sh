#!/usr/bin/env bash
# Checks style and types, and runs the project's own tests:
# ./run_tests.sh [--system] [--all-pythons] [arguments of pytest]
#
# --system also installs, with apt-get, the system packages that some tests need and would skip without.
# --all-pythons runs the tests on the oldest and the newest Python that we support as well, each in an
# environment of its own, .venv-3.10 and .venv-3.13, which takes several gigabytes of disk.
# (./test.sh tests a trained network.)
set -euo pipefail
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/python.sh
source "$root/scripts/python.sh"

# Debian's names, separated by spaces: Slurm, for jobs/slurm.sbatch; a virtual screen and its keyboard, and a
# terminal multiplexer, for play.sh; a browser, for the page of nvis.sh.
system_packages='slurmctld slurmd xvfb xdotool tmux chromium'

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

# Runs the tests on Python $1 (3.10, say), if that is installed; the rest are arguments of pytest.
run_on_python() {
  local version=$1 environment=$root/.venv-$1
  shift
  if ! supported "python$version"; then
    echo "Python $version is not installed: no test was run on it" >&2
    return
  fi
  echo "Python $version:" >&2
  [[ -x $environment/bin/python ]] || "python$version" -m venv "$environment"
  "$environment/bin/python" -m pip install -q -r requirements.txt -r requirements-dev.txt >&2
  "$environment/bin/python" -m pytest -n auto --dist worksteal "$@"
}

all_pythons=false
installing=''
while [[ ${1:-} == --system || ${1:-} == --all-pythons ]]; do
  case $1 in
    --system)
      # Beside everything that needs none of them; however that ends, apt-get is never left alone.
      install_system_packages &
      installing=$!
      trap wait EXIT
      ;;
    --all-pythons) all_pythons=true ;;
  esac
  shift
done

find_python requirements.txt requirements-dev.txt
cd -- "$root"
"$python" -m ruff check
"$python" -m ruff format --check
"$python" -m mypy
[[ -z $installing ]] || wait "$installing"
"$python" -m pytest -n auto --dist worksteal "$@"

here=$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
if [[ $all_pythons == false ]]; then
  echo "This was Python $here alone: --all-pythons also tests on 3.10 and 3.13, where they are installed" >&2
  exit
fi
for version in 3.10 3.13; do
  [[ $version == "$here" ]] || run_on_python "$version" "$@"
done
