/* The data of one workflow's charts, as the page carries them small, in ns and in full. */
const unpack = (() => {
  "use strict";
  const { verdicts, workflows } = JSON.parse(document.getElementById("data").textContent);

  const round = ({ unit, total, bars }) => ({
    total: total * unit,
    bars: bars.map(([step, lane, depth, start, end, critical, busy = end - start, count = 1, ok = 1]) => [
      step, lane, depth, start * unit, end * unit, busy * unit, count, critical, ok,
    ]),
  });

  /* A step inside another names that one by its place. */
  const paths = (steps) => {
    const found = [];
    for (const step of steps) found.push(typeof step === "string" ? step : `${found[step[0]]}/${step[1]}`);
    return found;
  };

  const launches = (side, unit) =>
    side.map(([least, ...beyond]) => beyond.map((value) => (least + value) * unit));

  const history = ({ unit, points, changes, drift, texts }) => {
    const ns = (level) => (level === null ? null : level * unit);
    return {
      points: points.map(([seconds, level, low, high, version, commit, reason, accepted]) => [
        new Date(seconds * 1000).toISOString(), ns(level), ns(low), ns(high),
        texts[version], texts[commit], texts[reason], accepted,
      ]),
      changes: changes.map(([at, before, after, p]) => [at, ns(before), ns(after), p]),
      drift,
    };
  };

  /* `left` counts the shorter steps that are in the profile, but not in the chart; `large` are graphs not drawn. */
  return (number) => {
    const packed = workflows[number];
    const { now, then, spread, effects, flame, graphs } = packed;
    return {
      ...packed,
      steps: paths(packed.steps),
      now: now && round(now),
      then: then && round(then),
      spread: spread && { now: launches(spread.now, spread.unit), then: launches(spread.then, spread.unit) },
      effects: effects && effects.map((effect) => effect.with(5, verdicts[effect[5]])),
      flame: flame && flame.steps.map(([step, parent, total, own = total]) => [
        step, parent, total * flame.unit, own * flame.unit,
      ]),
      graphs: graphs.filter((graph) => !graph.tasks).map(({ title, unit, nodes, edges }) => ({
        title, edges, nodes: nodes.map((node) => node.with(3, node[3] * unit)),
      })),
      history: packed.history && history(packed.history),
      left: { timeline: now?.left, flame: flame?.left },
      large: graphs.filter((graph) => graph.tasks),
    };
  };
})();
