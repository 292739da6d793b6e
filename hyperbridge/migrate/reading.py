"""Read the calls of fmin of a program: one frozen description of each search.

Source: hyperopt.fmin.fmin, hyperopt.base.Trials.fmin, hyperopt.spark.SparkTrials.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from hyperbridge.migrate.early_stops import trials_of_stop
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import FUNCTIONS, entries_of, is_changed, walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.straight_line import last_value

FMIN_ARGUMENTS = (
    "fn",
    "space",
    "algo",
    "max_evals",
    "timeout",
    "loss_threshold",
    "trials",
    "rstate",
    "allow_trials_fmin",
    "pass_expr_memo_ctrl",
    "catch_eval_exceptions",
    "verbose",
    "return_argmin",
    "points_to_evaluate",
    "max_queue_len",
    "show_progressbar",
    "early_stop_fn",
    "trials_save_file",
)
_SWITCHES = (
    *("pass_expr_memo_ctrl", "trials_save_file", "catch_eval_exceptions", "return_argmin"),
    *("show_progressbar", "tracking"),
)
"""Arguments that must be known, for the new code is another one with each value."""
_SHOWN = ("verbose", "show_progressbar")
_OF_HYPERBRIDGE = ("backend", "parallelism", "tracking")
_WITHOUT_COUNTERPART = {
    "pruner": None,
    "trial_timeout": None,
    "repeats": "run",
    "journal": None,
    "warm_start": None,
}
"""Arguments of hyperbridge's own that nothing is written for, with what is as if not given."""
_OLD_ORDER = ("fn", "space", "algo", "max_evals", "trials", "rstate")
_SPARK_ARGUMENTS = ("parallelism", "timeout", "loss_threshold", "spark_session", "resource_profile")
TRIALS = ("Trials", "SparkTrials")
_WITH_POINTS = "generate_trials_to_calculate"
_SAMPLERS = {"tpe.suggest": "tpe", "rand.suggest": "random"}
SAMPLER_CLASSES = {
    "tpe.suggest": "TPESampler",
    "rand.suggest": "RandomSampler",
    "anneal.suggest": "TPESampler",
    "atpe.suggest": "TPESampler",
    "mix.suggest": "TPESampler",
}
REPLACED = {
    "anneal.suggest": "simulated annealing",
    "atpe.suggest": "adaptive TPE",
    "mix.suggest": "a mixture of algorithms",
}
SAMPLER_OPTIONS = {"n_startup_jobs": "n_startup_trials", "n_EI_candidates": "n_ei_candidates"}
_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState")


@dataclass(frozen=True, slots=True, eq=False)
class Sampler:
    """The algorithm of a search.

    Attributes:
        kind: ``tpe``, ``random``, or ``chosen`` by the program.
        chosen: The expression that chooses it; what it chooses from become Optuna's classes.
        options: Pairs of Optuna's option and its source.
        seed: The expression of the seed, or of a generator to draw it from; None for any seed.
        is_drawn: Whether the seed is drawn from a generator.
    """

    kind: str = "tpe"
    options: tuple[tuple[str, ast.expr], ...] = ()
    seed: ast.expr | None = None
    is_drawn: bool = False
    chosen: ast.expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """One call of fmin.

    Attributes:
        module: Where it is.
        call: The call.
        arguments: Its arguments by name; those that are None are left out.
        sampler: How it proposes trials.
        patience: The arguments of ``no_progress_loss``.
        stop_when: An ``early_stop_fn`` of the program's own.
        is_spark: Whether the trials ran on Spark's executors.
        spark_session: The expression of the SparkSession; None for the one that there is.
        parallelism: The expression of how many trials run at once.
        timeout: Seconds.
        loss_threshold: The loss that is good enough.
        catches: Whether a trial that raises lets the others go on.
        shows_progress: Whether a progress bar was asked for by name.
        returns_point: Whether fmin gives the point itself and no indices.
        is_tracked: Whether hyperopt or hyperbridge logged the trials to MLflow.
        was_on_workers: Whether they ran in other processes.
        notes: For a person.
    """

    module: Module
    call: ast.Call
    arguments: Mapping[str, ast.expr]
    sampler: Sampler = Sampler()
    patience: tuple[ast.expr | None, ast.expr | None] | None = None
    stop_when: ast.expr | None = None
    is_spark: bool = False
    spark_session: ast.expr | None = None
    parallelism: ast.expr | None = None
    timeout: ast.expr | None = None
    loss_threshold: ast.expr | None = None
    catches: bool = False
    shows_progress: bool = False
    returns_point: bool = False
    is_tracked: bool = False
    was_on_workers: bool = False
    notes: tuple[Note, ...] = ()


