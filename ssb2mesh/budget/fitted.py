"""Constants of the predictions. Written by ``python benchmarks/predict.py --write``; not to be edited by hand."""

from __future__ import annotations

#: Seconds of `ssb2mesh.budget.speed.reference_work` on the machine of the fit.
REFERENCE_SECONDS = 0.017295
#: By job: cost of one, of each tet, square, cell ... (`ssb2mesh.budget.model.Sizes`); seconds and bytes.
SECONDS: dict[str, dict[str, float]] = {
    "mesh": {"one": 0.6762, "built": 2.041e-07, "squares": 6.232e-06, "cells": 9.384e-07},
    "check": {"one": 0.1997, "tets": 4.474e-07, "squares": 1.396e-05},
    "load domain": {"tets": 5.123e-06},
    "solve conduction": {"active": 3.564e-05},
    "solve effective_conductivity": {"active*runs": 3.592e-05},
    "measure": {"one": 0.1473, "voxels": 1.782e-07, "squares": 1.831e-05, "tets": 1.767e-08},
    "report": {"one": 6.405, "tets": 2.315e-06, "squares": 2.834e-06},
    "file .xdmf": {"one": 0.05873, "tets": 2.137e-08, "squares": 7.724e-07},
    "file .vtu": {"one": 0.008821, "tets": 2.114e-08, "squares": 6.16e-08},
    "file .msh": {"one": 0.02645, "tets": 2.179e-07, "squares": 2.867e-06},
    "file .inp": {"tets": 1.087e-06, "squares": 5.546e-06},
    "file .e": {"one": 0.05002, "tets": 1.767e-07, "squares": 5.574e-06},
    "solve elasticity": {"active": 0.0002184},
}
MEMORY: dict[str, dict[str, float]] = {
    "mesh": {"one": 43470000.0, "built": 38.68, "squares": 422.2},
    "process mesh": {"one": 252700000.0, "built": 69.07, "squares": 263.8},
    "process conduction": {"one": 331300000.0, "active": 230.6, "points": 2916.0},
    "process effective_conductivity": {
        "one": 323300000.0,
        "tets": 223.2,
        "squares": 480.4,
        "active": 399.2,
        "points": 2021.0,
    },
    "process report": {"one": 686800000.0, "points": 1764.0, "squares": 619.3, "active": 1118.0},
    "process elasticity": {"tets": 2042.0},
}
DISK: dict[str, dict[str, float]] = {
    "file .xdmf": {"one": 237300.0, "tets": 15.95, "points": 49.65, "squares": 47.53},
    "file .vtu": {"one": 500500.0, "tets": 9.495, "points": 121.8, "squares": 83.84},
    "file .msh": {"one": 305100.0, "tets": 35.35, "points": 61.68, "squares": 77.07},
    "file .inp": {"tets": 49.63, "squares": 58.37},
    "file .e": {"one": 385700.0, "tets": 18.34, "points": 36.51, "squares": 63.47},
    "fields elasticity": {"one": 84130.0, "tets": 192.2},
    "fields": {"one": 16030.0, "tets": 40.27, "tets*runs": 31.8, "points": 22.38, "points*runs": 9.218},
}
