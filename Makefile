# `make demo` and `make test` are all a newcomer needs; both set up what is missing first.
DEMO_OUTPUT ?= demo-output

.PHONY: setup demo test test-matrix lint clean

setup:
	@tools/setup.sh

demo: setup
	@.venv/bin/ssb2mesh run examples/demo.toml --output $(DEMO_OUTPUT) --overwrite

lint: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

test: lint
	@.venv/bin/python -m pytest

# the solver tests on DOLFINx of this machine, of Debian 13 and of Debian sid: see tools/test-matrix.sh
test-matrix: setup
	@tools/test-matrix.sh

clean:
	rm -rf .venv build dist *.egg-info $(DEMO_OUTPUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis
