# `make demo` and `make test` are all a newcomer needs; both set up what is missing first.
DEMO_OUTPUT ?= demo-output

.PHONY: setup demo test test-matrix docs gallery dist-check lint clean

setup:
	@tools/setup.sh

demo: setup
	@.venv/bin/ssb2mesh run examples/demo.toml --output $(DEMO_OUTPUT) --overwrite

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

# two workers: the tests of one file stay together, as they share meshes
test: lint
	@.venv/bin/python -m pytest -n 2 --dist loadfile

# the solver tests on DOLFINx of this machine, of Debian 13 and of Debian sid: see tools/test-matrix.sh
test-matrix: setup
	@tools/test-matrix.sh

# wheel and sdist, and the wheel at work in a bare environment without DOLFINx: see tools/dist-check.sh
dist-check: setup
	@tools/dist-check.sh

# the documentation site, in docs/_build/html; a broken link is an error
docs: setup
	@.venv/bin/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# the pictures of docs/gallery.md, made by the commands on that page
gallery: setup
	@.venv/bin/python tools/gallery.py

clean:
	rm -rf .venv build dist *.egg-info $(DEMO_OUTPUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_build
