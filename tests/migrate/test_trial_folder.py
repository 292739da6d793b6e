"""An objective that opens files: Ray's trials run in a folder of their own."""

from __future__ import annotations

import pytest
from golden_cases import migrate

HEAD = (
    "import os, tempfile\nimport pandas as pd\nfrom hyperopt import SparkTrials, fmin, hp, tpe\n"
    "LOG = 'log.csv'\nFOLDER = '/data'\nLOOP = LOOP2 + 'a'\nLOOP2 = LOOP + 'b'\n"
)
SAID = "a trial runs in a folder of its own, where a relative path such as "

IS_FOUND = {
    "open(LOG, 'a')": "'log.csv'",
    "open('log.txt')": "'log.txt'",
    "open(os.path.join('ckpt', str(p)), 'w')": "os.path.join('ckpt', str(p))",
    "open(f'ckpt/{p}.bin', 'wb')": "f'ckpt/{p}.bin'",
    "open(LOOP)": "LOOP",
    "pd.read_csv('data/train.csv')": "'data/train.csv'",
    "pd.DataFrame(p).to_csv(path_or_buf=LOG)": "'log.csv'",
}
IS_NO_MATTER = [
    "open('/tmp/log.txt', 'a')",
    "open(f'{FOLDER}/{p}.bin', 'wb')",
    "open(os.path.join(FOLDER, 'x.bin'), 'wb')",
    "open(os.path.abspath('x.bin'), 'wb')",
    "open(FOLDER + '/x.bin', 'wb')",
    "open(0)",
    "pd.read_csv('s3://bucket/train.csv')",
    "pd.read_csv(FOLDER + '/train.csv')",
    "print('log', 'a.b', 'csv')",
]


def notes(body: str, to: str = "ray", more: str = "") -> list[str]:
    text = HEAD + (
        f"def objective(p):\n    f = {body}\n    return p\n"
        f"fmin(objective, hp.uniform('x', 0, 1), algo=tpe.suggest, max_evals=5{more})\n"
    )
    result = migrate(text, to=to)
    assert result.is_changed
    return [note.text for note in result.notes if SAID in note.text]


@pytest.mark.parametrize("body", IS_FOUND)
def test_a_relative_path_is_remarked(body: str) -> None:
    (text,) = notes(body)

    assert text.startswith(f"{SAID}{IS_FOUND[body]} leads to another file: ")


@pytest.mark.parametrize("body", IS_NO_MATTER)
def test_another_path_is_no_matter(body: str) -> None:
    assert notes(body) == []


def test_optuna_runs_where_the_program_does_and_executors_never_did() -> None:
    assert notes("open(LOG)", to="optuna") == []
    assert notes("open(LOG)", more=", trials=SparkTrials()") == []
