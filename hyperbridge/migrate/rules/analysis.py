"""What a program asks its Trials after the search, and the same asked of the new engine.

Source: hyperopt.base.Trials.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.rules.vocabulary import Vocabulary
from hyperbridge.migrate.search import Search

_SAVERS = ("pickle.dump", "pickle.dumps", "joblib.dump", "cloudpickle.dump", "dill.dump")


@dataclass(frozen=True, slots=True, eq=False)
class Replacement:
    """One expression, and what to write in its place; see `vocabulary` for the words in it.

    Attributes:
        node: The expression.
        text: What takes its place.
        after: A part at the beginning of the expression that stays as it is, if any.
    """

    node: ast.expr
    text: str
    after: ast.expr | None = None

    def apply(self, module: Module, **words: str) -> None:
        """Add the edit, with something in place of each of the vocabulary's words."""
        text = self.text
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        start, end = module.span(self.node)
        module.edits.replace(start if self.after is None else module.span(self.after)[1], end, text)


def read(search: Search, words: Vocabulary) -> list[Replacement]:
    """Return the counterpart of every use of the trials; block the search where there is none."""
    if search.trials is None:
        return []
    if search.code is not None and search.code.latent:
        words = words.with_latent()
    reader = _Reader(search, words)
    found: list[Replacement] = []
    for use in search.module.names.uses(search.trials):
        if use in search.claimed or not isinstance(use.ctx, ast.Load):
            continue
        parent = search.module.names.parent_of[use]
        if isinstance(parent, ast.keyword) and parent.arg == "trials":
            search.block(
                parent.value,
                "two calls of fmin share their trials: create the study once, and give each"
                " study.optimize the number of further trials",
            )
            continue
        replacements = list(reader.of_trials(use))
        if replacements:
            search.claimed.add(use)
            found += replacements
        else:
            search.block(
                parent,
                f"no rule for this use of {search.trials.name!r}: rewrite it by hand with"
                f" {words.by_hand}",
            )
    return found


