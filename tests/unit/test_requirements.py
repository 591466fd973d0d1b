"""The tables of requirements and of faults, and the tests that hold them."""

from pathlib import Path

from tests import catalogue
from tests.catalogue import FAULTS, NOT_INJECTED
from tests.requirements import NOT_YET, ROWS, held, rows_of, table


def test_the_table_in_the_documentation_is_made_from_the_tests() -> None:
    """Mend it with `python -m tests.requirements > docs/requirements.md`."""
    kept = Path(__file__).parents[2] / "docs" / "requirements.md"
    assert kept.read_text() == table()


def test_rows_are_found_in_words() -> None:
    """However they are named."""
    text = "# S" + "1-9, S" + "1-10 and suff" + "erings 2, 13; not S" + "9-9"
    assert rows_of(text) == {"S" + "1-9", "S" + "1-10", "suffering 2", "suffering 13"}


def test_no_row_is_both_held_and_put_off() -> None:
    """What is held needs no excuse."""
    assert NOT_YET.keys() <= ROWS.keys()
    assert held().keys() & NOT_YET.keys() == set()


def test_the_catalogue_of_faults_is_made_from_the_tests() -> None:
    """Mend it with `python -m tests.catalogue > docs/faults.md`."""
    kept = Path(__file__).parents[2] / "docs" / "faults.md"
    assert kept.read_text() == catalogue.table()
    injected = {int(row.removeprefix("fault ")) for row in held("fault")}
    assert injected <= FAULTS.keys()
    assert FAULTS.keys() - injected <= NOT_INJECTED.keys()
    assert not injected & NOT_INJECTED.keys()
