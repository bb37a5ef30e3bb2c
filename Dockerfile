# Debian 12 with its own DOLFINx; see docs/how-to/docker.md:
#   docker build -t ssb2mesh .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/data" ssb2mesh run study.toml
FROM debian:12-slim

RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      python3-dolfinx-real python3-venv openmpi-bin gcc g++ python3-dev libgl1 libegl1 libxrender1 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml MANIFEST.in README.md LICENSE /src/
COPY tools/constraints-debian12.txt /src/tools/
COPY ssb2mesh /src/ssb2mesh
COPY solvers /src/solvers
RUN python3 -m venv --system-site-packages /usr/local/ssb2mesh \
 && /usr/local/ssb2mesh/bin/pip install -q --no-cache-dir --disable-pip-version-check \
      -c /src/tools/constraints-debian12.txt '/src[io,plot,progress,sample]' \
 && rm -rf /src

# any user may run it, root too: compiled kernels and forms are cached where everyone may write
RUN useradd --create-home --shell /bin/bash ssb2mesh \
 && install -d -m 1777 /data /var/cache/ssb2mesh
# Docker forbids processes to read one another's memory, which Open MPI would try, and complain, at each message
ENV PATH=/usr/local/ssb2mesh/bin:$PATH \
    HOME=/var/cache/ssb2mesh \
    XDG_CACHE_HOME=/var/cache/ssb2mesh \
    NUMBA_CACHE_DIR=/var/cache/ssb2mesh/numba \
    OMP_NUM_THREADS=1 \
    OMPI_ALLOW_RUN_AS_ROOT=1 \
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    OMPI_MCA_btl_vader_single_copy_mechanism=none
USER ssb2mesh
# kernels of the mesher and forms of conduction are compiled here, or every new container would spend minutes on them; importing
# every module makes the folders for all other kernels, in which several users of one volume may write; the speed of the
# machine that builds the image is not that of the machine that runs it
RUN cd "$(mktemp -d)" \
 && python -c "import importlib, pkgutil, ssb2mesh, solvers; \
[importlib.import_module(m.name) for p in (ssb2mesh, solvers) for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.')]" \
 && ssb2mesh init effective -o study.toml -q && ssb2mesh run study.toml -q >/dev/null \
 && rm -rf "$PWD" "$XDG_CACHE_HOME/ssb2mesh/speed.json" && mkdir -p "$XDG_CACHE_HOME/ssb2mesh" \
 && find "$XDG_CACHE_HOME" -mindepth 1 -user ssb2mesh -exec chmod a+rwX {} +
WORKDIR /data
ENTRYPOINT ["ssb2mesh"]
CMD ["--help"]
