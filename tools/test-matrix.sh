#!/usr/bin/env bash
# Runs the solver tests on several releases of DOLFINx and prints a table: here (.venv), and in Debian 13 and Debian sid, each
# in a chroot that is made at the first run (4 GB each, ten minutes) and used again after that.
#
#   tools/test-matrix.sh [PYTEST ARGUMENTS]    default: tests/solvers
#
#   SSB2MESH_MATRIX=FOLDER        where chroots and logs are (default: ssb2mesh/test-matrix in the user's cache)
#   SSB2MESH_MATRIX_ROWS=NAMES    which rows (default: "here trixie sid")
#   SSB2MESH_MATRIX_MIRROR=URL    a Debian mirror (default: the one that apt of this machine uses)
#
# A chroot lives as it was made; delete its folder (as root) to have today's packages.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${SSB2MESH_MATRIX:-${XDG_CACHE_HOME:-$HOME/.cache}/ssb2mesh/test-matrix}
read -ra rows <<<"${SSB2MESH_MATRIX_ROWS:-here trixie sid}"
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(tests/solvers)
# Numba, h5py and SciPy come from the system too: there they fit the system's NumPy and HDF5
packages=(
  python3-dolfinx-real python3-venv openmpi-bin gcc g++ python3-dev ca-certificates
  python3-numba python3-h5py python3-scipy libgl1 libegl1 libxrender1
)
recipe="$(cat tools/test-matrix.sh pyproject.toml | sha256sum | cut -d' ' -f1)"
as_root=()
declare -A versions systems

say() { echo "test-matrix: $*" >&2; }
fail() { say "$*"; exit 1; }

has_chroots() {
  local row
  for row in "${rows[@]}"; do [ "$row" = here ] || return 0; done
  return 1
}

# Everything that could stop a later step is asked first, so that a run ends at once or goes through.
check_means() {
  local row tool missing=()
  for row in "${rows[@]}"; do
    case $row in here | trixie | sid) ;; *) fail "no row is called '$row'; SSB2MESH_MATRIX_ROWS takes: here trixie sid" ;; esac
  done
  has_chroots || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "chroots need root or sudo, and there is neither; SSB2MESH_MATRIX_ROWS=here needs none"
    as_root=(sudo)
  fi
  for tool in chroot unshare tar; do command -v $tool >/dev/null || missing+=("$tool"); done
  [ ${#missing[@]} -eq 0 ] || fail "not found: ${missing[*]} (Debian: coreutils, util-linux, tar)"
  "${as_root[@]}" unshare --mount --propagation private mount -t tmpfs none /mnt 2>/dev/null ||
    fail "may not mount file systems, which chroots need (a container gets the right with --privileged); SSB2MESH_MATRIX_ROWS=here needs none"
  if ! PATH=$PATH:/usr/sbin command -v debootstrap >/dev/null; then
    command -v apt-get >/dev/null || fail "debootstrap not found: install it (it is packaged by most distributions)"
    say "apt-get install debootstrap"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  fi
}

mirror_of_apt() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "Debian" {print $1; exit}'
}

find_mirror() {
  mirror=${SSB2MESH_MATRIX_MIRROR:-$(mirror_of_apt)}
  if [ -z "$mirror" ] && command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -qq  # an image without package lists does not know the origins yet
    mirror=$(mirror_of_apt)
  fi
  [ -n "$mirror" ] || fail "apt of this machine names no Debian mirror: set SSB2MESH_MATRIX_MIRROR to the address of one"
}

# inside ROOT COMMAND...: /proc, /dev, /sys and the measured volumes (where this machine has them) are mounted in a name space
# of the command's own and go with it, however it ends.
inside() {
  local root=$1 kept=() name data=${SSB2MESH_DATA:-../shared/data}
  shift
  for name in http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_DEFAULT_TIMEOUT; do
    [ -z "${!name:-}" ] || kept+=("$name=${!name}")
  done
  "${as_root[@]}" unshare --mount --propagation private bash -c '
    set -e
    root=$1 data=$2; shift 2
    mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount --rbind /sys "$root/sys"
    if [ -d "$data" ]; then mkdir -p "$root/srv/data"; mount --bind -o ro "$data" "$root/srv/data"; fi
    exec chroot "$root" "$@"' inside "$root" "$data" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/srv LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/srv/numba SSB2MESH_DATA=/srv/data "${kept[@]}" "$@"
}

make_chroot() {
  local suite=$1 root=$folder/$1
  [ -d "$root" ] && return 0
  say "$suite: debootstrap into $root"
  "${as_root[@]}" rm -rf "$root.partial"
  "${as_root[@]}" env PATH="$PATH:/usr/sbin" unshare --mount --propagation private \
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.partial" "$mirror" >"$folder/$suite-setup.log" 2>&1 ||
    fail "$suite: debootstrap failed, see $folder/$suite-setup.log"
  # the mirror of a frozen snapshot has a Release file that is out of date
  echo 'Acquire::Check-Valid-Until "false";' |
    "${as_root[@]}" tee "$root.partial/etc/apt/apt.conf.d/90ssb2mesh" >/dev/null
  # a chroot that a crash of the machine spoils is made again: no need to wait for the disk after each file
  echo force-unsafe-io | "${as_root[@]}" tee "$root.partial/etc/dpkg/dpkg.cfg.d/90ssb2mesh" >/dev/null
  "${as_root[@]}" mv "$root.partial" "$root"
}

