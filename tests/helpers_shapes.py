"""Volumes of known shapes: grids of voxel centres, masks, random structures."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ssb2mesh import LabelledVolume

PEERS = '{} is not installed: pip install "ssb2mesh[peers]"'
CUBIC, FLAT, SKEW = (1e-6, 1e-6, 1e-6), (1e-6, 1e-6, 2e-6), (1.3e-6, 0.8e-6, 1e-6)
WIDE = (2e-6, 2e-6, 1e-6)


def grid(shape, spacing):
    axes = [(np.arange(n) + 0.5) * h - 0.5 * n * h for n, h in zip(shape, spacing, strict=True)]
    return np.meshgrid(*axes, indexing="ij")


def labelled(mask, spacing=CUBIC):
    return LabelledVolume(mask.astype(np.uint8), spacing, phases={0: "LPS", 1: "x"})


def blobs(shape=(40, 44, 36), seed=0, sigma=2.0):
    noise = np.random.default_rng(seed).standard_normal(shape)
    return np.ascontiguousarray(ndimage.gaussian_filter(noise, sigma) > 0)
