"""``dbutils.widgets``: the parameters of a notebook.

Source: Databricks documentation, "Databricks widgets" and "Databricks Utilities reference".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hyperbridge.errors import HyperbridgeError


class WidgetNotDefinedError(HyperbridgeError, NameError):
    """A notebook asks for a widget that it has not made.

    It is a NameError as well: code that also runs where there is no ``dbutils`` catches that.
    """


class Widgets:
    """The widgets of a notebook. A value that was given from outside outranks a default.

    Args:
        given: Values by name, from the command line.

    Examples:
        >>> widgets = Widgets({"env": "prod"})
        >>> widgets.text("env", "dev")
        >>> widgets.dropdown("model", "svm", ["svm", "forest"])
        >>> widgets.getAll()
        {'env': 'prod', 'model': 'svm'}
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._values: dict[str, str] = {}

    @contextmanager
    def given(self, values: Mapping[str, str]) -> Iterator[None]:
        """Let values outrank the others for a while, as the arguments of ``%run`` do."""
        before, own = self._given, self._values
        self._given = {**before, **values}
        self._values = {name: value for name, value in own.items() if name not in values}
        try:
            yield
        finally:
            self._given = before
            self._values = {**self._values, **own}

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:  # noqa: ARG002, N803 - Databricks' name
        """Make a widget for any text, unless there is one of that name."""
        self._make(name, defaultValue)

    def combobox(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],  # noqa: ARG002
        label: str | None = None,  # noqa: ARG002
    ) -> None:
        """Make a widget for one of some texts, or another; unless there is one of that name."""
        self._make(name, defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,  # noqa: ARG002
    ) -> None:
        """Make a widget for one of some texts, unless there is one of that name.

        Raises:
            ValueError: The value is not one of the choices.
        """
        self._make(name, defaultValue)
        self._check(name, [self._values[name]], choices)

    def multiselect(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,  # noqa: ARG002
    ) -> None:
        """Make a widget for any of some texts, joined by commas; unless there is one already.

        Raises:
            ValueError: One of the values is not one of the choices.
        """
        self._make(name, defaultValue)
        value = self._values[name]
        self._check(name, value.split(",") if value else [], choices)

    def get(self, name: str) -> str:
        """Return the value of a widget.

        Raises:
            WidgetNotDefinedError: There is no such widget, and no value was given for it.
        """
        for values in (self._values, self._given):
            if name in values:
                return values[name]
        raise WidgetNotDefinedError(
            f"InputWidgetNotDefined: there is no widget {name!r}. Make it with "
            f"dbutils.widgets.text({name!r}, ...), or give hyperbridge run --widget {name}=VALUE."
        )

    def getArgument(self, name: str, defaultValue: str | None = None) -> str:  # noqa: N802, N803
        """Return the value of a widget, or a default if the widget does not exist."""
        try:
            return self.get(name)
        except WidgetNotDefinedError:
            if defaultValue is None:
                raise
            return defaultValue

    def getAll(self) -> dict[str, str]:  # noqa: N802
        """Return the values of all widgets by name."""
        return {**self._given, **self._values}

    def remove(self, name: str) -> None:
        """Remove a widget.

        Raises:
            WidgetNotDefinedError: There is no such widget.
        """
        if name not in self._values:
            raise WidgetNotDefinedError(f"InputWidgetNotDefined: there is no widget {name!r}")
        del self._values[name]

    def removeAll(self) -> None:  # noqa: N802
        """Remove all widgets."""
        self._values.clear()

    def _make(self, name: str, default: str) -> None:
        self._values.setdefault(name, self._given.get(name, str(default)))

    def _check(self, name: str, values: Sequence[str], choices: Sequence[str]) -> None:
        known = [str(choice) for choice in choices]
        for value in values:
            if value not in known:
                del self._values[name]
                raise ValueError(f"widget {name!r} has the choices {known}, not {value!r}")
