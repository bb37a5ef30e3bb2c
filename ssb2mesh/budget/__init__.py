"""What a job will cost before it is done: tets, unknowns, memory, disk, seconds.

- `fitted`: the constants, written by ``benchmarks/predict.py`` and nowhere else,
- `model`: from sizes to costs with these constants,
- `speed`: how fast this machine is, against the one that they were fitted on,
- `work`: the sizes of a mesh, counted in a quick pass over the cells,
- `job`: the costs of a study or of a mesh file, and what cannot fit is refused.
"""

from __future__ import annotations

from ssb2mesh.budget.model import Budget, Sizes, cost
from ssb2mesh.budget.speed import machine_speed

__all__ = ["Budget", "Sizes", "cost", "machine_speed"]
