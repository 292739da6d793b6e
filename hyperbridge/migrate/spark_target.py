"""Rewrite a search as an Optuna study on the driver, whose trials are Spark jobs of one task.

Source: Optuna reference, ``Study.ask``, ``Study.tell``; hyperopt.spark.SparkTrials.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate import driver_state, spark_objects, tracking, unsendable
from hyperbridge.migrate.distributions import number
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.rewriting import Draft, Rewriting
from hyperbridge.migrate.spark_helpers import NAME
from hyperbridge.migrate.study_target import OptunaTarget
from hyperbridge.migrate.study_writer import StudyWriter
from hyperbridge.migrate.syntax import split_lines

_LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class SparkTarget(OptunaTarget):
    """Writes a study of Optuna's on the driver, whose trials run as Spark jobs of one task."""

    def read(self, program: Program, search: Search) -> list[Note]:
        """Return what a person must know of a search whose trials were not on executors before."""
        if search.was_on_workers or "fn" not in search.arguments:
            return []
        cached = unsendable.cached_function(program, search)
        return [*unsendable.held(search, unsendable.EXECUTORS, cached, set())]

    def write(self, rewriting: Rewriting, draft: Draft) -> None:
        """Add all edits of a search."""
        _SparkWriter(self, rewriting, draft, self._fresh.get(draft.search)).write()


class _SparkWriter(StudyWriter):
    def _tracking(self) -> tracking.Tracking | None:
        program = self.rewriting.program
        return tracking.read(program, self.search, self.objective, on_workers=True)

    def _evaluate(self, study: str) -> None:
        self._check_objective()
        search, plain = self.search, self.rewriting.plain
        objective = self._expression(search.arguments["fn"])
        space = self._space()
        self._points(study)
        wanted = self._trials_wanted()
        parts = [study, objective, space]
        if wanted is None:
            self._ask("endless")
        else:
            parts.append(f"n_trials={wanted}")
        parts += self._parallelism()
        if search.timeout is not None:
            self._ask("timeout")
            self._ask("cuts" if search.was_on_workers else "timeout")
            parts.append(f"timeout={plain(search.timeout)}")
        stops = self.stops()
        if stops:
            self._ask("stops")
            parts.append(f"stops=[{', '.join(stops)}]")
        if search.spark_session is not None:
            self._ask("session")
            parts.append(f"spark={plain(search.spark_session)}")
        parts += self._catch()
        self._ask(self._returned())
        if self.tracking is not None:
            self._track(self.tracking)
        if search.shows_progress:
            text = "show_progressbar is left out: Spark shows its jobs, and the study its trials"
            self.rewriting.note(search.call, "HB229", text)
        name = self.needs.helper(NAME)
        self.before += split_lines(f"{name}({', '.join(parts)})")

    def _ask(self, word: str) -> None:
        """Have the function do something that this search asks for."""
        self.needs.helpers.add(f"{NAME}, {word}")

    def _returned(self) -> str:
        objective = self.objective
        if objective.returned == "number":
            return "number"
        is_plain = objective.is_read and bool(objective.results)
        is_plain = is_plain and not any(r.extras or r.status != "ok" for r in objective.results)
        return "loss" if is_plain else "dict"

    def _check_objective(self) -> None:
        program, expr = self.rewriting.program, self.search.arguments["fn"]
        used = spark_objects.used_by(program, expr)
        if used is not None:
            raise self.block(
                used if program.home[used] is self.search.module else self.search.call,
                "HB218",
                f"the objective uses {used.id!r}, which is a part of Spark and on the driver alone:"
                " migrate --to optuna, whose trials run there and start Spark jobs of their own",
            )
        if self.search.was_on_workers:
            return
        for change in driver_state.changes(self.search):
            if change.is_lost:
                raise self.block(
                    change.node,
                    "HB219",
                    f"the objective changes {change.name!r}, which the program reads afterwards: on"
                    " an executor the change is lost; return the value in the result's dict",
                )

    # arguments

    def _space(self) -> str:
        """Return the function of the trial that gives a point."""
        space = self.search.arguments["space"]
        point = self._point("trial")
        head = point.removesuffix("(trial)")
        if head != point and head.replace(".", "").isidentifier():
            return head
        name = self.needs.unused("search_space")
        lines = None
        if space in self.draft.roles.roots:
            taken = {n.id for n in walk(self.search.module.tree) if isinstance(n, ast.Name)}
            lines = self.rewriting.spaces.branches(space, "trial", taken | {"trial"})
        self._define(name, lines or split_lines(f"return {point}"))
        return name

    def _parallelism(self) -> list[str]:
        search, at_once = self.search, self._at_once()
        if search.parallelism is None and not search.is_spark:
            self.rewriting.note(
                search.call,
                "HB230",
                "one trial at a time, as before: raise the parallelism to use the cluster",
            )
            return ["parallelism=1"]
        given = search.parallelism
        if at_once is None or given is None or number(search.module, given) is None:
            self._ask("slots")  # the program computes it, perhaps as none
        return [] if at_once is None else [f"parallelism={at_once}"]

    def _catch(self) -> list[str]:
        """Have trials that raise caught, or not, whatever the file's other searches do."""
        kinds = {
            g.search.catches for g in self.rewriting.drafts if g.search.module is self.search.module
        }
        catches = self.search.catches
        self._ask("catch" if catches else "raise")
        return ["catch=Exception"] if catches and len(kinds) > 1 else []

    # MLflow

    def _track(self, logged: tracking.Tracking) -> None:
        self._ask("tracked")
        self.needs.imports.add("import mlflow")
        if logged.style == "callback":
            return
        self._ask("logs")
        if not logged.starts:
            return
        self._ask("starts")
        if len(logged.starts) == 1 and not self._is_repeated(logged.starts[0]):
            self._ask("resumes")
            return
        for call in logged.starts:
            if any(k.arg in (None, "nested") for k in call.keywords):
                continue
            module = self.rewriting.program.home[call]
            comma = ", " if call.args or call.keywords else ""
            module.edits.insert(module.span(call)[1] - 1, f"{comma}nested=True")

    def _is_repeated(self, call: ast.Call) -> bool:
        """Tell whether an objective may start a run several times."""
        for above in self.rewriting.program.enclosing(call):
            if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                return False
            if isinstance(above, _LOOPS):
                return True
        return False