def find_searches(program: Program) -> list[Search]:
    """Return every call of hyperopt's fmin, by file and in the order of the source."""
    found: list[Search] = []
    for module in program.modules:
        calls = [n for n in module.of_kind(ast.Call) if _is_fmin(program, n.func)]
        calls.sort(key=lambda call: (call.lineno, call.col_offset))
        found += [_Reader(program, module, call).read() for call in calls]
    return found


def _is_fmin(program: Program, func: ast.expr) -> bool:
    if program.hyperopt(func) == "fmin":
        return True
    if isinstance(func, ast.Attribute) and func.attr == "fmin" and not program.dotted(func):
        found = origins(program, func.value).exprs
        return any(is_trials_call(program, expr) for expr in found)
    return False


def is_handed_on(node: ast.AST, module: Module) -> TypeGuard[ast.expr]:
    """Tell whether a node stands for fmin and does not call it: ``partial(fmin, ...)``."""
    if not isinstance(node, ast.Name | ast.Attribute) or module.hyperopt(node) != "fmin":
        return False
    above = module.names.parent_of.get(node)
    is_called = isinstance(above, ast.Call) and above.func is node
    return isinstance(node.ctx, ast.Load) and not is_called and not isinstance(above, ast.Attribute)


def is_trials_call(program: Program, expr: ast.AST) -> bool:
    """Tell whether an expression makes a Trials."""
    return isinstance(expr, ast.Call) and program.hyperopt(expr.func) in (*TRIALS, _WITH_POINTS)


def seed_of(program: Program, expr: ast.expr) -> ast.expr | None:
    """Return the plain seed of a generator that an expression makes; None when it has none."""
    if not isinstance(expr, ast.Call) or program.dotted(expr.func) not in _GENERATORS:
        return None
    given = [*expr.args, *(keyword.value for keyword in expr.keywords)]
    return given[0] if len(given) == 1 else None


def is_partial(program: Program, call: ast.Call) -> bool:
    """Tell whether a call is one of ``functools.partial``, also under hyperopt's name for it."""
    names = (program.dotted(call.func), program.hyperopt(call.func))
    return bool(call.args) and ("functools.partial" in names or "partial" in names)


def is_word(expr: ast.expr) -> bool:
    """Tell whether an expression is a constant string."""
    return isinstance(expr, ast.Constant) and isinstance(expr.value, str)


def is_none(expr: ast.expr | None) -> bool:
    """Tell whether an expression is the constant None."""
    return isinstance(expr, ast.Constant) and expr.value is None


