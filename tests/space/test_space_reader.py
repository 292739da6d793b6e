"""Reading hyperopt's spaces: what each expression becomes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.base import Domain
from hyperopt.exceptions import DuplicateLabel
from hyperopt.pyll import as_apply, scope

from hyperbridge.errors import InvalidSpaceError
from hyperbridge.space.distributions import (
    Categorical,
    LogUniform,
    Normal,
    QUniform,
    RandInt,
    Uniform,
)
from hyperbridge.space.nodes import (
    Call,
    Choice,
    ComputedDistribution,
    Constant,
    DictNode,
    Parameter,
    SequenceNode,
    cast_of,
    without_casts,
)
from hyperbridge.translate.from_hyperopt import DuplicateLabel as OurDuplicateLabel
from hyperbridge.translate.from_hyperopt import read_space


def _distribution(expression):
    (parameter,) = read_space([expression]).parameters.values()
    return parameter.distribution


@pytest.mark.parametrize(
    ("expression", "distribution"),
    [
        (hp.uniform("x", 0, 1), Uniform(0, 1)),
        (hp.uniform("x", high=3, low=-1), Uniform(-1, 3)),
        (hp.uniform("x", np.float32(0), np.int64(2)), Uniform(0, 2)),
        (hp.loguniform("x", -3, 0), LogUniform(-3, 0)),
        (hp.loguniform("x", 0, scope.log(2)), LogUniform(0, np.log(2))),
        (hp.quniform("x", 1, high=10, q=2), QUniform(1, 10, 2)),
        (hp.normal("x", 0, sigma=2), Normal(0, 2)),
        (hp.randint("x", 4), RandInt(0, 4)),
        (hp.randint("x", low=4), RandInt(0, 4)),
        (hp.randint("x", 2, 4), RandInt(2, 4, offset_form=True)),
        (hp.randint("x", low=2, high=4), RandInt(2, 4, offset_form=True)),
        (hp.choice("x", "abc"), RandInt(0, 3)),
        (hp.choice("x", np.arange(5)), RandInt(0, 5)),
        (hp.pchoice("x", [(0.25, "a"), (0.75, "b")]), Categorical([0.25, 0.75])),
    ],
)
def test_each_expression_becomes_its_distribution(expression, distribution):
    assert _distribution(expression) == distribution


def test_containers_become_nodes_that_remember_how_they_were_written():
    root = read_space({"b": [1], "a": (hp.uniform("x", 0, 1), {"c": None})}).root

    assert isinstance(root, DictNode)
    assert root.keys == ("a", "b")
    tuple_node, list_node = root.values
    assert isinstance(tuple_node, SequenceNode)
    assert tuple_node.written_as == "tuple"
    assert list_node.written_as == "list"
    assert isinstance(list_node.items[0], Constant)


def test_a_dict_with_keys_of_other_types_is_still_a_dict_node():
    root = read_space({2: "two", 1: hp.uniform("x", 0, 1)}).root

    assert isinstance(root, DictNode)
    assert root.keys == (1, 2)
    assert read_space({(1, "a"): 5, (0, "b"): 6}).point({}) == {(0, "b"): 6, (1, "a"): 5}


def test_uniformint_is_recognisable_as_an_integer_step():
    node = read_space(hp.uniformint("n", 1, 9)).root

    assert cast_of(node)[0] == "int"
    assert cast_of(cast_of(node)[1])[0] == "float"
    assert without_casts(node).distribution == QUniform(1, 9, 1)


def test_choices_and_handwritten_switches_know_their_parameter():
    choice = read_space(hp.choice("c", ["a", "b"])).root
    switch = read_space(scope.switch(hp.randint("k", 2), "a", "b")).root
    computed = read_space(scope.switch(hp.randint("k", 2) + 0, "a", "b")).root

    assert isinstance(choice, Choice)
    assert isinstance(choice.index, Parameter)
    assert choice.parameter.label == "c"
    assert switch.parameter.label == "k"
    assert computed.parameter is None


def test_a_shared_expression_becomes_one_shared_node():
    shared = hp.uniform("x", 0, 1)
    root = read_space({"a": shared, "b": [shared]}).root

    assert root.values[0] is root.values[1].items[0]


def test_a_distribution_with_computed_arguments_keeps_them_as_nodes():
    space = read_space({"x": hp.uniform("x", 0, hp.uniform("y", 1, 2))})

    assert isinstance(space.parameters["x"].distribution, ComputedDistribution)
    assert list(space.parameters) == ["y", "x"]


def test_users_own_scope_functions_are_kept_and_predefined_ones_replaced():
    @scope.define
    def hyperbridge_test_half(x):
        return x / 2

    try:
        own = read_space(scope.hyperbridge_test_half(hp.uniform("x", 0, 1))).root
    finally:
        scope.undefine(hyperbridge_test_half)
    predefined = read_space(scope.sqrt(hp.uniform("x", 0, 1))).root

    assert isinstance(own, Call)
    assert own.function is hyperbridge_test_half
    assert not own.is_standard
    assert own.function(4) == 2
    assert predefined.is_standard
    assert not predefined.function.__module__.startswith("hyperopt")


def test_a_space_that_was_read_already_is_returned_as_it_is():
    space = read_space(hp.uniform("x", 0, 1))

    assert read_space(space) is space


@pytest.mark.parametrize("other", [hp.uniform("x", 0, 1), hp.normal("x", 0, 1)])
def test_a_label_of_two_parameters_is_refused_as_in_hyperopt(other):
    space = {"a": hp.uniform("x", 0, 1), "b": hp.choice("c", [other, 1])}

    with pytest.raises(DuplicateLabel):
        Domain(None, space)
    with pytest.raises(OurDuplicateLabel, match="label 'x' is used by two") as caught:
        read_space(space)
    assert isinstance(caught.value, DuplicateLabel)
    assert isinstance(caught.value, InvalidSpaceError)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hp.uniform("lr", 0, -1), "label 'lr': low must not be above high"),
        (lambda: hp.loguniform("lr", 0, -2), "label 'lr': low must not be above high"),
        (lambda: hp.quniform("n", 1, 5, 0), "label 'n': q must be greater than 0"),
        (lambda: hp.normal("w", 0, -1), "label 'w': sigma must not be negative"),
        (lambda: hp.uniform("w", 0, np.inf), "label 'w': high must be finite"),
        (lambda: hp.uniform("w", 0), "label 'w'.*high"),
        (lambda: hp.uniform("w", 0, 1, size=3), "label 'w'.*'size'"),
        (lambda: hp.uniform("w", 0, 1, 0.1), r"label 'w': uniform takes 2 .*low, high.*, got 3"),
        (lambda: hp.randint("k", 0, 10, 2), r"label 'k': randint takes 2 .*, got 3"),
        (lambda: hp.randint("k", 0), "label 'k': there must be at least one value"),
        (lambda: hp.randint("k", 5, 2), "label 'k': there must be at least one value"),
        (lambda: hp.choice("c", []), "label 'c': there must be at least one value or option"),
        (
            lambda: hp.pchoice("p", [(0.5, "a"), (0.6, "b")]),
            "label 'p': probabilities must sum to 1",
        ),
        (lambda: scope.uniform(0, 1), r"uniform\(...\) is drawn without a label"),
        (lambda: scope.hyperopt_param("z", as_apply("3")), "label 'z': 'literal' is not"),
    ],
)
def test_a_space_that_cannot_work_is_refused_with_its_label(make, message):
    with pytest.raises(InvalidSpaceError, match=message):
        read_space({"deep": hp.choice("model", [1, {"x": make()}])})


def test_a_function_that_the_scope_has_lost_is_refused_by_name():
    @scope.define
    def hyperbridge_test_lost(x):
        return x

    expression = scope.hyperbridge_test_lost(1)
    scope.undefine(hyperbridge_test_lost)

    with pytest.raises(InvalidSpaceError, match="'hyperbridge_test_lost'"):
        read_space([expression])


def test_the_text_of_a_space_reads_like_hp_expressions():
    shared = hp.lognormal("s", 0, 1)
    space = read_space(
        {
            "model": hp.choice(
                "model",
                [
                    {"type": "svm", "C": hp.loguniform("C", -3, 2), "s": shared},
                    {"type": "forest", "n": hp.uniformint("n", 1, 50), "s": shared},
                ],
            ),
            "p": hp.pchoice("p", [(0.25, None), (0.75, (1,))]),
            "y": hp.uniform("y", 0, hp.uniform("z", 1, 2)) + 1,
        }
    )

    assert repr(space) == "\n".join(
        [
            "Space({",
            "  'model': choice('model', [",
            "    {",
            "      'C': loguniform('C', low=-3.0, high=2.0),",
            "      's': lognormal('s', mu=0.0, sigma=1.0),",
            "      'type': 'svm',",
            "    },",
            "    {",
            "      'n': int(quniform('n', low=1.0, high=50.0, q=1.0)),",
            "      's': lognormal('s', mu=0.0, sigma=1.0),",
            "      'type': 'forest',",
            "    },",
            "  ]),",
            "  'p': pchoice('p', [0.25: None, 0.75: (1,)]),",
            "  'y': add(uniform('y', low=0, high=uniform('z', low=1.0, high=2.0)), 1),",
            "})",
        ]
    )


def test_the_text_of_a_huge_space_stays_short():
    doubled = hp.uniform("x", 0, 1)
    for _ in range(60):
        doubled = doubled + doubled
    space = read_space(
        {"d": doubled, "c": hp.choice("c", range(5000)), "k": np.zeros((300, 300)), "t": "t" * 999}
    )

    assert len(repr(space)) < 200_000
    assert "choice('c', [0, 1, 2, 3, 4, ..., 4999])" in repr(space)
