#!/usr/bin/env bash
# Builds sdist and wheel, installs the wheel into a bare environment without DOLFINx, and works with it there.
# It needs the network, for the packages that ssb2mesh needs.
#
#   SSB2MESH_PYTHON=python3.12   the Python of the bare environment; default python3
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "dist-check: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

say "building from the files that git knows"
mkdir "$place/source"
git ls-files -z | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then install -D -m "$(stat -c %a "$file")" "$file" "$place/source/$file"; fi
done
.venv/bin/python -m build --outdir "$place/dist" "$place/source" >"$place/build.log" 2>&1 || { cat "$place/build.log"; fail build; }
ls -l "$place/dist" >&2

say "the tests of the source archive can be collected from it"
mkdir "$place/unpacked"
tar -xzf "$place"/dist/*.tar.gz -C "$place/unpacked" --strip-components 1
(cd "$place/unpacked" && PYTHONPATH=$PWD "$OLDPWD/.venv/bin/python" -m pytest -q --collect-only -p no:cacheprovider >"$place/collect.log" 2>&1) ||
  { tail -30 "$place/collect.log"; fail "collecting the tests of the source archive"; }
tail -1 "$place/collect.log" >&2

say "a bare environment"
"${SSB2MESH_PYTHON:-python3}" -m venv "$place/venv"
bin=$place/venv/bin
"$bin/pip" install -q --disable-pip-version-check "$place"/dist/*.whl
! "$bin/python" -c 'import dolfinx' 2>/dev/null || fail "DOLFINx is there; this is no bare environment"
[ "$("$bin/ssb2mesh" --version)" = "ssb2mesh $(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" ] || fail "--version"

say "core: volume, mesh, check, convert, measure"
mkdir "$place/job"
cd "$place/job"
"$bin/ssb2mesh" phantom composite_cathode -o v.tif --seed 1 --option shape=24 --option "voxel_size=0.5 um" -q >/dev/null
"$bin/ssb2mesh" info v.tif >/dev/null
"$bin/ssb2mesh" mesh v.tif -o m.xdmf --drop void >/dev/null
"$bin/ssb2mesh" check m.xdmf --volume v.tif >/dev/null
for suffix in msh inp mphtxt cdb nas; do "$bin/ssb2mesh" convert m.xdmf "m.$suffix" -q; done
"$bin/ssb2mesh" surface v.tif -o s.stl -q >/dev/null
"$bin/ssb2mesh" measure v.tif -o measures --json >measures.json
"$bin/ssb2mesh" view m.xdmf --html m.html -q
"$bin/ssb2mesh" init --list >/dev/null
"$bin/ssb2mesh" init effective -o study.toml -q
"$bin/ssb2mesh" sample --list >/dev/null
"$bin/ssb2mesh" completion bash >/dev/null

say "what is missing says how to get it"
if "$bin/ssb2mesh" solve study.toml 2>message; then fail "solve went through without DOLFINx"; fi
grep -q "python3-dolfinx-real" message || { cat message; fail "solve does not say how to get DOLFINx"; }
if "$bin/ssb2mesh" plot m.xdmf -o m.png 2>message; then fail "plot went through without PyVista"; fi
grep -q 'pip install "ssb2mesh\[plot\]"' message || { cat message; fail "plot does not say what to install"; }
say "all is well"
