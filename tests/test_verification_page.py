"""The verification page shows what the tests measured: every comparison, none beyond its bar, none made by hand."""

import importlib.util
from pathlib import Path

import pytest
import records

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("verification_page", ROOT / "tools" / "verification_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_made_of_the_records(tool):
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.page(text, tool.read()) == text, "run tools/verification_page.py --render"


def test_every_test_that_compares_has_its_records(tool):
    written = {record["test"] for record in tool.read()[1:]}
    wanted = records.tests_with_records(ROOT, sorted((ROOT / "tests").rglob("test_*.py")))
    assert written == wanted, "run tools/verification_page.py"
    assert len(wanted) > 25


def test_no_record_lies_beyond_its_bar(tool):
    for record in tool.read()[1:]:
        exact, found, bar = record["exact"], record["computed"], record["bar"]
        if record["kind"] == "interval":
            assert found[0] - bar <= exact <= found[1] + bar, record
        else:
            error = abs(found - exact) / (abs(exact) if record["kind"] == "relative" else 1.0)
            assert error == pytest.approx(record["error"], rel=1e-9), record
            assert error <= bar, record


def test_a_value_beyond_its_bar_fails_and_leaves_no_record(tmp_path):
    verify = records.Verify("tests/test_x.py::test_x", tmp_path / "records")
    verify("case", "value", 1.01, 1.0, 0.02, source="one", mesh="none")
    with pytest.raises(AssertionError, match="case: value: got 1.03, exact 1.0, error 0.03, bar 0.02"):
        verify("case", "value", 1.03, 1.0, 0.02, source="one", mesh="none")
    with pytest.raises(AssertionError, match="case: value"):
        verify("case", "value", [1.0, float("nan")], 1.0, 0.02, source="one", mesh="none")
    with pytest.raises(AssertionError, match="case: interval"):
        verify("case", "interval", (1.1, 1.2), 1.0, 0.0, source="one", mesh="none")
    verify("case", "worst", [0.99, 1.0, 1.015], 1.0, 0.02, source="one", mesh="none")
    found = records.read(tmp_path / "records")
    assert [record["computed"] for record in found] == [1.01, 1.015]


def test_many_comparisons_of_a_kind_are_shown_by_the_worst(tool):
    def record(k):
        return {"test": "tests/test_measure_x.py::test_y", "case": f"case {k}", "quantity": "area|m2", "source": "s",
                "exact": 1.0, "computed": 1.0 + 0.001 * k, "error": 0.001 * k, "bar": 0.01, "kind": "relative",
                "mesh": "9 tets"}  # fmt: skip

    few, many = tool.rows([record(k) for k in range(3)]), tool.rows([record(k) for k in range(6)])
    assert len(few) == 5
    assert len(many) == 3
    assert many[2].startswith("| case 5, the worst of 6 | area\\|m2 | 1 | s | 1.005 | 0.5 % | 1 % |")


def test_rounding_is_shown_by_what_it_lies_below(tool):
    def shown(**changes):
        record = {"test": "t", "case": "c", "quantity": "q", "source": "s", "exact": 1.0, "computed": 1.0,
                  "error": 0.0, "bar": 1e-8, "kind": "relative", "mesh": "m"}  # fmt: skip
        return [cell.strip() for cell in tool.rows([record | changes])[2].split("|")[5:7]]

    assert shown(error=2e-16) == shown(error=7e-15) == ["1", "< 1e-12"]
    assert shown(error=2e-16, bar=1e-13) == ["1", "< 1e-13"]  # the bar holds
    assert shown(exact=0.0, computed=-3e-11, error=3e-11, kind="absolute") == ["< 1e-10", "< 1e-10"]
    assert shown(computed=1.0 + 2e-9, error=2e-9) == ["1", "2e-09"]
    # a length in m, a tenth of a nanometre off, is measured
    assert shown(exact=1.04e-5, computed=1.04001e-5, error=1e-10, kind="absolute") == ["1.04001e-05", "1e-10"]
    many = [{"test": "t", "case": f"c{k}", "quantity": "q", "source": "s", "exact": 0.0, "computed": k * 1e-16,
             "error": k * 1e-16, "bar": 1e-8, "kind": "absolute", "mesh": "m"} for k in (3, 9, 1, 2, 5)]  # fmt: skip
    assert tool.rows(many)[2].startswith("| c3, the worst of 5 |")  # none is the worst: it would differ from run to run