copy_checkout() {
  local root=$1
  "${as_root[@]}" rm -rf "$root/srv/ssb2mesh"
  "${as_root[@]}" mkdir -p "$root/srv/ssb2mesh"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' name; do [ ! -e "$name" ] || printf '%s\0' "$name"; done |
    tar -c --null --no-recursion -T - | "${as_root[@]}" tar -x --no-same-owner -C "$root/srv/ssb2mesh"
}

fill_chroot() {
  local suite=$1 root=$folder/$1
  [ "$("${as_root[@]}" cat "$root/srv/recipe" 2>/dev/null)" != "$recipe" ] || return 0
  say "$suite: packages of the system and of Python (some minutes)"
  # authorities that this machine trusts (a company's proxy, say) are trusted there
  [ ! -r /etc/ssl/certs/ca-certificates.crt ] ||
    "${as_root[@]}" cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  # shellcheck disable=SC2016
  inside "$root" sh -ec '
    apt-get update -q
    apt-get install -y -q --no-install-recommends "$@"
    apt-get clean
    cd /srv/ssb2mesh
    # not all of the test extra: readers of formats, which the solver tests do without, may have to be compiled for hours
    [ -x /srv/venv/bin/pip ] || python3 -m venv --system-site-packages /srv/venv
    /srv/venv/bin/pip install -e ".[plot]" "pytest>=8" "hypothesis>=6.80"' sh "${packages[@]}" >>"$folder/$suite-setup.log" 2>&1 ||
    fail "$suite: packages failed, see the end of $folder/$suite-setup.log"
  echo "$recipe" | "${as_root[@]}" tee "$root/srv/recipe" >/dev/null
}

# A row's tests may fail: the table tells, and so does the exit code at the end.
run_here() {
  .venv/bin/python -m pytest "${tests[@]}" -p no:cacheprovider --junitxml="$folder/here.xml" >"$folder/here.log" 2>&1 || true
}

run_chroot() {
  local suite=$1 root=$folder/$1
  inside "$root" sh -c 'cd /srv/ssb2mesh && exec /srv/venv/bin/python -m pytest "$@"' sh "${tests[@]}" \
    -p no:cacheprovider --junitxml=/srv/result.xml >"$folder/$suite.log" 2>&1 || true
  "${as_root[@]}" cp "$root/srv/result.xml" "$folder/$suite.xml" 2>/dev/null || true
}

name_row() {
  local row=$1 version='import dolfinx; print(dolfinx.__version__)' system='. /etc/os-release; echo "$PRETTY_NAME"'
  if [ "$row" = here ]; then
    versions[here]=$(.venv/bin/python -c "$version" 2>/dev/null || echo none)
    systems[here]=$(sh -c "$system" 2>/dev/null || uname -s)
  else
    versions[$row]=$(inside "$folder/$row" /srv/venv/bin/python -c "$version" 2>/dev/null || echo none)
    systems[$row]=$(inside "$folder/$row" sh -c "$system")
  fi
}

number() { sed -n "s/.*<testsuite [^>]*\b$2=\"\([0-9]*\)[\".].*/\1/p" "$1" | head -n 1; }

print_table() {
  local row file count bad skipped seconds worst=0
  printf '%-14s  %-34s  %6s  %6s  %7s  %7s\n' DOLFINx system passed failed skipped seconds
  for row in "${rows[@]}"; do
    file=$folder/$row.xml
    if [ -s "$file" ]; then
      bad=$(($(number "$file" failures) + $(number "$file" errors)))
      skipped=$(number "$file" skipped)
      count=$(($(number "$file" tests) - bad - skipped))
      seconds=$(number "$file" time)
      [ "$bad" -eq 0 ] && [ "$count" -gt 0 ] || worst=1
    else
      count=- bad=- skipped=- seconds=- worst=1
    fi
    printf '%-14s  %-34s  %6s  %6s  %7s  %7s\n' "${versions[$row]}" "${systems[$row]}" "$count" "$bad" "$skipped" "$seconds"
  done
  say "what pytest said: ${rows[*]/%/.log} in $folder"
  return $worst
}

check_means
mkdir -p "$folder"
if has_chroots; then find_mirror; fi
for row in "${rows[@]}"; do
  "${as_root[@]}" rm -f "$folder/$row.xml" "$folder/$row/srv/result.xml"
  if [ "$row" != here ]; then
    make_chroot "$row"
    copy_checkout "$folder/$row"
    fill_chroot "$row"
  fi
  name_row "$row"
  say "$row: pytest ${tests[*]} on DOLFINx ${versions[$row]}"
  if [ "$row" = here ]; then run_here; else run_chroot "$row"; fi
done
print_table
