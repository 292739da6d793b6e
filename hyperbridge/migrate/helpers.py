"""The short functions that are written into a program where the new engine has no word for it.

Source: Optuna reference, ``Trial``, ``FrozenTrial``, ``Study``; hyperopt.base.Trials,
hyperopt.fmin; Python library, ``statistics.NormalDist``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hyperbridge.migrate import spark_helpers
from hyperbridge.translate.source_helpers import (
    FIXED,
    LOG_STEPS,
    NORMAL,
    imports,
    log_steps,
    normal,
)

_OPTION = '''\
def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]
'''

_BRANCH = '''\
def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the study holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)
'''

_ROUNDED = '''\
def suggest_rounded(trial, name, low, high, step):
    """Suggest a multiple of a step: one that a number between the ends is rounded to."""
    first, last = math.floor(low / step + 0.5), math.ceil(high / step - 0.5)
    return trial.suggest_float(name, first * step, last * step, step=step)
'''

_VALUES = '''\
def values_of(trial):
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }
'''

_KEEP = '''\
def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")
'''

_DOCUMENTS = '''\
def documents(study):
    """Return the trials of a study as hyperopt's documents, without those that raised."""
    complete = optuna.trial.TrialState.COMPLETE
    done = [t for t in study.trials if t.state == complete or "status" in t.user_attrs]
    labels = sorted({label for t in done for label in t.params})
    found = []
    for t in done:
        values = PARAMS
        loss = {} if t.value is None else {"loss": t.value}
        misc = {
            "tid": t.number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {k: [t.number] if k in values else [] for k in labels},
            "vals": {k: [values[k]] if k in values else [] for k in labels},
        }
        document = {
            "state": 2,
            "tid": t.number,
            "spec": None,
            "result": {**loss, "status": "ok", **ATTRS},
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": t.datetime_start,
            "refresh_time": t.datetime_complete,
        }
        found.append(document)
    return found
'''

_BEST_DOCUMENT = '''\
def best_document(study):
    """Return the best trial of a study as hyperopt's document."""
    return next(d for d in documents(study) if d["tid"] == study.best_trial.number)
'''

_BY_LABEL = '''\
def {what}_by_label({held}):
    """Return for each parameter {said} the trials that have it."""
    columns = {{}}
    for trial in documents({held}):
        for label, {what} in trial["misc"]["{entry}"].items():
            columns.setdefault(label, []).extend({what})
    return columns
'''


def by_label(held: str) -> dict[str, str]:
    """Return the helpers that give columns of values, by what holds the trials."""
    columns = (("values", "its values in", "vals"), ("numbers", "the numbers of", "idxs"))
    return {
        f"{what}_by_label": _BY_LABEL.format(what=what, said=said, entry=entry, held=held)
        for what, said, entry in columns
    }


_PATIENCE = '''\
class StopWithoutProgress:
    """Stop a study after a number of trials in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first trial counts

    def __call__(self, study, trial):
        if trial.value is None:  # it failed
            return
        if self.best is None:
            self.best = trial.value
        elif trial.value < self.best - abs(self.best) * self.percent / 100:
            self.best = trial.value
            self.waited = 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                study.stop()
'''

_THRESHOLD = '''\
class StopAtLoss:
    """Stop a study as soon as a loss is below a threshold."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, study, trial):
        if trial.value is not None and trial.value < self.loss:
            study.stop()
'''

_WHEN = '''\
class StopWhen:
    """Stop a study when a function says so, which gets back what it returned last."""

    def __init__(self, function):
        self.function = function
        self.given = ()

    def __call__(self, study, trial):
        is_over, self.given = self.function(study, *self.given)
        if is_over:
            study.stop()
'''

_CALLBACK = '''\
def log_child_run(study, trial):
    """Log a finished trial as a child run of the search's MLflow run."""
    parent = study.user_attrs["mlflow_parent"]
    with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True, **parent):
        mlflow.log_params(VALUES)
        if trial.state == optuna.trial.TrialState.COMPLETE:
            mlflow.log_metric("loss", trial.value)
            mlflow.set_tag("trial_status", "success")
        else:
            mlflow.set_tag("trial_status", "failure")
            mlflow.end_run("FAILED")
'''

_WRAPPER = '''\
def in_child_run(objective):
    """Run each trial inside a child run of the search's MLflow run."""

    def run_trial(trial):
        parent = trial.study.user_attrs["mlflow_parent"]
        with mlflow.start_run(
            run_name=f"trial-{trial.number}", nested=True, **parent
        ) as run:
            try:
                loss = objective(trial)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                values = VALUES
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", loss)
            return loss

    return run_trial
