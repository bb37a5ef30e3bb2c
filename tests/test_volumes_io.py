"""Volumes in and out: axis rule, voxel sizes, names, and every kind of bad input, checked by third-party readers."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from ssb2mesh.errors import InputError
from ssb2mesh.io.volumes import RawLayout, read_volume, write_volume
from ssb2mesh.volume import LabelledVolume

sitk = pytest.importorskip("SimpleITK")

SPACING = (0.398e-6, 0.4e-6, 1.2e-6)
ORIGIN = (1e-6, -2e-6, 3e-6)
NAMES = {0: "void", 1: "NMC", 2: "LPSCl"}
DATA = Path(os.environ.get("SSB2MESH_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture
def volume() -> LabelledVolume:
    labels = np.random.default_rng(0).integers(0, 3, (5, 6, 7)).astype(np.uint8)
    return LabelledVolume(labels, SPACING, ORIGIN, NAMES)


def stack(kind=np.uint8, shape=(3, 4, 5)):
    """A pages-rows-columns array in which every voxel differs."""
    return np.arange(np.prod(shape)).reshape(shape).astype(kind)


# -- round trips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tif", ".npz", ".h5", ".zarr", ".nrrd", ".mha", ".nii", ".nii.gz", ".vti"])
def test_round_trip(volume, tmp_path, suffix):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    path = tmp_path / f"v{suffix}"
    write_volume(volume, path)
    write_volume(volume, path)  # twice: an existing file is replaced
    back = read_volume(path)
    assert np.array_equal(back.labels, volume.labels)
    assert back.labels.dtype == np.uint8
    assert back.labels.flags.c_contiguous
    # text and 64-bit formats give the very number back; NIfTI holds 32-bit floats (7 digits, restored by rounding)
    np.testing.assert_allclose(back.spacing, SPACING, rtol=1e-14)
    if suffix != ".tif":
        # the toolkit's origin is the first voxel's centre: one subtraction of 1e-6 sized numbers, 32 bits in NIfTI
        np.testing.assert_allclose(back.origin, ORIGIN, rtol=1e-6 if ".nii" in suffix else 1e-12)
    assert dict(back.phases) == ({k: f"phase{k}" for k in NAMES} if ".nii" in suffix else NAMES)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32])
@pytest.mark.parametrize("suffix", [".tif", ".npz", ".h5", ".nrrd", ".mha", ".nii", ".vti"])
def test_round_trip_of_every_integer(tmp_path, kind, suffix):
    info = np.iinfo(kind)
    labels = np.array([info.min, 0, 1, info.max], kind).reshape(2, 1, 2).repeat(2, axis=1)
    write_volume(LabelledVolume(labels, (1e-6,) * 3), tmp_path / f"v{suffix}")
    back = read_volume(tmp_path / f"v{suffix}", voxel_size=1e-6)
    assert back.labels.dtype == kind
    assert np.array_equal(back.labels, labels)


def test_tiff_seen_by_tifffile(volume, tmp_path):
    write_volume(volume, tmp_path / "v.tif")
    with tifffile.TiffFile(tmp_path / "v.tif") as tif:
        assert tif.is_ome
        assert np.array_equal(tif.asarray(), volume.labels.transpose(2, 1, 0))
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeY"], pixels["PhysicalSizeZ"]) == (0.398, 0.4, 1.2)
    assert pixels["PhysicalSizeXUnit"] == "µm"


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
def test_itk_formats_seen_by_simpleitk(volume, tmp_path, suffix):
    write_volume(volume, tmp_path / f"v{suffix}")
    image = sitk.ReadImage(str(tmp_path / f"v{suffix}"))
    assert image[4, 2, 1] == volume.labels[4, 2, 1]
    np.testing.assert_allclose(image.GetSpacing(), np.array(SPACING) * 1e3, rtol=1e-7)  # mm; 32 bits in NIfTI
    first = (np.array(ORIGIN) + 0.5 * np.array(SPACING)) * 1e3
    np.testing.assert_allclose(image.GetOrigin(), first, rtol=1e-6)


def test_vti_seen_by_pyvista(volume, tmp_path):
    pyvista = pytest.importorskip("pyvista")
    write_volume(volume, tmp_path / "v.vti")
    grid = pyvista.read(tmp_path / "v.vti")
    assert grid.dimensions == (6, 7, 8)
    assert grid.spacing == SPACING
    assert grid.origin == ORIGIN
    assert np.array_equal(grid.cell_data["phase"].reshape(7, 6, 5).transpose(2, 1, 0), volume.labels)


def test_hdf5_and_npz_seen_by_their_own_readers(volume, tmp_path):
    write_volume(volume, tmp_path / "v.h5")
    write_volume(volume, tmp_path / "v.npz")
    with h5py.File(tmp_path / "v.h5") as file:
        assert np.array_equal(file["labels"][()], volume.labels)
        assert file["labels"].attrs["spacing_m"].tolist() == list(SPACING)
    assert np.array_equal(np.load(tmp_path / "v.npz")["labels"], volume.labels)


# -- axis rule -------------------------------------------------------------------------------------------------------


def test_axis_rule_of_image_stacks(tmp_path):
    pages = stack()
    tifffile.imwrite(tmp_path / "s.tif", pages, photometric="minisblack")
    volume = read_volume(tmp_path / "s.tif", voxel_size="1,2,3 um")
    assert volume.shape == (5, 4, 3)  # columns, rows, pages
    assert volume.labels[4, 2, 1] == pages[1, 2, 4]
    assert volume.spacing == (1e-6, 2e-6, 3e-6)
    kept = read_volume(tmp_path / "s.tif", voxel_size="1,2,3 um", axes="xyz")
    assert np.array_equal(kept.labels, pages)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_axis_rule_of_arrays(tmp_path, suffix):
    array = stack()
    path = tmp_path / f"a{suffix}"
    if suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["a"] = array
    else:
        (np.save if suffix == ".npy" else np.savez)(path, array)
    assert np.array_equal(read_volume(path, voxel_size=1e-6).labels, array)
    turned = read_volume(path, voxel_size="1,2,3 um", axes="zyx")
    assert np.array_equal(turned.labels, array.transpose(2, 1, 0))
    assert turned.spacing == (1e-6, 2e-6, 3e-6)


def test_hdf5_axes_and_element_size_are_honoured(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = stack()
        file["image"].attrs["element_size_um"] = (3.0, 2.0, 1.0)
        for axis, label in enumerate("zyx"):
            file["image"].dims[axis].label = label
    volume = read_volume(tmp_path / "a.h5::/image")
    assert volume.shape == (5, 4, 3)
    np.testing.assert_allclose(volume.spacing, (1e-6, 2e-6, 3e-6), rtol=1e-15)


def test_ome_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "i.zarr"), mode="w")
    for level, shape in (("0", (4, 6, 8)), ("1", (2, 3, 4))):
        group.create_array(level, shape=shape, dtype="uint8")[...] = stack(shape=shape)
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    scales = [{"path": p, "coordinateTransformations": [{"type": "scale", "scale": [k * 2.0, k, k]}]} for p, k in
              (("0", 0.5), ("1", 1.0))]  # fmt: skip
    group.attrs["multiscales"] = [{"axes": axes, "datasets": scales}]
    volume = read_volume(tmp_path / "i.zarr")
    assert volume.shape == (8, 6, 4)
    np.testing.assert_allclose(volume.spacing, (0.5e-6, 0.5e-6, 1e-6), rtol=1e-15)


@pytest.mark.parametrize("order", ["little", "big"])
def test_raw(tmp_path, order):
    array = stack(np.uint16)
    layout = RawLayout((3, 4, 5), "uint16", order, offset=11)
    (tmp_path / "v.raw").write_bytes(b"HEADER BYTE" + array.astype(layout.numpy_dtype).tobytes())
    volume = read_volume(tmp_path / "v.raw", voxel_size=1e-6, raw=layout, axes="zyx")
    assert np.array_equal(volume.labels, array.transpose(2, 1, 0))
    assert volume.labels.dtype == np.uint16
    assert volume.labels.dtype.isnative
    table = {"shape": [3, 4, 5], "dtype": "uint16", "byte_order": order, "offset": 11}
    again = read_volume(tmp_path / "v.raw", voxel_size=1e-6, raw=table, axes="zyx")
    assert np.array_equal(again.labels, volume.labels)
    with pytest.raises(InputError, match="unknown key 'byteorder', did you mean 'byte_order'"):
        read_volume(tmp_path / "v.raw", raw={"byteorder": order})
    with pytest.raises(InputError, match="raw: needs dtype"):
        read_volume(tmp_path / "v.raw", raw={"shape": [3, 4, 5]})
    with pytest.raises(InputError, match="axes: .* does not tell the order of its axes"):
        read_volume(tmp_path / "v.raw", voxel_size=1e-6, raw=layout)
    with pytest.raises(InputError, match="need 71 bytes; .* has 131"):
        read_volume(tmp_path / "v.raw", voxel_size=1e-6, raw=RawLayout((3, 4, 5), "uint8", offset=11), axes="zyx")
    with pytest.raises(InputError, match="raw: v.raw has no header"):
        read_volume(tmp_path / "v.raw", voxel_size=1e-6)


def test_raw_layout_refuses_guesses():
    with pytest.raises(InputError, match="byte order None for uint16; allowed: little, big"):
        RawLayout((3, 4, 5), "uint16")
    with pytest.raises(InputError, match="three whole numbers"):
        RawLayout((3, 4), "uint8")
    with pytest.raises(InputError, match="dtype 'complex64'"):
        RawLayout((3, 4, 5), "complex64", "little")


@pytest.mark.parametrize("axes", ["xy", "xxz", "abc", ""])
def test_bad_axes(tmp_path, axes):
    np.save(tmp_path / "a.npy", stack())
    with pytest.raises(InputError, match="give the three letters x, y, z"):
        read_volume(tmp_path / "a.npy", voxel_size=1e-6, axes=axes)


# -- stacks of slices, other TIFFs -----------------------------------------------------------------------------------


def test_folder_and_glob_of_slices_in_natural_order(tmp_path):
    pages = stack(shape=(12, 4, 5))
    for n, page in enumerate(pages):
        tifffile.imwrite(tmp_path / f"slice_{n + 1}.tif", page)
    (tmp_path / "notes.txt").write_text("not a slice")
    for path in (tmp_path, tmp_path / "slice_*.tif"):
        assert np.array_equal(read_volume(path, voxel_size=1e-6).labels, pages.transpose(2, 1, 0))
    tifffile.imwrite(tmp_path / "slice_13.tif", np.zeros((4, 6), np.uint8))
    with pytest.raises(InputError, match=r"slice_13.tif is 4x6 uint8, the first is 4x5 uint8"):
        read_volume(tmp_path, voxel_size=1e-6)
    with pytest.raises(InputError, match="gives 0 TIFF files"):
        read_volume(tmp_path / "nothing_*.tif", voxel_size=1e-6)


def test_bigtiff_bool_and_big_endian(tmp_path):
    tifffile.imwrite(tmp_path / "big.tif", stack(np.uint16), bigtiff=True, byteorder=">", photometric="minisblack")
    volume = read_volume(tmp_path / "big.tif", voxel_size=1e-6)
    assert volume.labels.dtype == np.uint16
    assert volume.labels.dtype.isnative
    assert volume.labels[4, 3, 2] == 59
    mask = stack() % 2 == 0
    tifffile.imwrite(tmp_path / "mask.tif", mask, photometric="minisblack")
    assert np.array_equal(read_volume(tmp_path / "mask.tif", voxel_size=1e-6).labels, mask.transpose(2, 1, 0))


def test_more_than_255_labels_signed_and_64_bit(tmp_path):
    labels = stack(np.int64, (10, 10, 10)) - 5
    np.save(tmp_path / "a.npy", labels)
    volume = read_volume(tmp_path / "a.npy", voxel_size=1e-6, phases={-5: "void"})
    assert volume.labels.dtype == np.int32
    assert len(volume.phases) == 1000
    assert volume.phases[-5] == "void"
    assert volume.phases[994] == "phase994"
    np.save(tmp_path / "b.npy", labels + 2**40)
    with pytest.raises(InputError, match="labels must fit 32 bits"):
        read_volume(tmp_path / "b.npy", voxel_size=1e-6)


# -- voxel size ------------------------------------------------------------------------------------------------------


def imagej(path, unit, spacing, pixel):
    tifffile.imwrite(
        path, stack(), imagej=True, resolution=(1 / pixel[0], 1 / pixel[1]),
        metadata={"axes": "ZYX", "unit": unit, "spacing": spacing} if spacing else {"axes": "ZYX", "unit": unit},
    )  # fmt: skip


@pytest.mark.parametrize(("unit", "scale"), [("um", 1e-6), ("micron", 1e-6), ("nm", 1e-9), ("mm", 1e-3)])
def test_imagej_voxel_size(tmp_path, unit, scale):
    imagej(tmp_path / "i.tif", unit, 1.2, (0.398, 0.4))
    # the file holds 1 / 0.398 as a ratio of 32-bit integers: nine digits
    np.testing.assert_allclose(read_volume(tmp_path / "i.tif").spacing, np.array([0.398, 0.4, 1.2]) * scale, rtol=1e-8)


def test_no_guess_without_a_unit(tmp_path):
    imagej(tmp_path / "pixel.tif", "pixel", 1.0, (1, 1))
    with pytest.raises(InputError, match="unit 'pixel', which is no length.*give --voxel-size"):
        read_volume(tmp_path / "pixel.tif")
    imagej(tmp_path / "flat.tif", "um", None, (0.4, 0.4))
    with pytest.raises(InputError, match="no distance of the slices.*--voxel-size"):
        read_volume(tmp_path / "flat.tif")
    tifffile.imwrite(
        tmp_path / "dpi.tif", stack(), photometric="minisblack", resolution=(300, 300), resolutionunit="INCH"
    )
    with pytest.raises(InputError, match="print resolution.*--voxel-size"):
        read_volume(tmp_path / "dpi.tif")
    for suffix in (".nrrd", ".mha"):
        image = sitk.GetImageFromArray(stack())
        image.SetSpacing((0.4, 0.4, 0.4))
        sitk.WriteImage(image, str(tmp_path / f"v{suffix}"))
        with pytest.raises(InputError, match="its header names no unit.*--voxel-size"):
            read_volume(tmp_path / f"v{suffix}")
        assert read_volume(tmp_path / f"v{suffix}", voxel_size="0.4 um").spacing == (4e-7,) * 3
    sitk.WriteImage(sitk.GetImageFromArray(stack()), str(tmp_path / "v.nii"))
    with pytest.raises(InputError, match="placeholder 1 x 1 x 1.*--voxel-size"):
        read_volume(tmp_path / "v.nii")


def test_units_of_nrrd_metaimage_and_nifti(tmp_path):
    data = stack()
    (tmp_path / "v.nrrd").write_bytes(
        b'NRRD0004\ntype: uint8\ndimension: 3\nspace dimension: 3\nsizes: 5 4 3\nspace units: "um" "um" "um"\n'
        b"space directions: (0.4,0,0) (0,0.5,0) (0,0,2)\nendian: little\nencoding: raw\nspace origin: (1,2,3)\n\n"
        + data.tobytes()
    )
    volume = read_volume(tmp_path / "v.nrrd")
    np.testing.assert_allclose(volume.spacing, (4e-7, 5e-7, 2e-6), rtol=1e-14)
    np.testing.assert_allclose(volume.origin, (0.8e-6, 1.75e-6, 2e-6), rtol=1e-12)
    assert np.array_equal(volume.labels, data.transpose(2, 1, 0))
    (tmp_path / "v.mha").write_bytes(
        b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        b"ElementSpacing = 0.4 0.5 2\nDistanceUnits = um\nDimSize = 5 4 3\nElementType = MET_UCHAR\n"
        b"ElementDataFile = LOCAL\n" + data.tobytes()
    )
    np.testing.assert_allclose(read_volume(tmp_path / "v.mha").spacing, (4e-7, 5e-7, 2e-6), rtol=1e-14)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing((0.4, 0.5, 2))
    sitk.WriteImage(image, str(tmp_path / "v.nii"))
    header = bytearray((tmp_path / "v.nii").read_bytes())
    for code, scale in ((1, 1.0), (2, 1e-3), (3, 1e-6)):
        header[123] = code  # xyzt_units: m, mm, um
        (tmp_path / "u.nii").write_bytes(header)
        # 32-bit pixdim
        np.testing.assert_allclose(read_volume(tmp_path / "u.nii").spacing, np.array([0.4, 0.5, 2]) * scale, rtol=1e-7)
    header[123] = 0
    (tmp_path / "u.nii").write_bytes(header)
    with pytest.raises(InputError, match="xyzt_units name no unit"):
        read_volume(tmp_path / "u.nii")


def test_contradiction_shows_both(volume, tmp_path):
    write_volume(volume, tmp_path / "v.tif")
    with pytest.raises(InputError, match="got 500 nm x 500 nm x 500 nm, but .* says 398 nm x 400 nm x 1.2 um"):
        read_volume(tmp_path / "v.tif", voxel_size="0.5 um")
    assert read_volume(tmp_path / "v.tif", voxel_size="0.398,0.4,1.2 um").spacing == SPACING


def test_axes_move_the_voxel_size_of_the_file_too(volume, tmp_path):
    write_volume(volume, tmp_path / "v.tif")
    kept = read_volume(tmp_path / "v.tif", axes="xyz")
    assert kept.shape == (7, 6, 5)
    assert kept.spacing == (1.2e-6, 0.4e-6, 0.398e-6)


# -- names, grey values ----------------------------------------------------------------------------------------------


def test_phases_from_the_user_replace_those_of_the_file(volume, tmp_path):
    write_volume(volume, tmp_path / "v.npz")
    assert read_volume(tmp_path / "v.npz", phases={"0": "pore"}).phase_names == ("pore", "phase1", "phase2")
    with pytest.raises(InputError, match=r"label 7 \('Li'\) is not in the volume; labels present: 0, 1, 2"):
        read_volume(tmp_path / "v.npz", phases={7: "Li"})
    with pytest.raises(InputError, match="got the label 'NMC'"):
        read_volume(tmp_path / "v.npz", phases={"NMC": "1"})


def test_grey_values(tmp_path):
    grey = np.linspace(0, 1, 60).reshape(3, 4, 5).astype(np.float32)
    tifffile.imwrite(tmp_path / "g.tif", grey, photometric="minisblack")
    volume = read_volume(tmp_path / "g.tif", voxel_size=1e-6, threshold=0.5, phases={0: "pore", 1: "fibre"})
    assert np.array_equal(volume.labels, (grey >= 0.5).transpose(2, 1, 0))
    assert set(read_volume(tmp_path / "g.tif", voxel_size=1e-6, otsu=3).phases) == {0, 1, 2}
    with pytest.raises(InputError, match="float32 grey values; give --threshold VALUE or --otsu CLASSES"):
        read_volume(tmp_path / "g.tif", voxel_size=1e-6)
    with pytest.raises(InputError, match="threshold, otsu: got both"):
        read_volume(tmp_path / "g.tif", voxel_size=1e-6, otsu=2, threshold=0.5)


# -- bad input -------------------------------------------------------------------------------------------------------


def test_float_labels_and_nan(tmp_path):
    np.save(tmp_path / "a.npy", stack(float))
    with pytest.raises(InputError, match=r"float64 values that are all whole numbers; save them as integers"):
        read_volume(tmp_path / "a.npy", voxel_size=1e-6)
    holed = stack(float)
    holed[0, 0, :2] = np.nan
    np.save(tmp_path / "a.npy", holed)
    with pytest.raises(InputError, match="holds 2 NaN or infinite values among 60"):
        read_volume(tmp_path / "a.npy", voxel_size=1e-6)
    with pytest.raises(InputError, match="2 of 60 voxels are NaN or infinite"):
        read_volume(tmp_path / "a.npy", voxel_size=1e-6, threshold=3)
    np.save(tmp_path / "a.npy", stack(complex))
    with pytest.raises(InputError, match="complex128 values"):
        read_volume(tmp_path / "a.npy", voxel_size=1e-6)


def test_missing_unknown_and_ambiguous_files(tmp_path):
    np.save(tmp_path / "cathode.npy", stack())
    with pytest.raises(InputError, match="cathodes.npy does not exist, did you mean 'cathode.npy'"):
        read_volume(tmp_path / "cathodes.npy")
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="no reader for 'a.jpg'; formats: .tif"):
        read_volume(tmp_path / "a.jpg")
    np.savez(tmp_path / "two.npz", a=stack(), b=stack())
    with pytest.raises(InputError, match="holds 2 arrays with three axes; give one as 'two.npz::NAME'"):
        read_volume(tmp_path / "two.npz", voxel_size=1e-6)
    assert read_volume(tmp_path / "two.npz::b", voxel_size=1e-6).shape == (3, 4, 5)
    with pytest.raises(InputError, match="no array 'c' in .*it holds: a 3x4x5, b 3x4x5"):
        read_volume(tmp_path / "two.npz::c", voxel_size=1e-6)
    with pytest.raises(InputError, match="chooses an array of an HDF5"):
        read_volume(f"{tmp_path / 'cathode.npy'}::a", voxel_size=1e-6)


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".h5", ".png.mha", ".vti"])
def test_two_dimensional_images(tmp_path, suffix):
    path, flat = tmp_path / f"flat{suffix}", np.zeros((6, 5), np.uint8)
    if suffix == ".tif":
        tifffile.imwrite(path, flat)
    elif suffix == ".npy":
        np.save(path, flat)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["a"] = flat
    elif suffix == ".vti":
        pyvista = pytest.importorskip("pyvista")
        grid = pyvista.ImageData(dimensions=(6, 7, 1))
        grid.cell_data["a"] = np.zeros(30, np.uint8)
        grid.save(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(flat), str(path))
    with pytest.raises(InputError, match="2-D image"):
        read_volume(path, voxel_size=1e-6)


@pytest.mark.parametrize("suffix", [".tif", ".npz", ".h5", ".nrrd", ".mha", ".nii", ".nii.gz", ".vti"])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_files_cut_short(tmp_path, suffix, share):
    labels = np.random.default_rng(1).integers(0, 250, (30, 30, 30)).astype(np.uint8)
    path = tmp_path / f"v{suffix}"
    write_volume(LabelledVolume(labels, (1e-6,) * 3), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged|cut short"):
        read_volume(path, voxel_size=1e-6)


@pytest.mark.parametrize("style", [{"imagej": True}, {"bigtiff": True}, {"compression": "zlib"}, {"contiguous": False}])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.995])
def test_tiff_cut_short(tmp_path, style, share):
    pages = np.random.default_rng(1).integers(0, 250, (30, 30, 30)).astype(np.uint8)
    path = tmp_path / "v.tif"
    if "contiguous" in style:
        with tifffile.TiffWriter(path) as tif:
            for page in pages:
                tif.write(page, contiguous=False, photometric="minisblack")
    else:
        tifffile.imwrite(path, pages, **style, photometric="minisblack")
    assert read_volume(path, voxel_size=1e-6).shape == (30, 30, 30)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="damaged|cut short"):
        read_volume(path, voxel_size=1e-6)


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".npz", ".h5", ".nrrd", ".mha", ".nii", ".nii.gz", ".vti"])
def test_text_under_a_volume_suffix(tmp_path, suffix):
    (tmp_path / f"v{suffix}").write_text("this is no volume at all, just words\n" * 20)
    with pytest.raises(InputError, match=rf"v{suffix} is damaged"):
        read_volume(tmp_path / f"v{suffix}", voxel_size=1e-6)


def test_colour_images(tmp_path):
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((4, 6, 5, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="colours"):
        read_volume(tmp_path / "rgb.tif", voxel_size=1e-6)


def test_writing_to_nowhere_leaves_nothing(volume, tmp_path):
    with pytest.raises(InputError, match="the folder .* does not exist"):
        write_volume(volume, tmp_path / "missing" / "v.tif")
    with pytest.raises(InputError, match="NPY holds no voxel size, use .npz"):
        write_volume(volume, tmp_path / "v.npy")
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_volume(volume, tmp_path / "folder.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.tif"]


def test_failed_write_keeps_the_old_file(volume, tmp_path, monkeypatch):
    path = tmp_path / "v.npz"
    write_volume(volume, path)
    before = path.read_bytes()

    def broken(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", broken)
    with pytest.raises(OSError, match=r"v\.npz.*the disk is full"):
        write_volume(volume, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["v.npz"]


# -- measured volumes ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason=f"measured volumes are not in {DATA} (set SSB2MESH_DATA)")
@pytest.mark.parametrize(
    ("name", "options", "shape", "fractions"),
    [
        ("nmc_cathode.tif", {}, (301, 301, 251), (0.400549, 0.499451, 0.100000)),
        ("fiberform.tif", {"threshold": 90}, (100, 100, 100), (0.83286, 0.16714)),
        ("separator.tif", {}, (75, 75, 156), (0.620807, 0.379193)),
        ("threephase_fibsem.tif", {}, (100, 100, 100), (0.374530, 0.238345, 0.387125)),
    ],
)
def test_measured_volumes(name, options, shape, fractions):
    volume = read_volume(DATA / name, voxel_size="0.398 um", **options)
    assert volume.shape == shape
    # the fractions are given to the digits shown
    np.testing.assert_allclose(list(volume.volume_fractions().values()), fractions, atol=6e-6)
