"""Fits the model of `intake.learning.learned` to closed cases; the only module that imports scikit-learn.

A confidence is what held on cases the model had not seen, nor any like them: texts that resemble each
other are left out together, and of what was right among them the lower bound is promised.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from intake.learning.features import features_of, words_of
from intake.learning.learned import Model, Question, weigh

# Below these nothing is learnt.
MIN_CASES, MIN_OF_LABEL = 50, 5
_MAX_FEATURES, _MAX_WEIGHTS = 20_000, 2_000_000
# Cases on which confidence is measured: more would only take longer.
_MEASURED = 3_000
_FOLDS = 5
# Cosine of two texts from which on they say the same.
_ALIKE = 0.45
# Groups of texts on which a step of confidence rests, and how far below what they showed it stays:
# nineteen of twenty times the truth is above (E. B. Wilson, 1927).
_WITNESSES, _Z = 25, 1.645
_LARGEST = 32_767


@dataclass(frozen=True, slots=True)
class Example:
    """A closed case: what was asked, and what the clerks left it with; "" where nothing is to be learnt."""

    text: str
    labels: Mapping[str, str]


def fit(examples: Sequence[Example]) -> Model | None:
    """The model of *examples*, the newest first; None while there are too few to learn from."""
    counted = [Counter(_features(one.text)) for one in examples]
    names = sorted({name for one in examples for name in one.labels})
    chosen = {name: found for name in names if (found := _learnable(examples, name))}
    if not chosen:
        return None
    width = sum(len({label for _, label in rows}) for rows in chosen.values())
    vocabulary, idf = _vocabulary(counted, min(_MAX_FEATURES, _MAX_WEIGHTS // width))
    matrix = _matrix([{vocabulary[f]: n for f, n in one.items() if f in vocabulary} for one in counted], idf)
    groups = _alike(matrix[:_MEASURED], vocabulary)
    questions = {name: _question(matrix, rows, groups) for name, rows in chosen.items()}
    return Model(vocabulary, idf, questions)


def _features(text: str) -> Iterable[str]:
    return (feature for feature, _ in features_of([word for _, _, word in words_of(text)]))


def _learnable(examples: Sequence[Example], name: str) -> list[tuple[int, str]]:
    """The examples, by number, whose label for *name* is frequent enough; none when all say the same."""
    times = Counter(one.labels.get(name, "") for one in examples)
    rows = [
        (number, label)
        for number, one in enumerate(examples)
        if (label := one.labels.get(name, "")) and times[label] >= MIN_OF_LABEL
    ]
    return rows if len(rows) >= MIN_CASES and len({label for _, label in rows}) > 1 else []


def _vocabulary(counted: Sequence[Counter[str]], most: int) -> tuple[dict[str, int], tuple[float, ...]]:
    """The features in two texts at least, the commonest first when there are too many, and their IDF."""
    texts = Counter(feature for one in counted for feature in one)
    kept = sorted((f for f, n in texts.items() if n > 1), key=lambda f: (-texts[f], f))[:most]
    total = len(counted)
    idf = tuple(math.log((1 + total) / (1 + texts[feature])) + 1 for feature in kept)
    return {feature: index for index, feature in enumerate(kept)}, idf


def _matrix(rows: Sequence[Mapping[int, int]], idf: Sequence[float]) -> Any:
    places, columns, values = [], [], []
    for number, row in enumerate(rows):
        for index, value in weigh(row, idf).items():
            places.append(number)
            columns.append(index)
            values.append(value)
    return csr_matrix((values, (places, columns)), shape=(len(rows), len(idf)))


def _alike(matrix: Any, vocabulary: Mapping[str, int]) -> Any:
    """For each text the number of its group: of those that say the same in nearly the same words."""
    near = matrix @ matrix.T
    near.data[near.data < _ALIKE] = 0
    near.eliminate_zeros()
    return connected_components(near, directed=False)[1]


def _question(matrix: Any, rows: Sequence[tuple[int, str]], groups: Any) -> Question:
    numbers = np.array([number for number, _ in rows])
    labels = np.array([label for _, label in rows])
    measured = numbers < len(groups)
    leads, right, who = _unseen(matrix[numbers[measured]], labels[measured], groups[numbers[measured]])
    steps, sure = _calibrate(leads, right, who)
    machine = _machine(matrix[numbers], labels)
    weights, intercepts = _of_each(machine)
    scale = float(np.abs(weights).max()) / _LARGEST or 1.0
    whole = array("h", np.rint(weights.T / scale).astype(np.int16).ravel().tolist())
    share = round(float(np.mean(right)), 4) if len(right) else 0.0
    return Question(
        tuple(map(str, machine.classes_)), whole, scale, tuple(map(float, intercepts)), steps, sure, share
    )


def _machine(matrix: Any, labels: Any) -> Any:
    return LinearSVC(C=0.5, random_state=0).fit(matrix, labels)


def _of_each(machine: Any) -> tuple[Any, Any]:
    """A row of weights for each label; of two labels scikit-learn keeps one row for both."""
    if len(machine.classes_) > 2:
        return machine.coef_, machine.intercept_
    return np.vstack([-machine.coef_, machine.coef_]), np.concatenate(
        [-machine.intercept_, machine.intercept_]
    )


def _unseen(matrix: Any, labels: Any, groups: Any) -> tuple[Any, Any, Any]:
    """Lead, whether it was right, and group of each text, by machines that had seen none like it."""
    leads, right, who = [], [], []
    folds = min(_FOLDS, len(set(groups.tolist())))
    if folds < 2:
        return np.array([]), np.array([]), np.array([])
    for taught, asked in GroupKFold(folds).split(matrix, labels, groups):
        if len(set(labels[taught].tolist())) < 2:
            continue
        machine = _machine(matrix[taught], labels[taught])
        weights, intercepts = _of_each(machine)
        scores = np.asarray(matrix[asked] @ weights.T + intercepts)
        order = np.sort(scores, axis=1)
        leads.append(order[:, -1] - order[:, -2])
        right.append(machine.classes_[scores.argmax(axis=1)] == labels[asked])
        who.append(groups[asked])
    return tuple(np.concatenate(some) if some else np.array([]) for some in (leads, right, who))  # type: ignore[return-value]


def _calibrate(leads: Any, right: Any, who: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Steps of the lead, and the least that was right from each on; never falling as the lead grows."""
    bins: list[list[int]] = []
    here: list[int] = []
    for place in np.argsort(-leads, kind="stable").tolist():
        here.append(place)
        # Ten texts that say the same are one witness, not ten.
        if len(set(who[here].tolist())) < _WITNESSES:
            continue
        while bins and np.mean(right[here]) >= np.mean(right[bins[-1]]):
            # A larger lead that was no surer is the same step, with more witnesses.
            here = bins.pop() + here
        bins.append(here)
        here = []
    steps: list[float] = []
    sure: list[float] = []
    for some in reversed(bins):
        bound = round(_lower(float(np.mean(right[some])), len(set(who[some].tolist()))), 4)
        if not sure or bound > sure[-1]:
            steps.append(round(float(leads[some].min()), 6))
            sure.append(bound)
    return tuple(steps), tuple(sure)


def _lower(share: float, number: int) -> float:
    """The lower end of Wilson's interval for *share* of *number*."""
    square = _Z * _Z
    middle = share + square / (2 * number)
    spread = _Z * math.sqrt(share * (1 - share) / number + square / (4 * number * number))
    return max(0.0, (middle - spread) / (1 + square / number))
