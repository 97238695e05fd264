"""What the mutation run changes, and that nothing is explained that isn't there (`tests.mutation`)."""

from pathlib import Path

from tests.mutation.__main__ import ROOT, explained, sources
from tests.mutation.mutants import mutants

SMALL = '''
LIMIT = 3
Number = int | None


class Gate:
    """A gate."""

    name: str = "gate"

    def shut(self, value: int = 7) -> bool:
        """Look."""
        if value < LIMIT and not self.open:
            raise ValueError("it is shut")
        return True
'''


def test_each_operator_number_and_statement_is_changed_once() -> None:
    found = [(mutant.function, mutant.before, mutant.after) for mutant in mutants(Path("small.py"), SMALL)]
    test, shut = "value < LIMIT and (not self.open)", "Gate.shut"
    assert found == [
        ("", "3", "4"),
        (shut, f"if {test}:", "if True:"),
        (shut, f"if {test}:", "if False:"),
        (shut, test, "value < LIMIT or not self.open"),
        (shut, test, "not self.open"),
        (shut, test, "value < LIMIT"),
        (shut, "value < LIMIT", "value <= LIMIT"),
        (shut, "value < LIMIT", "value >= LIMIT"),
        (shut, "not self.open", "self.open"),
        (shut, "raise ValueError('it is shut')", "pass"),
        (shut, "return True", "return None"),
        (shut, "True", "False"),
    ]


def test_what_is_explained_is_a_mutant_of_the_code_as_it_is() -> None:
    there = {mutant.key for path in sources() for mutant in mutants(path, (ROOT / path).read_text())}
    assert sorted(set(explained()) - there) == []
    assert all(why.strip() for why in explained().values())
