"""Replacing a function's code and putting it back."""

from __future__ import annotations

import sys
import threading

import pytest

from hyperbridge.tracking.attach.imports import call_after_import
from hyperbridge.tracking.attach.intercept import intercept


def greet(name: str, *, mark: str = "!") -> str:
    return f"hello {name}{mark}"


def shout(original, *args, **kwargs):
    return original(*args, **kwargs).upper()


bound_before = greet


def test_every_holder_of_the_function_gets_the_replacement():
    code = greet.__code__
    with intercept(greet, shout) as original:
        assert bound_before("you") == "HELLO YOU!"
        assert greet("you", mark="?") == "HELLO YOU?"
        assert original("you") == "hello you!"
    assert bound_before("you") == "hello you!"
    assert greet.__code__ is code


def test_the_last_of_several_contexts_puts_the_function_back():
    first, second = intercept(greet, shout), intercept(greet, shout)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert greet("you") == "HELLO YOU!"
    second.__exit__(None, None, None)
    assert greet("you") == "hello you!"


def test_threads_may_come_and_go():
    errors = []

    def work():
        for _ in range(200):
            with intercept(greet, shout):
                if greet("you") != "HELLO YOU!":
                    errors.append("not replaced")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert greet("you") == "hello you!"


@pytest.fixture
def fresh_module(tmp_path, monkeypatch):
    (tmp_path / "imported_once.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "imported_once"
    sys.modules.pop("imported_once", None)


def test_the_action_follows_the_first_import(fresh_module):
    seen = []
    finders = list(sys.meta_path)
    with call_after_import(fresh_module, lambda: seen.append(sys.modules[fresh_module].VALUE)):
        assert seen == []
        module = __import__(fresh_module)
        __import__(fresh_module)
        assert seen == [1]
        assert "exec_module" not in vars(module.__loader__)
    assert sys.meta_path == finders


def test_without_an_import_nothing_happens(fresh_module):
    seen = []
    finders = list(sys.meta_path)
    with call_after_import(fresh_module, lambda: seen.append(1)):
        pass
    __import__(fresh_module)
    assert seen == []
    assert sys.meta_path == finders


def test_a_missing_module_is_still_missing():
    missing = pytest.raises(ModuleNotFoundError)
    with call_after_import("no_such_module_at_all", lambda: None), missing as caught:
        __import__("no_such_module_at_all")
    assert caught.value.name == "no_such_module_at_all"
