"""What the campaign tries: one row each, with the bar it has to reach."""

from __future__ import annotations

from dataclasses import dataclass

from trust_work.edits import LONG_STEPS, NULL_CHANGES, STEPS, Files, comment, null_change, slow_path, slower

FLOW, DEFAULT, LONG = "test_flow.py", "test_default.py", "test_long.py"
UNCHANGED_BAR = "0 false alarms in ≥ 100 runs, ≥ 95 % PASS"
NULL_BAR = "≤ 1 run flagged in ≥ 200"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``kind`` is aa, null, slower (by ``percent``) or slow path; ``sessions`` 0 means pairs against HEAD."""

    name: str
    what: str
    kind: str
    percent: int = 0
    test: str = FLOW
    sessions: int = 0
    without: str = ""
    peer: bool = False
    bar: str = ""

    @property
    def changed(self) -> bool:
        """Whether there is something to catch."""
        return self.kind in ("slower", "slow path")

    @property
    def steps(self) -> tuple[str, ...]:
        return LONG_STEPS if self.test == LONG else STEPS

    def edit(self, files: Files, turn: int, seed: int) -> tuple[str, str, Files]:
        """The edit's name, the step it slows and the files after it; every edit and step has its turn."""
        step = self.steps[turn % len(self.steps)]
        if self.kind == "slower":
            return f"+{self.percent} %", step, slower(files, step, self.percent)
        if self.kind == "slow path":
            return "twice in 1 of 5", step, slow_path(files, step)
        if self.kind == "null":
            name = tuple(NULL_CHANGES)[turn % len(NULL_CHANGES)]
            return name, "", null_change(files, name, seed)
        return ("comment", "", comment(files, seed)) if turn % 2 else ("none", "", files)


ROWS = {
    row.name: row
    for row in (
        Row(name="aa", what="unchanged", kind="aa", peer=True, bar=UNCHANGED_BAR + ", median ≤ 6 s"),
        Row(name="null", what="null change", kind="null", peer=True, bar=NULL_BAR),
        Row(name="plus5", what="+5 % in one step", kind="slower", percent=5, peer=True,
            bar="≥ 95 % caught, right step, median ≤ 15 s"),
        Row(name="plus10", what="+10 % in one step", kind="slower", percent=10, peer=True,
            bar="≥ 99 % caught, median ≤ 15 s"),
        Row(name="slow-path", what="one step twice as long in 1 round of 5", kind="slow path", peer=True,
            bar="≥ 90 % caught"),
        Row(name="long-aa", what="≥ 1 s, unchanged", kind="aa", test=LONG, bar=UNCHANGED_BAR),
        Row(name="long-null", what="≥ 1 s, null change", kind="null", test=LONG, bar=NULL_BAR),
        Row(name="long-plus5", what="≥ 1 s, +5 % in one step", kind="slower", percent=5, test=LONG,
            bar="≥ 95 % caught, right step"),
        Row(name="long-plus10", what="≥ 1 s, +10 % in one step", kind="slower", percent=10, test=LONG,
            bar="≥ 99 % caught"),
        Row(name="aslr-aa", what="ASLR on, default limit, unchanged", kind="aa", test=DEFAULT, without="aslr",
            bar="≤ 1 % false alarms"),
        Row(name="aslr-null", what="ASLR on, default limit, null change", kind="null", test=DEFAULT, without="aslr",
            bar="≤ 1 % false alarms"),
        Row(name="aslr-plus10", what="ASLR on, default limit, +10 % in one step", kind="slower", percent=10,
            test=DEFAULT, without="aslr", bar="INCONCLUSIVE rather than PASS"),
        Row(name="stored1-aa", what="1 stored session, unchanged", kind="aa", test=DEFAULT, sessions=1,
            bar="≤ 1 % flagged"),
        Row(name="stored5-aa", what="5 stored sessions, unchanged", kind="aa", test=DEFAULT, sessions=5,
            bar="≤ 1 % flagged"),
        Row(name="stored1-plus20", what="1 stored session, +20 % in one step", kind="slower", percent=20,
            test=DEFAULT, sessions=1, bar="≥ 95 % caught"),
        Row(name="stored5-plus10", what="5 stored sessions, +10 % in one step", kind="slower", percent=10,
            test=DEFAULT, sessions=5, bar="≥ 95 % caught"),
    )
}  # fmt: skip