class _Reader:
    def __init__(self, search: Search, words: Vocabulary) -> None:
        self._search = search
        self._module = search.module
        self._parents = search.module.names.parent_of
        self._words = words

    def of_trials(self, use: ast.Name) -> Iterator[Replacement]:
        """Rewrite one use of the variable that holds the trials."""
        words, parent = self._words, self._parents[use]
        if isinstance(parent, ast.Call) and use in parent.args:
            if _is_len(parent):
                yield Replacement(parent, f"len({words.trials})")
            elif self._module.names.dotted(parent.func) in _SAVERS and words.saved is not None:
                self._search.remark(parent, "the study is saved in place of the Trials")
                yield Replacement(use, words.saved)
        elif isinstance(parent, ast.For | ast.comprehension) and parent.iter is use:
            yield from self._loop(use, parent.target)
        elif isinstance(parent, ast.Attribute):
            yield from self._attribute(parent)

    def _attribute(self, node: ast.Attribute) -> Iterator[Replacement]:
        words, above = self._words, self._parents[node]
        if node.attr == "best_trial":
            yield from self._best_trial(node)
        elif node.attr == "argmin":
            self._remark_options(node)
            yield Replacement(node, words.best_params)
        elif node.attr in ("trials", "results"):
            yield from self._sequence(node, above)
        elif node.attr == "tids" and words.number is not None:
            yield Replacement(node, self._listed(words.number))
        elif node.attr in ("losses", "statuses", "average_best_error"):
            if isinstance(above, ast.Call) and not above.args and not above.keywords:
                outer = self._parents[above]
                if node.attr == "losses" and _is_min(outer):
                    yield Replacement(outer, words.best_value)
                    return
                methods = {
                    "losses": self._listed(words.loss_or_none),
                    "statuses": self._listed(words.status),
                    "average_best_error": words.best_value,
                }
                yield Replacement(above, methods[node.attr])
        elif node.attr == "vals" and isinstance(above, ast.Subscript):
            self._remark_option(above)
            label = self._module.text(above.slice)
            params = words.params.replace("TRIAL", "t")
            yield Replacement(
                above, f"[{params}[{label}] for t in {words.trials} if {label} in {params}]"
            )

    def _listed(self, text: str) -> str:
        return f"[{text.replace('TRIAL', 't')} for t in {self._words.trials}]"

    def _sequence(self, node: ast.Attribute, above: ast.AST) -> Iterator[Replacement]:
        loop = self._parents.get(above)
        if isinstance(above, ast.For | ast.comprehension) and above.iter is node:
            yield from self._loop(node, above.target)
        elif (
            isinstance(above, ast.Call)
            and self._is_enumerate(above)
            and isinstance(loop, ast.For | ast.comprehension)
            and isinstance(loop.target, ast.Tuple)
            and len(loop.target.elts) == 2
        ):
            yield from self._loop(node, loop.target.elts[1])
        elif isinstance(above, ast.Call) and _is_len(above):
            yield Replacement(node, self._words.trials)
        elif node.attr == "results" and isinstance(above, ast.Subscript) and above.value is node:
            yield from self._one_result(above)
        elif node.attr == "results":
            yield Replacement(node, self._listed(self._words.result))
        elif isinstance(above, ast.Subscript) and above.value is node:
            index = self._module.text(above.slice)
            yield from self._one_trial(above, f"{self._words.trials}[{index}]")

    def _one_result(self, node: ast.Subscript) -> Iterator[Replacement]:
        """Rewrite ``trials.results[i]["loss"]``, whatever stands in the first brackets."""
        above = self._parents[node]
        entry = self._result_entry(node, "TRIAL")
        if (
            entry is not None
            and isinstance(above, ast.Subscript)
            and entry.text.startswith("TRIAL")
        ):
            yield Replacement(node.value, self._words.trials)
            yield Replacement(above, entry.text.removeprefix("TRIAL"), node)
        else:
            yield Replacement(node.value, self._listed(self._words.result))

    def _best_trial(self, node: ast.Attribute) -> Iterator[Replacement]:
        above = self._parents[node]
        if isinstance(above, ast.Subscript) and above.value is node:
            yield from self._one_trial(above, self._words.best_trial)
        elif isinstance(above, ast.Assign | ast.AnnAssign) and above.value is node:
            yield from self._variable(node, above)
        elif isinstance(above, ast.Call) and node in above.args:
            yield Replacement(node, self._words.best_trial)

    def _variable(
        self, node: ast.Attribute, statement: ast.Assign | ast.AnnAssign
    ) -> Iterator[Replacement]:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        binding = self._module.names.only_binding(target)
        if binding is None:
            return
        uses = self._module.names.uses(binding)
        inner = list(self._uses_of_trial(binding.name, uses, is_result=False))
        if None not in inner:
            yield Replacement(node, self._words.best_trial)
            yield from (replacement for replacement in inner if replacement is not None)

    def _is_enumerate(self, call: ast.Call) -> bool:
        func = call.func
        is_builtin = isinstance(func, ast.Name) and not self._module.names.bindings(func)
        return is_builtin and isinstance(func, ast.Name) and func.id == "enumerate"

    def _loop(self, iterated: ast.expr, target: ast.expr) -> Iterator[Replacement]:
        """Rewrite ``for t in trials.trials`` and what is asked of ``t`` in it."""
        names = self._module.names
        if not isinstance(target, ast.Name):
            return
        over_results = isinstance(iterated, ast.Attribute) and iterated.attr == "results"
        scope = names.scope_of[target].find(target.id)
        if scope is None or len(scope.bindings[target.id]) != 1:
            return
        uses = scope.uses.get(target.id, [])
        inner = list(self._uses_of_trial(target.id, uses, is_result=over_results))
        if None not in inner:
            yield Replacement(iterated, self._words.trials)
            yield from (replacement for replacement in inner if replacement is not None)

    def _uses_of_trial(
        self, name: str, uses: list[ast.Name], *, is_result: bool
    ) -> Iterator[Replacement | None]:
        for use in uses:
            if not isinstance(use.ctx, ast.Load):
                continue
            above = self._parents[use]
            if is_result:
                yield self._result_entry(use, name)
            elif not isinstance(above, ast.Subscript) or above.value is not use:
                yield None
            else:
                found: list[Replacement | None] = list(self._one_trial(above, name))
                yield from found or [None]

    def _one_trial(self, node: ast.Subscript, trial: str) -> Iterator[Replacement]:
        """Rewrite ``trial["result"]["loss"]`` and its like."""
        words, key, above = self._words, _key(node), self._parents[node]
        if key == "tid" and words.number is not None:
            yield Replacement(node, words.number.replace("TRIAL", trial))
        elif key == "result":
            entry = self._result_entry(node, trial)
            if entry is not None:
                yield entry
            elif not isinstance(above, ast.Attribute | ast.Subscript) or above.value is not node:
                yield Replacement(node, words.result.replace("TRIAL", trial))
        elif key == "misc" and isinstance(above, ast.Subscript) and _key(above) == "vals":
            yield from self._values(above, trial)
        elif key in ("book_time", "refresh_time") and words.times is not None:
            yield Replacement(node, words.times[key == "refresh_time"].replace("TRIAL", trial))

    def _values(self, vals: ast.Subscript, trial: str) -> Iterator[Replacement]:
        inner = self._parents[vals]
        outer = self._parents.get(inner)
        params = self._words.params.replace("TRIAL", trial)
        if isinstance(inner, ast.Subscript) and inner.value is vals:
            if isinstance(outer, ast.Subscript) and outer.value is inner and _key(outer) == 0:
                self._remark_option(inner)
                yield Replacement(outer, f"{params}[{self._module.text(inner.slice)}]")
        elif not isinstance(inner, ast.Attribute):
            self._remark_options(vals)
            yield Replacement(vals, f"{{name: [value] for name, value in {params}.items()}}")

    def _remark_option(self, entry: ast.Subscript) -> None:
        code, label = self._search.code, _key(entry)
        if code is not None and label in code.categories:
            self._search.remark(entry, f"{label!r} is the option itself, not its index")

    def _remark_options(self, node: ast.expr) -> None:
        if self._search.code is not None and self._search.code.categories:
            self._search.remark(node, "options stand for themselves here, not for their index")

    def _result_entry(self, result: ast.expr, trial: str) -> Replacement | None:
        """Rewrite ``result["loss"]`` or ``result.get("loss")``, of which the result is given."""
        words, above = self._words, self._parents[result]
        call = self._parents.get(above)
        node: ast.expr
        if isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Load):
            node, key, loss, entry = above, above.slice, words.loss, words.entry
        elif (
            isinstance(above, ast.Attribute)
            and above.attr == "get"
            and isinstance(call, ast.Call)
            and call.func is above
            and len(call.args) == 1
            and not call.keywords
        ):
            node, key, loss = call, call.args[0], words.loss_or_none
            entry = words.entry.replace("[KEY]", ".get(KEY)")
        else:
            return None
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        if key.value == "loss":
            text = words.best_value if trial == words.best_trial else loss
        elif key.value == "status":
            text = f"({words.status})"
        else:
            text = entry.replace("KEY", self._module.text(key))
        return Replacement(node, text.replace("TRIAL", trial))


def _is_min(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "min"
        and len(node.args) == 1
        and not node.keywords
    )


def _is_len(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "len"


def _key(node: ast.Subscript) -> object:
    return node.slice.value if isinstance(node.slice, ast.Constant) else None
