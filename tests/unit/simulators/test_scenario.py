"""Scenario files, TOML and JSON alike, or what is wrong with which step."""

import json
from pathlib import Path

import pytest

from simulators.cloud.scenario import ScenarioError, Step, load

STEPS = [Step(0.0, "report", {}), Step(2.5, "reservation.put", {"arrival": "2027-05-01"})]


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, plain = tmp_path / "s.toml", tmp_path / "s.json"
    toml.write_text(
        '[[steps]]\ntype = "report"\n'
        '[[steps]]\nafter = 2.5\ntype = "reservation.put"\ndata = { arrival = 2027-05-01 }\n'
    )
    steps = [{"after": step.after, "type": step.type, "data": step.data} for step in STEPS]
    plain.write_text(json.dumps(steps))
    assert load(toml) == load(plain) == STEPS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "s.json: "),
        ("{}", "has no list of steps"),
        ('[{"type": "report"}, {"after": 1}]', "step 2 is not"),
        ('[{"type": "report", "after": -1}]', "step 1 is not"),
        ('[{"type": "report", "data": []}]', "step 1 is not"),
    ],
)
def test_a_bad_file_names_the_step(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=complaint):
        load(path)
