"""What a real Ray Tune leaves in its folder, read as a history; faults: tests/history."""

from __future__ import annotations

from typing import Any

from hyperopt import hp

import hyperbridge
from hyperbridge.history.kinds import Options, read_history
from hyperbridge.translate.from_hyperopt import read_space

SPACE = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", ["a", hp.quniform("q", 0, 9, 1)])}


def vals(documents: Any) -> list[dict[str, Any]]:
    return [{k: v for k, v in d["misc"]["vals"].items() if v} for d in documents]


def make_objective() -> Any:
    def objective(p: Any) -> Any:
        import hyperbridge

        for step in range(2):
            hyperbridge.report(p["x"] + step, step)
        if p["x"] > 0.9:
            raise ArithmeticError("too large")
        return {"loss": p["x"], "status": "ok", "size": 3, "all": [1, (2,)]}

    return objective


def test_the_folder_of_a_search_has_its_trials(minimise: Any, storage: str) -> None:
    trials = hyperbridge.Trials()
    minimise(
        make_objective(), SPACE, run={"name": "ours"}, max_evals=8, trials=trials,
        catch_eval_exceptions=True,
    )  # fmt: skip
    documents = trials._dynamic_trials
    exact = read_history(f"{storage}/ours", Options(allow_pickle=True))
    assert [(d["tid"], d["state"], d["result"]) for d in exact.documents] == [
        (d["tid"], d["state"], d["result"]) for d in documents
    ]
    plain = read_history(f"{storage}/ours", Options(space=read_space(SPACE)))
    assert vals(plain.documents) == vals(exact.documents) == vals(documents)
    for ours, theirs in zip(plain.documents, documents, strict=True):
        if theirs["result"].get("status") == "ok":
            result = {k: v for k, v in theirs["result"].items() if k != "all"}  # no plain value
            assert ours["result"] == result
    failed = [d for d in documents if "error" in d["misc"]]
    assert failed
    assert [d["result"]["status"] for d in plain.documents].count("ok") == 8 - len(failed)


def test_a_result_grid_of_a_tuner_is_a_history(ray_cluster: None, storage: str) -> None:
    from ray import tune

    def train(config: Any) -> None:
        for step in range(3):
            tune.report({"score": config["lr"] * step})
        if config["opt"] == "bad":
            raise ArithmeticError("two\nlines")

    tuner = tune.Tuner(
        train,
        param_space={
            "lr": tune.uniform(1, 2),
            "opt": tune.grid_search(["adam", "bad", None]),
            "fixed": 3,
        },
        tune_config=tune.TuneConfig(metric="score", mode="max", reuse_actors=True),
        run_config=tune.RunConfig(name="native", storage_path=storage, verbose=0),
    )
    grid = tuner.fit()
    live = read_history(grid, Options())
    folder = read_history(f"{storage}/native", Options(mode="max"))
    assert live.documents == folder.documents
    good, bad, _ = folder.documents
    assert vals([good])[0]["opt"] == [0]
    assert good["result"]["loss"] == -2 * good["misc"]["vals"]["lr"][0]
    assert [step for step, _ in good["misc"]["reports"]] == [1, 2, 3]
    assert bad["misc"]["error"] == ("<class 'ArithmeticError'>", "two\nlines")
    assert bad["misc"]["reports"]
    assert good["book_time"] <= good["refresh_time"]
    assert folder.options["opt"] == ["adam", "bad", None]
