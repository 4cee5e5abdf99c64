"""Launches, pairs and sessions whose truth is known: what a process's layout, moment and neighbour do to a workflow."""

from __future__ import annotations

import math

from pytest_wfperf.judge.looks import schedule
from pytest_wfperf.judge.pairs import Trial
from pytest_wfperf.judged import Verdict
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span

HOUR = 3600.0
FRESH = (("addresses", "fixed"),)
ENVIRONMENT = Environment(facts=())
FOUR = {"parse": 1.0, "sort": 0.3, "match": 2.0, "store": 5.0}  # ms
MANY = {f"step {i}": 0.5 + i for i in range(20)}
LAUNCH_SD = 0.013 / math.sqrt(2)  # so that a pair's value has 1.3 %


def launch(
    rng, steps, shift=None, *, rounds=5, sd=LAUNCH_SD, wild=0.0, slow="", slow_share=0.2, calibration_ns=0, fresh=True
):
    """One process: every step at a level of its own, its rounds a little above; a ``wild`` share of levels is far off."""
    levels = {}
    for path in steps:
        z = abs(rng.gauss(0, 8 * sd)) if rng.random() < wild else rng.gauss(0, sd)
        levels[path] = math.exp(z + (shift or {}).get(path, 0.0))
    taken = []
    for i in range(rounds):
        spans, at = [], 0
        for path, ms in steps.items():
            ns = round(ms * 1e6 * levels[path] * (1 + rng.expovariate(50) * (i > 0)))
            if path == slow and rng.random() < slow_share:
                ns *= 2
            spans.append(
                Span(path=path, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=at, end_ns=at + ns)
            )
            at += ns
        taken.append(Round(total_ns=at, spans=tuple(spans)))
    return Launch(
        rounds=tuple(taken), recorder_ns=600, calibration_ns=calibration_ns, conditions=FRESH if fresh else ()
    )


def grown(steps, by):
    return dict.fromkeys(steps, math.log1p(by))


def run_in_pairs(
    rng, steps, change=None, *, affordable=20, layout=0.006, workflows=1, slow="", limits=None, default=0.05, **noise
):
    """A whole run, look by look, of which workflow 0 has changed; the layout moves every step of the current code."""
    looks, names = schedule(affordable), [f"w{i}" for i in range(workflows)]
    trial = Trial(dict.fromkeys(names, limits or {}), default=default, looks=looks, layout_sd=0.01)
    shifts = {
        name: {p: rng.gauss(0, layout) + (change or {}).get(p, 0.0) * (name == "w0") for p in steps} for name in names
    }
    pairs, still_open = {name: [] for name in names}, set(names)
    for number, look in enumerate(looks):
        for name in still_open:
            while len(pairs[name]) < look.launches:
                current = launch(rng, steps, shifts[name], slow=slow if name == "w0" else "", **noise)
                pairs[name].append((current, launch(rng, steps, **noise)))
        still_open = trial.look(pairs, number)
        if not still_open:
            break
    return [trial.comparison(name, "main") for name in names]


def flagged(comparison):
    return {e.path for e in comparison.effects if e.verdict is Verdict.REGRESSED}


def passed(effect):
    return effect.verdict in (Verdict.PASS, Verdict.IMPROVED)


def session(
    rng,
    steps,
    change=None,
    *,
    launches=10,
    session_sd=0.012,
    step_sd=0.004,
    launch_sd=0.013,
    speed_sd=None,
    follows=1.0,
    cal_off=0.0,
    slow="",
    rounds=5,
):
    """One session of fresh processes; with ``speed_sd`` the machine's speed differs, and every launch is calibrated."""
    shared, speed = rng.gauss(0, session_sd), rng.gauss(0, speed_sd or 0.0)
    shift = {p: rng.gauss(0, step_sd) + (change or {}).get(p, 0.0) + shared + follows * speed for p in steps}
    taken = []
    for _ in range(launches):
        cal = 0 if speed_sd is None else round(20e6 * math.exp(speed + cal_off + rng.gauss(0, 0.008)))
        taken.append(launch(rng, steps, shift, rounds=rounds, sd=launch_sd, slow=slow, calibration_ns=cal))
    return Profile(workflow="w", environment=ENVIRONMENT, launches=tuple(taken))


def sessions(rng, k, steps, **kwargs):
    return [(i * HOUR, session(rng, steps, **kwargs)) for i in range(k)]
