#!/usr/bin/env bash
# Sets up .venv for `make demo` and `make test`. Safe to run again: it returns at once when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.ssb2mesh-setup
wanted=$(cat pyproject.toml tools/setup.sh tools/constraints-debian12.txt | sha256sum | cut -d' ' -f1)
packages=(python3-dolfinx-real python3-venv python3-dev gcc g++ libgl1 libegl1 libxrender1 libglu1-mesa)

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted $PWD" ]; then
  exit 0
fi

if ! { [ -r /etc/os-release ] && . /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ]; }; then
  if [ -n "${CONDA_PREFIX:-}" ] && python -c 'import dolfinx' 2>/dev/null; then
    echo "set-up: using the active conda environment ($CONDA_PREFIX)" >&2
    mkdir -p "$venv/bin"
    for tool in python ruff mypy ssb2mesh; do ln -sf "$CONDA_PREFIX/bin/$tool" "$venv/bin/$tool"; done
    python -m pip install -q --no-deps -e .
    echo "$wanted $PWD" >"$stamp"
    exit 0
  fi
  cat >&2 <<'MSG'
set-up: this script knows Debian 12 only. Elsewhere use conda-forge, which carries DOLFINx 0.9 to 0.11:
    conda env create -f environment.yml
    conda activate ssb2mesh
and then run make again, in that environment.
MSG
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "set-up: apt-get install ${missing[*]}" >&2
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "set-up: needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi

echo "set-up: python packages into $venv" >&2
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null || /usr/bin/python3 -m venv --clear --system-site-packages "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check -c tools/constraints-debian12.txt -e '.[all]'
echo "$wanted $PWD" >"$stamp"
echo "set-up: done" >&2
