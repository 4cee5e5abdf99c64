"""What counts cost: a table of prices by metric, and the metric ``cost`` that it makes of a round's others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import ConfigError
from ..judged import Judgement
from ..model import Metric, Profile, Round

COST = "cost"  # the metric that prices make
FORM = "METRIC = AMOUNT CURRENCY [per COUNT], such as 'tokens_in = 3 USD per 1000000'"
_NUMBER = r"([-+]?[0-9][0-9._]*(?:[eE][-+]?[0-9]+)?)"
_PRICE = re.compile(rf"{_NUMBER}\s*(?!per\b)([^\W\d_]+|[$€£¥])(?:\s+per\s+{_NUMBER})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit of a metric costs. ``text`` is as it was written, ``source`` says where."""

    metric: str
    each: float
    currency: str
    text: str
    source: str


def read_prices(lines: Iterable[tuple[str, str]]) -> tuple[Price, ...]:
    """The table, of (text, source), the weakest source first: a price from a stronger one takes another's place.

    Raises ConfigError for a text that is no price, a metric priced twice in one place, and mixed currencies.
    """
    table: dict[str, Price] = {}
    for text, source in lines:
        price = _read(text, source)
        before = table.get(price.metric)
        if before is not None and before.source == source:
            raise ConfigError(
                f"{source}: {price.metric!r} has two prices, {before.text!r} and {price.text!r}; keep one"
            )
        table[price.metric] = price
    currencies = {price.currency: price for price in table.values()}
    if len(currencies) > 1:
        one, other, *_ = currencies.values()
        raise ConfigError(
            f"{other.source}: {other.text!r} is in {other.currency}, but {one.text!r} ({one.source}) is in "
            f"{one.currency}; give all prices in one currency, for they are added up"
        )
    return tuple(table.values())


def _read(text: str, source: str) -> Price:
    name, equals, amount = (part.strip() for part in text.rpartition("="))
    found = _PRICE.fullmatch(amount)
    if not (equals and name and found):
        raise ConfigError(f"{source}: {text!r} is no price; write {FORM}")
    if name == COST:
        raise ConfigError(f"{source}: {text!r} prices the metric {COST!r} itself, which is what prices make of others")
    value = _number(found[1], text, source)
    count = _number(found[3], text, source) if found[3] else 1.0
    if value < 0 or count <= 0:
        wrong = f"{found[1]} is below 0" if value < 0 else f"per {found[3]} is not above 0"
        raise ConfigError(f"{source}: {text!r} is no price: {wrong}; write {FORM}")
    return Price(metric=name, each=value / count, currency=found[2], text=text.strip(), source=source)


def _number(word: str, text: str, source: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{source}: {text!r} is no price: {word!r} is not a finite number; write {FORM}")
    return number


# --- what rounds cost -----------------------------------------------------------------


def priced(profile: Profile, prices: Sequence[Price]) -> Profile:
    """The profile with the metric ``cost`` in every round that recorded something priced.

    A workflow that records a metric of that name itself knows better: it stays as it is.
    """
    if not prices or any(metric.name == COST for r in profile.rounds for metric in r.metrics):
        return profile
    table = {price.metric: price for price in prices}
    launches = tuple(
        replace(launch, rounds=tuple(_priced(each, table) for each in launch.rounds)) for launch in profile.launches
    )
    return replace(profile, launches=launches)


def _priced(taken: Round, table: dict[str, Price]) -> Round:
    parts = [metric.value * table[metric.name].each for metric in taken.metrics if metric.name in table]
    if not parts:
        return taken
    unit = next(iter(table.values())).currency
    return replace(taken, metrics=(*taken.metrics, Metric(name=COST, value=math.fsum(parts), unit=unit)))


def unpriced(judgements: Iterable[Judgement], prices: Sequence[Price]) -> list[str]:
    """Names of the metrics that a cost made of prices leaves out, in the order in which they were met.

    Those of which more is better are no expense, so they lack no price.
    """
    table = {price.metric for price in prices}
    found: dict[str, None] = {}
    for judgement in judgements:
        metrics = judgement.summary.metrics if judgement.summary else ()
        if any(metric.name in table for metric in metrics):
            found |= {m.name: None for m in metrics if m.name not in table and m.name != COST and m.better == "lower"}
    return list(found)
