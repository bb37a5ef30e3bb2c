"""Constants of the predictions. Written by ``python benchmarks/predict.py --write``; not to be edited by hand."""

from __future__ import annotations

#: Seconds of `ssb2mesh.budget.speed.reference_work` on the machine of the fit.
REFERENCE_SECONDS = 0.02
#: By job: cost of one, and of each tet, square, cell ... (see `ssb2mesh.budget.model.Sizes`); seconds and bytes.
SECONDS: dict[str, dict[str, float]] = {
    "mesh": {"one": 0.02, "built": 0.16e-6, "squares": 24e-6, "cells": 0.11e-6},
}
MEMORY: dict[str, dict[str, float]] = {
    "mesh": {"one": 0.0, "built": 40.0, "squares": 480.0, "cells": 18.0},
}
DISK: dict[str, dict[str, float]] = {}
