#!/usr/bin/env bash
# Sets up .venv for `make demo` and `make test`. Safe to run again: it returns at once when nothing has changed.
#
#   SSB2MESH_OS_RELEASE=FILE   read the platform from FILE instead of /etc/os-release (for testing this script)
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.ssb2mesh-setup
wanted="$(cat pyproject.toml tools/setup.sh tools/constraints-debian12.txt | sha256sum | cut -d' ' -f1) $PWD"
packages=(
  python3-dolfinx-real python3-venv openmpi-bin
  gcc g++ python3-dev                                        # DOLFINx compiles the forms it is given
  libgl1 libegl1 libxrender1                                 # VTK's pictures
  libglu1-mesa libxcursor1 libxft2 libxinerama1 libxfixes3   # Gmsh
  calculix-ccx libexodusii5                                  # tests: other programs read what is exported
)

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

say() { echo "set-up: $*" >&2; }

is_debian12() {
  local file=${SSB2MESH_OS_RELEASE:-/etc/os-release}
  [ -r "$file" ] && (. "$file" && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ])
}

use_conda() {
  say "using the active conda environment ($CONDA_PREFIX)"
  python -m pip install -q --no-deps -e .
  mkdir -p "$venv/bin"
  for tool in python ruff mypy ssb2mesh; do ln -sf "$CONDA_PREFIX/bin/$tool" "$venv/bin/$tool"; done
}

refuse_platform() {
  cat >&2 <<'MSG'
set-up: this is not Debian 12, the only platform that this script sets up by itself. With conda, which has DOLFINx
set-up: for Linux and macOS:
    conda env create -f environment.yml
    conda activate ssb2mesh
set-up: and then run the same make command again, in that environment.
set-up: For meshing without solving, Python 3.11 or newer is enough:
    python3 -m venv .venv && .venv/bin/pip install -e '.[all]'
MSG
  exit 1
}

install_system_packages() {
  local missing=() as_root=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "needs root or sudo to apt-get install: ${missing[*]}"; exit 1; }
    as_root=(sudo)
  fi
  say "apt-get install ${missing[*]} (a few minutes)"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

make_venv() {
  say "python packages into $venv (a minute or two)"
  if ! "$venv/bin/python" -c '' 2>/dev/null || ! grep -q 'include-system-site-packages = true' "$venv/pyvenv.cfg"; then
    /usr/bin/python3 -m venv --clear --system-site-packages "$venv"
  fi
  "$venv/bin/python" -m pip install -q --disable-pip-version-check -c tools/constraints-debian12.txt -e '.[all,nastran]'
}

if is_debian12; then
  install_system_packages
  make_venv
elif [ -n "${CONDA_PREFIX:-}" ] && python -c 'import dolfinx' 2>/dev/null; then
  use_conda
else
  refuse_platform
fi
echo "$wanted" >"$stamp"
say "done"
