"""Pictures of series of charge transfer: what stands on the axes, and what is left out."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from ssb2mesh.errors import InputError
from ssb2mesh.plot import plot_polarisation


def summary(voltage, current):
    numbers = {"current": list(np.negative(current)), "utilisation": [0.9] * len(voltage)}
    return {
        "type": "charge_transfer_series",
        "voltages": {"z_min": [0.0] * len(voltage), "z_max": list(voltage)},
        "currents": {"z_min": list(np.negative(current)), "z_max": list(current)},
        "interfaces": {"LPSCl|NMC": numbers},
    }


@pytest.fixture
def drawn(monkeypatch):
    """The panels of what is drawn, instead of a file."""
    found = []
    monkeypatch.setattr("ssb2mesh.plot.polarisation.save", lambda figure, path: found.append(figure.axes) or path)
    return found


def test_a_sweep_is_drawn_over_its_current_with_its_sign(drawn):
    plot_polarisation(summary([0.2, 0.1, 0.0, -0.1], [2e-9, 1e-9, 0.0, -1e-9]), "p.png")
    left, right = drawn[0]
    x, y = left.lines[0].get_data()
    assert left.get_xlabel() == "current (nA)"
    assert left.get_ylabel() == "cell voltage (mV)"
    np.testing.assert_allclose(x, [2, 1, 0, -1])
    np.testing.assert_allclose(y, [200, 100, 0, -100])
    # nothing flows in the third step: nothing is used
    np.testing.assert_array_equal(np.isnan(right.lines[0].get_ydata()), [False, False, True, False])


def test_states_of_contact_at_one_current_are_drawn_by_their_number(drawn):
    plot_polarisation(summary([3.7, 3.6, 3.2], [1e-3, 1e-3, 1.0000001e-3]), "p.png")
    x, y = drawn[0][0].lines[0].get_data()
    assert drawn[0][0].get_xlabel() == "step"
    assert list(x) == [1, 2, 3]
    assert list(y) == [3.7, 3.6, 3.2]


def test_a_file_and_what_is_no_series(tmp_path):
    plot_polarisation(summary([1.0, 2.0], [1.0, 2.0]), tmp_path / "p.png", size=(600, 300))
    assert (tmp_path / "p.png").stat().st_size > 5_000
    with pytest.raises(InputError, match="no cell voltages; give the summary of a series of a cell"):
        plot_polarisation({"voltages": {"z_max": [1.0]}}, tmp_path / "q.png")
    assert not (tmp_path / "q.png").exists()