@dataclass(slots=True)
class _Reader:
    program: Program
    module: Module
    call: ast.Call
    notes: list[Note] = field(default_factory=list)
    given: dict[str, ast.expr] = field(default_factory=dict)

    def block(self, node: ast.AST, code: str, text: str) -> None:
        self._note(node, code, text, needs_person=True)

    def remark(self, node: ast.AST, code: str, text: str) -> None:
        self._note(node, code, text, needs_person=False)

    def _note(self, node: ast.AST, code: str, text: str, *, needs_person: bool) -> None:
        is_here = self.program.home.get(node) is self.module
        line = getattr(node, "lineno", self.call.lineno) if is_here else self.call.lineno
        self.notes.append(Note(line, text, needs_person, code))

    def read(self) -> Search:
        self._arguments()
        settings: dict[str, object] = {}
        settings["sampler"] = self._sampler()
        self._early_stop(settings)
        self._trials(settings)
        self._options(settings)
        kept = {name: value for name, value in self.given.items() if not is_none(value)}
        return Search(self.module, self.call, kept, notes=tuple(self.notes), **settings)  # type: ignore[arg-type]  # by name

    def _arguments(self) -> None:
        call = self.call
        names: tuple[str, ...] = FMIN_ARGUMENTS
        if len(call.args) > 4 and self._holds_trials(call.args[4]):
            names = _OLD_ORDER
        if isinstance(call.func, ast.Attribute) and self.program.hyperopt(call.func) != "fmin":
            self.given["trials"] = call.func.value
        self.given.update(zip(names, call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg is not None:
                self.given[keyword.arg] = keyword.value
            else:
                self._starred(keyword.value)
        if any(isinstance(arg, ast.Starred) for arg in call.args):
            self.block(call, "HB201", "fmin is called with *: write its arguments out first")
        for name in self.given:
            if name in _WITHOUT_COUNTERPART:
                value = self.given[name]
                is_silent = isinstance(value, ast.Constant) and value.value in (
                    None,
                    _WITHOUT_COUNTERPART[name],
                )
                if not is_silent:
                    text = (
                        f"nothing is written for {name}: leave it out, and add it to the new code"
                    )
                    self.block(value, "HB201", text)
            elif name not in (*FMIN_ARGUMENTS, *_OF_HYPERBRIDGE):
                self.block(self.given[name], "HB201", f"fmin has no argument {name!r}")
        space = self.given.get("space")
        if space is not None and any(is_word(e) for e in self._origins(space)):
            text = "the space stands in the annotations of the objective: write it as a dict"
            self.block(space, "HB207", text)
        if not {"fn", "space"} <= set(self.given) and not self.notes:
            self.block(call, "HB201", "fmin is called without fn and space")

    def _starred(self, value: ast.expr) -> None:
        """Read ``**options`` where the options are written out in one place."""
        if self._is_silent(value):
            return
        found = self._origins(value)
        for expr in found:
            entries = entries_of(expr)
            if entries is None or len(found) > 1 or self._is_changed(value):
                break
            self.given.update(entries)
            return
        self.block(
            value, "HB201", "fmin is called with **: what it gets is not written in one place"
        )

    def _is_silent(self, value: ast.expr) -> bool:
        """Tell whether ``**options`` of a function only ever say how much is shown."""
        function = self.program.function_around(self.call)
        if function is None or function.args.kwarg is None or not isinstance(value, ast.Name):
            return False
        if value.id != function.args.kwarg.arg:
            return False
        named = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
        given = [k.arg for c in self.program.calls.get(function, ()) for k in c.keywords]
        return all(name in named or name in _SHOWN for name in given)

    def _is_changed(self, options: ast.expr) -> bool:
        """Tell whether something is put into the dict behind a name, or taken out of it."""
        program = self.program
        for slot in origins(program, options).slots:
            for use in program.uses.get(slot, ()):
                above = program.parent_of.get(use)
                if isinstance(above, ast.AugAssign) and above.target is use:
                    return True
                if is_changed(use, program.parent_of):
                    return True
        return False

    def _origins(self, expr: ast.expr) -> set[ast.expr]:
        """Return what the value of an expression may be made by, where fmin is called."""
        return origins(self.program, last_value(self.program, expr) or expr).exprs

    def _holds_trials(self, expr: ast.expr) -> bool:
        return any(is_trials_call(self.program, e) for e in self._origins(expr))

    def _one(self, expr: ast.expr) -> ast.expr:
        """Return the one expression behind a name; the name itself when there are several."""
        if not isinstance(expr, ast.Name | ast.Attribute) or self.program.hyperopt(expr):
            return expr
        found = {e for e in self._origins(expr) if not is_none(e)}
        return found.pop() if len(found) == 1 else expr

    def _sampler(self) -> Sampler:
        algo = self.given.get("algo")
        kind, options = "tpe", []
        if algo is not None and not is_none(algo):
            made = self._one(algo)
            if self._is_chosen(algo):
                seed, is_drawn = self._seed()
                return Sampler("chosen", (), seed, is_drawn, algo)
            if isinstance(made, ast.Call) and made.args and is_partial(self.program, made):
                kind = self._kind(made.args[0])
                is_other = self.program.hyperopt(made.args[0]) in REPLACED
                for keyword in () if is_other else made.keywords:
                    if keyword.arg in SAMPLER_OPTIONS:
                        options.append((SAMPLER_OPTIONS[keyword.arg], keyword.value))
                    elif keyword.arg in ("gamma", "prior_weight", "verbose"):
                        self.remark(
                            algo,
                            "HB221",
                            f"{keyword.arg} is dropped: the new sampler chooses its own",
                        )
                    else:
                        self.block(
                            algo, "HB202", f"the option {keyword.arg} of the algorithm is not known"
                        )
            else:
                kind = self._kind(made)
        seed, is_drawn = self._seed()
        return Sampler(kind, tuple(options), seed, is_drawn)

    def _is_chosen(self, algo: ast.expr) -> bool:
        """Tell whether the program chooses between algorithms that all have a counterpart."""
        if self.program.hyperopt(algo) or isinstance(algo, ast.Call):
            return False
        # A word that stands for an algorithm is compared before; as algo it fails everywhere.
        found = {e for e in self._origins(algo) if not is_word(e)}
        slot = self.program.slot(algo)
        bindings = slot.scope.bindings if slot is not None and slot.scope is not None else {}
        is_given = any(b.kind == "argument" for b in bindings.get(slot.name if slot else "", ()))
        if len(found) < (1 if is_given else 2):
            return False
        for expr in found:
            is_call = isinstance(expr, ast.Call) and is_partial(self.program, expr)
            behind = expr.args[0] if isinstance(expr, ast.Call) and is_call else expr
            if self.program.hyperopt(behind) not in SAMPLER_CLASSES:
                return False
        return True

    def _kind(self, expr: ast.expr) -> str:
        name = self.program.hyperopt(expr) or ""
        if name in _SAMPLERS:
            return _SAMPLERS[name]
        if name in ("tpe", "rand"):  # the module, which hyperopt takes for its suggest
            return _SAMPLERS[f"{name}.suggest"]
        if name in REPLACED:
            self.remark(expr, "HB222", f"{REPLACED[name]} has no counterpart; TPE takes its place")
            return "tpe"
        self.block(
            expr,
            "HB202",
            "this algorithm is not hyperopt's TPE or random search: write it as a sampler of the"
            " new engine, or use hyperbridge's backends, which run it",
        )
        return "tpe"

    def _seed(self) -> tuple[ast.expr | None, bool]:
        rstate = self.given.get("rstate")
        if rstate is None or is_none(rstate):
            return None, False
        made = self._one(rstate)
        if made is not rstate and any(is_none(e) for e in self._origins(rstate)):
            return rstate, True  # the generator where there is one
        if isinstance(made, ast.Call):
            name = self.program.dotted(made.func)
            if name == "numpy.random.seed":  # it returns None, and seeds nothing of hyperopt's
                return None, False
            if name in _GENERATORS:
                given = [*made.args, *(keyword.value for keyword in made.keywords)]
                if not given or is_none(given[0]):
                    return None, False
                is_simple = isinstance(given[0], ast.Constant | ast.Name | ast.Attribute)
                if len(given) == 1 and (made is rstate or is_simple) and self._is_here(given[0]):
                    return given[0], False
        if is_none(made):
            return None, False
        return rstate, True

    def _is_here(self, expr: ast.expr) -> bool:
        """Tell whether an expression means the same where fmin is called."""
        for node in walk(expr):
            if isinstance(node, ast.Name):
                slot = self.program.slot(node)
                scopes = list(self.program.scope_of[self.call].path())
                if slot is not None and slot.scope is not None and slot.scope not in scopes:
                    return False
        return self.program.home.get(expr) is self.module

    def _early_stop(self, settings: dict[str, object]) -> None:
        stop = self.given.get("early_stop_fn")
        if stop is None or is_none(stop):
            return
        made = self._one(stop)
        if isinstance(made, ast.Call) and self.program.hyperopt(made.func) == "no_progress_loss":
            names = ("iteration_stop_count", "percent_increase")
            given = dict(zip(names, made.args, strict=False))
            given.update({str(keyword.arg): keyword.value for keyword in made.keywords})
            settings["patience"] = (given.get(names[0]), given.get(names[1]))
            return
        settings["stop_when"] = stop
        if not trials_of_stop(self.program, stop):
            self.block(
                stop,
                "HB212",
                "what early_stop_fn calls is not seen, and it would get no Trials: write it in"
                " these files, as a function",
            )

    def _trials(self, settings: dict[str, object]) -> None:
        trials = self.given.get("trials")
        if trials is None:
            return
        found = self._origins(trials)
        points = self.given.get("points_to_evaluate")
        if points is not None and not is_none(points) and not all(map(is_none, found)):
            self.remark(
                points,
                "HB239",
                "hyperopt tries no points_to_evaluate where it is given trials; they are tried now",
            )
        for expr in found:
            if isinstance(expr, ast.Call):
                name = self.program.hyperopt(expr.func) or ""
                key = [*expr.args, *(k.value for k in expr.keywords if k.arg == "exp_key")][:1]
                if name == "Trials" and key and not is_none(key[0]):
                    self.remark(expr, "HB229", "exp_key is left out: documents have None for it")
                elif name == "SparkTrials":
                    self._spark(expr, settings)
                elif name == _WITH_POINTS:
                    self._with_points(trials, expr)
                elif name.endswith("MongoTrials"):
                    self.block(expr, "HB203", "MongoTrials keeps its trials in a database")
                elif self._is_subclass(expr.func):
                    self.block(expr, "HB203", "a subclass of Trials has rules of its own")

    def _with_points(self, trials: ast.expr, made: ast.Call) -> None:
        """Read the points of Trials that one call of fmin begins with."""
        program = self.program
        points = [*made.args, *(k.value for k in made.keywords)]
        slot = program.slot(trials)
        used = [] if slot is None else [program.parent_of.get(u) for u in program.uses[slot]]
        calls = {program.parent_of.get(u) if isinstance(u, ast.keyword) else u for u in used}
        others = {c for c in calls if isinstance(c, ast.Call) and _is_fmin(program, c.func)}
        around = (n for n in program.enclosing(self.call))
        inner = itertools.takewhile(lambda n: n is not program.function_around(self.call), around)
        is_again = any(isinstance(n, ast.For | ast.While) for n in inner)
        if len(points) == 1 and self._is_here(points[0]) and others <= {self.call} and not is_again:
            self.given["points_to_evaluate"] = points[0]
            return
        self.block(made, "HB203", "generate_trials_to_calculate: enqueue the points")

    def _is_subclass(self, func: ast.expr) -> bool:
        if not isinstance(func, ast.Name):
            return False
        return any(
            isinstance(b.node, ast.ClassDef)
            and any(self.program.hyperopt(base) in TRIALS for base in b.node.bases)
            for b in self.program.bindings(func)
        )

    def _spark(self, made: ast.Call, settings: dict[str, object]) -> None:
        given = dict(zip(_SPARK_ARGUMENTS, made.args, strict=False))
        given.update({str(keyword.arg): keyword.value for keyword in made.keywords})
        given = {name: value for name, value in given.items() if not is_none(value)}
        settings.update(is_spark=True, was_on_workers=True, is_tracked=True, catches=True)
        for name in ("parallelism", "timeout", "loss_threshold", "spark_session"):
            if name in given:
                if not self._is_here(given[name]):
                    self.block(given[name], "HB203", f"{name} is given where fmin cannot see it")
                settings[name] = given[name]
        if "resource_profile" in given:
            self.block(
                given["resource_profile"],
                "HB203",
                "resource_profile: say what a trial needs in the new engine",
            )

    def _settle(self) -> None:
        """Put the constant in the place of a switch that the program hands on to fmin."""
        for name in _SWITCHES:
            value = self.given.get(name)
            if isinstance(value, ast.Name | ast.Attribute):
                found = self._origins(value)
                said = {(e.value if isinstance(e, ast.Constant) else e) for e in found}
                if len({bool(s) for s in said}) == 1 and not said & found and not self._open(value):
                    self.given[name] = next(iter(found))

    def _open(self, value: ast.expr) -> bool:
        """Tell whether a value is an argument that somebody outside of these files may give."""
        slot = self.program.slot(value)
        if slot is None or slot.scope is None or not isinstance(slot.scope.node, FUNCTIONS):
            return False
        is_argument = any(b.kind == "argument" for b in slot.scope.bindings.get(slot.name, ()))
        return is_argument and not self.program.calls.get(slot.scope.node)

    def _options(self, settings: dict[str, object]) -> None:
        self._settle()
        given = self.given
        if self._is_set("pass_expr_memo_ctrl"):
            self.block(
                given["pass_expr_memo_ctrl"],
                "HB204",
                "the objective takes expr, memo and ctrl: rewrite it to take a trial",
            )
        if self._is_set("trials_save_file"):
            self.block(
                given["trials_save_file"],
                "HB205",
                "trials_save_file: use a study with a storage: create_study(storage=...,"
                " study_name=..., load_if_exists=True)",
            )
        for name in ("timeout", "loss_threshold", "parallelism"):
            # Of two timeouts hyperopt takes the one of SparkTrials, and warns.
            is_ignored = name == "timeout" and name in settings
            if self._is_set(name) and not is_ignored:
                settings[name] = given[name]
        caught = given.get("catch_eval_exceptions")
        if isinstance(caught, ast.Constant):
            settings["catches"] = bool(caught.value) or bool(settings.get("catches"))
        elif caught is not None:
            self.block(caught, "HB206", "catch_eval_exceptions is computed: write True or False")
        shown = given.get("show_progressbar")
        settings["shows_progress"] = isinstance(shown, ast.Constant) and bool(shown.value)
        returned = given.get("return_argmin")
        if isinstance(returned, ast.Constant):
            settings["returns_point"] = not returned.value
        elif returned is not None:
            self.block(returned, "HB206", "return_argmin is computed: say which of the two it is")
        backend = given.get("backend")
        if backend is not None and not isinstance(backend, ast.Constant):
            self.block(
                backend, "HB206", "the backend has options of its own: carry them over by hand"
            )
        elif isinstance(backend, ast.Constant) and backend.value not in (None, "local"):
            settings["is_tracked"] = settings["catches"] = True
            settings["was_on_workers"] = backend.value in ("spark", "ray")
        tracked = given.get("tracking")
        if isinstance(tracked, ast.Constant) and tracked.value is not None:
            settings["is_tracked"] = bool(tracked.value)
        elif tracked is not None and not isinstance(tracked, ast.Constant):
            self.block(
                tracked, "HB206", "tracking is computed: decide whether runs are to be logged"
            )

    def _is_set(self, name: str) -> bool:
        value = self.given.get(name)
        return value is not None and not (isinstance(value, ast.Constant) and not value.value)
