"""Constants of the predictions. Written by ``python benchmarks/predict.py --write``; not to be edited by hand."""

from __future__ import annotations

#: Seconds of `ssb2mesh.budget.speed.reference_work` on the machine of the fit.
REFERENCE_SECONDS = 0.018769
#: By job: cost of one, of each tet, square, cell ... (`ssb2mesh.budget.model.Sizes`); seconds and bytes.
SECONDS: dict[str, dict[str, float]] = {
    "mesh": {"one": 0.02, "built": 1.6e-07, "squares": 2.4e-05, "cells": 1.1e-07},
    "check": {"tets": 1.23e-06},
    "load domain": {"tets": 2.87e-06},
    "solve conduction": {"one": 0.168, "active": 8.86e-06},
    "solve effective_conductivity": {"one": 0.3, "active*runs": 8.9e-06},
    "measure": {"one": 0.1, "voxels": 1e-06},
    "report": {"one": 3.28, "tets": 7.88e-06},
    "file .xdmf": {"one": 0.0295, "tets": 4.46e-08},
    "file .vtu": {"tets": 3.82e-08},
    "file .msh": {"tets": 2.15e-07},
    "file .inp": {"one": 0.048, "tets": 6.09e-07},
    "file .e": {"tets": 3.39e-07},
}
MEMORY: dict[str, dict[str, float]] = {
    "mesh": {"built": 40.0, "squares": 480.0, "cells": 18.0},
    "process mesh": {"one": 255e6, "built": 40.0, "squares": 480.0, "cells": 18.0},
    "process conduction": {"one": 304300000.0, "tets": 645.0},
    "process effective_conductivity": {"one": 317800000.0, "tets": 789.5},
}
DISK: dict[str, dict[str, float]] = {
    "fields": {"tets": 44.29, "points*runs": 189.1},
    "file .xdmf": {"tets": 28.29},
    "file .vtu": {"tets": 37.22},
    "file .msh": {"tets": 51.86},
    "file .inp": {"tets": 49.97},
    "file .e": {"tets": 29.55},
}
