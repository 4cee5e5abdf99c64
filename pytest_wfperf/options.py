"""One table of settings: it makes the flags, the ini keys, the environment names and the marker's keywords.

This module is read at every pytest start, so it holds no dataclass and imports nothing but pytest.
:mod:`pytest_wfperf.settings` resolves the table when a workflow or an option asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

CARRIED = "_wfperf"  # the report's attribute that carries a profile to the process that judges it
UNNAMED = "main"  # the baseline meant where an option is given without a name


class Setting:
    """One row: ``kind`` is name, text, int, float, percent, bool or list."""

    __slots__ = ("default", "flag", "help", "ini", "kind", "marker", "metavar", "name")

    def __init__(
        self,
        name: str,
        kind: str,
        default: Any,
        help: str,  # noqa: A002
        *,
        metavar: str | None = None,
        marker: bool = False,
        flag: bool = True,
        ini: str | None = None,
    ) -> None:
        self.name, self.kind, self.default, self.help = name, kind, default, help
        self.metavar, self.marker = metavar, marker
        self.flag = "--wfperf-" + name.replace("_", "-") if flag else None
        self.ini = ini or (f"wfperf_{name}" if flag else None)

    @property
    def env(self) -> str | None:
        return self.ini.upper() if self.ini else None


SETTINGS = (
    Setting("baseline", "name", None, "gate this run against baseline NAME (default: main)", metavar="NAME"),
    Setting("save", "name", None, "store this run as a new version of baseline NAME (default: main)", metavar="NAME"),
    Setting(
        "extend",
        "name",
        None,
        "add this run as one more session of baseline NAME's version in force (default: main)",
        metavar="NAME",
    ),
    Setting("against", "text", None, "gate against the code of git revision REV, run here and now", metavar="REV"),
    Setting("aa", "bool", False, "with --wfperf-against: run the same code on both sides, to see what noise does"),
    Setting(
        "build",
        "text",
        None,
        "with --wfperf-against: a command that builds what git does not have, run in REV's tree",
        metavar="CMD",
    ),
    Setting("accept", "text", None, "store even a regressed, failed or partial run, and say why", metavar="REASON"),
    Setting("store", "text", ".wfperf", "the store's directory, relative to the rootdir", metavar="DIR"),
    Setting(
        "threshold",
        "list",
        (),
        "one more threshold for every workflow (repeatable)",
        metavar="EXPR",
        ini="wfperf_thresholds",
    ),
    Setting(
        "price",
        "list",
        (),
        "what a metric costs, such as 'tokens = 3 USD per 1000000': prices make the metric cost (repeatable)",
        metavar="PRICE",
        ini="wfperf_prices",
    ),
    Setting(
        "min_pass_rate",
        "percent",
        0.95,
        "least share, in percent, of checks (per workflow) and of workflows (per run) that have to pass (default: 95)",
        metavar="PERCENT",
    ),
    Setting(
        "launches",
        "int",
        None,
        "fresh processes to measure in, at most (default: 10 against a baseline, what --wfperf-max-time affords "
        "against a revision); 0 measures in the test's own process",
        metavar="N",
        marker=True,
    ),
    Setting("rounds", "int", 12, "measured rounds per workflow (default: 12)", metavar="N", marker=True),
    Setting("warmup", "int", 1, "rounds run first and not judged for time (default: 1)", metavar="N", marker=True),
    Setting(
        "max_time",
        "float",
        60.0,
        "seconds after which the run gets no further launch, or a workflow no further round (default: 60)",
        metavar="S",
        marker=True,
    ),
    Setting(
        "isolation",
        "text",
        "fresh",
        "function-scoped fixtures of every round: fresh or shared (default: fresh)",
        metavar="HOW",
        marker=True,
    ),
    Setting("setup", "callable", None, "a callable run before every round, off the clock", marker=True, flag=False),
    Setting(
        "report",
        "list",
        (),
        "write a report; the suffix chooses among .json .md .html .trace.json .speedscope.json, a directory gets the "
        "whole set (repeatable)",
        metavar="PATH",
    ),
    Setting(
        "github",
        "bool",
        False,
        "in a GitHub job: add a summary to the step's own and mark failing workflows at their lines",
    ),
    Setting(
        "resume",
        "bool",
        False,
        "go on where an interrupted run of the same command and code stopped: what it has measured counts",
    ),
    Setting("strict", "bool", False, "INCONCLUSIVE, INCOMPARABLE and NEW fail the run too"),
    Setting("only", "bool", False, "select only workflows"),
    Setting("off", "bool", False, "switch the plugin off: workflows run once, nothing is judged"),
)
_INI_TYPES = {"int": "int", "float": "float", "percent": "float", "bool": "bool", "list": "linelist"}


def register(parser: pytest.Parser) -> None:
    """Add every setting's flag and ini key to pytest's parser."""
    group = parser.getgroup("wfperf", "workflow performance gates (wfperf)")
    named = {}
    for setting in SETTINGS:
        flag, ini = setting.flag, setting.ini
        if flag is None or ini is None:
            continue
        extra: dict[str, Any] = {"dest": f"wfperf_{setting.name}", "default": None, "help": setting.help}
        if setting.kind == "bool":
            extra["action"] = "store_true"
        else:
            extra["metavar"] = setting.metavar
            extra["action"] = "append" if setting.kind == "list" else "store"
        if setting.kind == "name":
            extra["nargs"] = "?"
            named[flag] = f"{flag}={UNNAMED}"
        group.addoption(flag, **extra)
        parser.addini(ini, setting.help, type=_INI_TYPES.get(setting.kind, "string"), default=None)  # type: ignore[arg-type]
    _value_only_after_equals(parser, named)


def _value_only_after_equals(parser: pytest.Parser, named: dict[str, str]) -> None:
    """Read a bare ``--wfperf-baseline`` as ``--wfperf-baseline=main``.

    argparse would take the word after an option with an optional value for that value; in
    ``pytest --wfperf-baseline tests/`` the folder has to stay a folder. argparse looks at every
    word through this one method, whether it came from the command line, addopts or PYTEST_ADDOPTS.
    """

    def patched(arguments: Any) -> Any:
        original = arguments._parse_optional  # noqa: SLF001
        arguments._parse_optional = lambda word: original(named.get(word, word))  # noqa: SLF001
        return arguments

    own: Any = parser
    if hasattr(own, "optparser"):
        patched(own.optparser)
    else:  # pytest 8 makes a new one for every parse
        make = own._getparser  # noqa: SLF001
        own._getparser = lambda: patched(make())  # noqa: SLF001


def from_ini(config: pytest.Config, setting: Setting) -> Any:
    """The configuration file's value, None where it has none. ConfigError names the key of one of the wrong type."""
    import pytest  # noqa: PLC0415  loaded long before

    from .errors import ConfigError  # noqa: PLC0415  every module costs a start half a millisecond

    try:
        return config.getini(str(setting.ini))
    except (pytest.UsageError, TypeError, ValueError) as error:  # which of them depends on pytest's version
        raise ConfigError(f"ini key {setting.ini}: {error}") from error


def given(config: pytest.Config) -> bool:
    """Whether the command line or the environment sets anything, or the configuration file what to gate against."""
    return any(
        getattr(config.option, f"wfperf_{s.name}", None) is not None
        or (s.env is not None and s.env in os.environ)
        or ((s.kind == "name" or s.name == "against") and config.getini(str(s.ini)) is not None)
        for s in SETTINGS
    )