'''

SUGGESTING = {
    "suggest_option": _OPTION,
    "suggest_branch": _BRANCH,
    "suggest_rounded": _ROUNDED,
    LOG_STEPS: "",
    "values_of": _VALUES,
}
"""What asks a trial, for every engine whose searcher is Optuna's; two are made for their uses."""

_TEXTS = {
    **SUGGESTING,
    "keep_result": _KEEP,
    "documents": _DOCUMENTS,
    "best_document": _BEST_DOCUMENT,
    **by_label("study"),
    "StopWithoutProgress": _PATIENCE,
    "StopAtLoss": _THRESHOLD,
    "StopWhen": _WHEN,
    "log_child_run": _CALLBACK,
    "in_child_run": _WRAPPER,
}
_NEEDS = {
    "best_document": ("documents",),
    "values_by_label": ("documents",),
    "numbers_by_label": ("documents",),
}


@dataclass(frozen=True, slots=True)
class Library:
    """The helpers of an engine.

    Attributes:
        texts: Their source, in the order of the file.
        needs: The helpers that some of them call.
        of_values: Those that need ``values_of`` where a study holds another form of a value.
        imports: The import statements that each of them needs.
        holder: What holds a trial's values, in the words of the docstrings.
    """

    texts: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]]
    of_values: frozenset[str]
    imports: Mapping[str, tuple[str, ...]]
    holder: str = "the study"


STUDY = Library(
    _TEXTS,
    _NEEDS,
    frozenset(
        {"log_child_run", "in_child_run", "documents", f"{spark_helpers.NAME}, tracked", *_NEEDS}
    ),
    {"documents": ("import optuna",)},
)


def helper_names(needs: Collection[str], library: Library = STUDY) -> list[str]:
    """Return the names of the helpers, with those that they call, in the order of the file."""
    wanted = {need.partition(",")[0] for need in needs}
    if "latent" in needs and {*wanted, *needs} & library.of_values:
        wanted.add("values_of")
    for name in list(wanted):
        wanted.update(library.needs.get(name, ()))
    if spark_helpers.is_dict(needs):
        wanted.add("keep_result")
    of_all = [n for n in (NORMAL, *library.texts) if n in wanted]
    return [*of_all, *spark_helpers.helper_texts(needs)]


def helper_texts(needs: Collection[str], library: Library = STUDY) -> list[str]:
    """Return the source of helpers.

    Args:
        needs: Their names; ``suggest_normal, log`` and the like ask for branches of that one,
            ``exact`` for one that draws nothing wider, ``fixed`` for one that takes a FixedTrial,
            ``latent`` says that the study holds some parameters in another form.
        library: The engine's helpers.

    Examples:
        >>> print(helper_texts(["suggest_normal", "exact"])[0].splitlines()[0])
        def suggest_normal(trial, name, mu, sigma):
    """
    texts: list[str] = []
    on_spark = spark_helpers.helper_texts(needs)
    for name in helper_names(needs, library):
        if name in on_spark:
            texts.append(on_spark[name])
            continue
        write = _WRITTEN.get(name)
        text = library.texts[name] if write is None else write(needs, _KEY)
        if name in ("log_child_run", "in_child_run"):
            is_latent = "latent" in needs
            text = text.replace("VALUES", "values_of(trial)" if is_latent else "trial.params")
        if name == "documents" and "PARAMS" in text:
            text = _documents("latent" in needs)
        if name in _ASKING:
            text = text.replace("the study", library.holder)
            text = text.replace("The study", library.holder.capitalize())
        if on_spark:  # Study.stop is for Study.optimize
            text = text.replace("study.stop()", "return True")
        texts.append(text)
    return texts


def helper_imports(needs: Collection[str], library: Library = STUDY) -> set[str]:
    """Return the import statements that helpers need."""
    names = helper_names(needs, library)
    found = {line for name in names for line in library.imports.get(name, ())} | imports(needs)
    if "suggest_rounded" in names:
        found.add("import math")
    if FIXED in needs and {*_WRITTEN} & {*names}:
        found.add("import optuna")
    return found | spark_helpers.helper_imports(needs)


_ASKING = (NORMAL, *SUGGESTING)
_WRITTEN = {NORMAL: normal, LOG_STEPS: log_steps}
_KEY = 'f"{name}:value"'
"""The user attribute with the value that the objective gets."""


def _documents(is_latent: bool) -> str:
    values, attributes = "t.params", "t.user_attrs"
    lines = _DOCUMENTS
    if is_latent:
        values, attributes = "values_of(t)", "kept"
        kept = '{k: v for k, v in t.user_attrs.items() if not k.endswith(":value")}'
        lines = lines.replace("        misc = {", f"        kept = {kept}\n        misc = {{", 1)
    return lines.replace("PARAMS", values).replace("ATTRS", attributes)
