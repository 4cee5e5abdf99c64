/* Every round as a dot, launch by launch, this run above what it was held against. */
const spreadChart = (() => {
  "use strict";
  const HEAD = 20;
  const AXIS = 22;
  const EDGE = 12; // px at either side, for what lies beyond the axis
  const BAND = 132; // px for the launches of one side, where they have to be packed

  const sidesOf = (workflow) =>
    [
      ["now", "this run"],
      ["then", drawing.against(workflow)],
    ]
      .map(([side, name]) => ({
        side,
        name,
        launches: (workflow.spread[side] ?? []).filter((rounds) => rounds.length),
      }))
      .filter(({ launches }) => launches.length);

  /* From the 1st to the 99th percentile, and to the extremes where they are not far from those. */
  const range = (values) => {
    const sorted = drawing.ascending(values);
    const last = sorted.length - 1;
    const [low, high] = [sorted[Math.ceil(last * 0.01)], sorted[Math.floor(last * 0.99)]];
    const reach = (high - low) / 2;
    const from = sorted[0] >= low - reach || last < 4 ? sorted[0] : low - reach / 4;
    const to = sorted[last] <= high + reach || last < 4 ? sorted[last] : high + reach / 4;
    if (to > from) return [from, to];
    return [from - Math.max(1, Math.abs(from) / 20), to + Math.max(1, Math.abs(to) / 20)];
  };

  const dot = (side, x, y, r) =>
    side === "now"
      ? drawing.element("circle", { cx: x, cy: y, r, class: "dot" })
      : drawing.path(`M${x - r - 0.5} ${y}L${x} ${y - r - 0.5}L${x + r + 0.5} ${y}L${x} ${y + r + 0.5}Z`, "dot");

  const arrow = (x, y, way) => drawing.path(`M${x} ${y - 4}L${x + way * 7} ${y}L${x} ${y + 4}Z`, "beyond");

  const told = (rounds, number, side) => {
    const sorted = drawing.ascending(rounds);
    const lines = [`${side.name}, launch ${number + 1} of ${side.launches.length}`];
    if (rounds.length === 1) return [...lines, `1 round: ${format.duration(rounds[0])}`];
    return [
      ...lines,
      `${rounds.length} rounds, median ${format.duration(drawing.median(rounds))}`,
      `from ${format.duration(sorted[0])} to ${format.duration(sorted.at(-1))}`,
    ];
  };

  const drawLaunch = (group, rounds, side, y, pitch, view) => {
    const r = Math.min(3, Math.max(1.5, pitch / 3));
    const beyond = { left: 0, right: 0 };
    for (const value of rounds) {
      if (value < view.from) beyond.left += 1;
      else if (value > view.to) beyond.right += 1;
      else group.append(dot(side.side, view.x(value), y, r));
    }
    if (beyond.left) group.append(arrow(EDGE - 3, y, -1));
    if (beyond.right) group.append(arrow(view.width - EDGE + 3, y, 1));
    const middle = drawing.median(rounds);
    if (rounds.length > 1 && middle >= view.from && middle <= view.to) {
      const half = Math.min(7, Math.max(3, pitch / 2 - 1));
      group.append(drawing.line(view.x(middle), y - half, view.x(middle), y + half, "median"));
    }
    return beyond.left + beyond.right;
  };

  const pitchOf = (side) => Math.min(18, Math.max(2, BAND / side.launches.length));
  const heightOf = (side) => Math.max(18, pitchOf(side) * side.launches.length + 6);

  const drawSide = (picture, side, top, view) => {
    const group = drawing.element("g", { class: `side side-${side.side}` });
    const pitch = pitchOf(side);
    const height = heightOf(side);
    const middle = drawing.median(side.launches.map(drawing.median));
    if (middle >= view.from && middle <= view.to) {
      group.append(drawing.line(view.x(middle), top, view.x(middle), top + height, "level"));
    }
    let beyond = 0;
    side.launches.forEach((rounds, number) => {
      const y = top + (height - pitch * side.launches.length) / 2 + pitch * (number + 0.5);
      const node = drawing.element("g", { class: "launch" });
      beyond += drawLaunch(node, rounds, side, y, pitch, view);
      group.append(node);
      const ends = [Math.min(...rounds), Math.max(...rounds)].map((v) =>
        view.x(Math.min(Math.max(v, view.from), view.to)),
      );
      const box = { x: ends[0] - 4, y: y - pitch / 2, width: ends[1] - ends[0] + 8, height: pitch };
      picture.marks.push({ ...box, node, lines: told(rounds, number, side) });
    });
    picture.add(group);
    picture.add(drawing.heading(top - 7, side.name, `median ${format.duration(middle)}`, picture.width, "head"));
    return beyond;
  };

  const roundsOf = (side) => side.launches.reduce((sum, rounds) => sum + rounds.length, 0);

  const sentence = (sides) =>
    `Spread of rounds. ${sides
      .map((side) => {
        const middle = format.duration(drawing.median(side.launches.map(drawing.median)));
        const launches = side.launches.length === 1 ? "1 launch" : `${side.launches.length} launches`;
        return `${side.name}: ${format.plural(roundsOf(side), "round")} in ${launches}, median ${middle}.`;
      })
      .join(" ")}`;

  const draw = (workflow, width) => {
    const sides = sidesOf(workflow);
    const [from, to] = range(sides.flatMap((side) => side.launches.flat()));
    const x = drawing.scale(from, to, EDGE + 4, width - EDGE - 4);
    const view = { from, to, x, width };
    const height = sides.reduce((sum, side) => sum + HEAD + heightOf(side) + 8, AXIS);
    const picture = drawing.picture(width, height, sentence(sides));
    const ticks = drawing.timeTicks(from, to, width / 80);
    let y = HEAD;
    for (const side of sides) {
      picture.add(drawing.rect(0, y, width, heightOf(side), "ground"));
      picture.add(...ticks.map(({ value }) => drawing.line(x(value), y, x(value), y + heightOf(side) + 3, "grid")));
      y += heightOf(side) + 8 + HEAD;
    }
    picture.add(...drawing.tickTexts(ticks, x, height - 6, 0, width));
    y = HEAD;
    let beyond = 0;
    for (const side of sides) {
      beyond += drawSide(picture, side, y, view);
      y += heightOf(side) + 8 + HEAD;
    }
    const most = Math.max(...sides.flatMap((side) => side.launches.flat()));
    const rows =
      "A row is a launch, a mark a round, the upright its median; the line through all is the median launch.";
    picture.notes.push(rows);
    if (beyond) {
      const count = format.plural(beyond, "round");
      picture.notes.push(`${count} beyond the axis (arrows at its ends); the longest took ${format.duration(most)}.`);
    }
    return [picture];
  };

  const has = (workflow) => Boolean(workflow.spread) && sidesOf(workflow).length > 0;
  return { has, draw };
})();
