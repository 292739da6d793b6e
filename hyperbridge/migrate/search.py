"""One search of a program: a call of fmin, with what belongs to it, read from the source."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.space_source import SourceSpace
from hyperbridge.translate.to_source import SpaceCode

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
_OF_HYPERBRIDGE = ("backend", "parallelism", "tracking")


@dataclass(slots=True, eq=False)
class Settings:
    """What the rules read from the arguments, as source text, for any target.

    Attributes:
        n_trials: Number of trials; None for no limit.
        timeout: Seconds; None for no limit.
        parallelism: Trials at once; None for one after the other.
        sampler: ``tpe`` or ``random``.
        sampler_options: Pairs of Optuna's option name and source.
        seed: Source of the seed.
        stop_at_loss: Source of the loss that is good enough.
        patience: Sources of the two arguments of ``no_progress_loss``.
        points: Points to evaluate first, as assignments by label with hyperopt's indices.
        catches: Whether a failed trial lets the others go on.
        show_progress: Whether a progress bar was asked for by name.
        is_spark: Whether the trials went to Spark.
        was_on_workers: Whether they ran in other processes, on Spark or by hyperbridge's Ray.
        is_tracked: Whether they were logged to MLflow by hyperopt or hyperbridge.
    """

    n_trials: str | None = None
    timeout: str | None = None
    parallelism: str | None = None
    sampler: str = "tpe"
    sampler_options: list[tuple[str, str]] = field(default_factory=list)
    seed: str | None = None
    stop_at_loss: str | None = None
    patience: tuple[str, str | None] | None = None
    points: list[dict[str, object]] = field(default_factory=list)
    catches: bool = False
    show_progress: bool = False
    is_spark: bool = False
    was_on_workers: bool = False
    is_tracked: bool = False


@dataclass(slots=True, eq=False)
class Search:
    """A call of fmin and what is known about it.

    Attributes:
        module: Where it is.
        call: The call.
        arguments: Its arguments by name.
        settings: What the rules made of them.
        space: The space; None when the source alone does not tell.
        code: Native code for the space.
        is_live: Whether the code was made from the live space.
        is_untold: Whether the source alone does not tell the space.
        built_by: Statements that build a live space, and nothing else.
        shares_builders: Other searches whose live spaces come from the same code.
        trials: The variable that holds the Trials; None when there is none.
        best: The variable that holds fmin's result.
        consumed: Variables that are not needed afterwards.
        claimed: Uses of variables that the rewriting takes care of.
        notes: For a person.
        names: Names chosen for new functions and variables.
    """

    module: Module
    call: ast.Call
    arguments: dict[str, ast.expr]
    settings: Settings = field(default_factory=Settings)
    space: SourceSpace | None = None
    code: SpaceCode | None = None
    is_live: bool = False
    is_untold: bool = False
    built_by: set[ast.stmt] = field(default_factory=set)
    shares_builders: list[Search] = field(default_factory=list)
    trials: Binding | None = None
    best: Binding | None = None
    consumed: list[Binding] = field(default_factory=list)
    claimed: set[ast.AST] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def statement(self) -> ast.stmt:
        """The statement in which the call is."""
        return self.module.names.statement(self.call)

    @property
    def is_blocked(self) -> bool:
        """Whether something prevents the rewriting of this search."""
        return any(note.needs_person for note in self.notes)

    def block(self, node: ast.AST, text: str) -> None:
        """Say why the search is left as it is."""
        self._note(node, text, needs_person=True)

    def remark(self, node: ast.AST, text: str) -> None:
        """Say what is different afterwards."""
        self._note(node, text, needs_person=False)

    def _note(self, node: ast.AST, text: str, *, needs_person: bool) -> None:
        note = Note(getattr(node, "lineno", self.call.lineno), text, needs_person)
        if note not in self.notes:
            self.notes.append(note)

    def look_through(self, expr: ast.expr) -> ast.expr:
        """Return what a variable holds that is assigned once; anything else as it is.

        A variable that holds something of hyperopt's is not needed after the rewriting.
        """
        binding = self.module.names.only_binding(expr)
        if binding is None or binding.value is None:
            return expr
        if any(self.module.hyperopt(part) is not None for part in ast.walk(binding.value)):
            self.consumed.append(binding)
            self.claimed.add(expr)
        return binding.value

    def text(self, name: str) -> str | None:
        """Return the source of an argument; None when it is missing or None."""
        value = self.arguments.get(name)
        if value is None or is_none(value):
            return None
        return self.module.text(value)


def is_none(expr: ast.expr | None) -> bool:
    """Tell whether an expression is the constant None."""
    return isinstance(expr, ast.Constant) and expr.value is None


def find_searches(module: Module) -> list[Search]:
    """Return every call of hyperopt's fmin, in the order of the source."""
    calls = [
        node for node in module.walk() if isinstance(node, ast.Call) and _is_fmin(module, node.func)
    ]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [_search(module, call) for call in calls]


def _is_fmin(module: Module, func: ast.expr) -> bool:
    if module.hyperopt(func) == "fmin":
        return True
    if isinstance(func, ast.Attribute) and func.attr == "fmin":
        binding = module.names.only_binding(func.value)
        value = None if binding is None else binding.value
        return isinstance(value, ast.Call) and module.hyperopt(value.func) in TRIALS
    return False


TRIALS = ("Trials", "SparkTrials")


def _search(module: Module, call: ast.Call) -> Search:
    arguments = dict(zip(FMIN_ARGUMENTS, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg is not None:
            arguments[keyword.arg] = keyword.value
    search = Search(module, call, arguments)
    if isinstance(call.func, ast.Attribute) and module.hyperopt(call.func) != "fmin":
        arguments.setdefault("trials", call.func.value)
    if any(isinstance(arg, ast.Starred) for arg in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    ):
        search.block(call, "fmin is called with * or **: write its arguments out first")
    for name in arguments:
        if name not in (*FMIN_ARGUMENTS, *_OF_HYPERBRIDGE):
            search.block(arguments[name], f"fmin has no argument {name!r}")
    if not {"fn", "space"} <= set(arguments):
        search.block(call, "fmin is called without fn and space")
    return search
