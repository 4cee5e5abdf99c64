/* The round of median length as nested bars on lanes, and the baseline's beneath it on the same time axis. */
const timelineChart = (() => {
  "use strict";
  const HEAD = 20; // px: the line that says whose round it is
  const AXIS = 18;
  const LANE_GAP = 4;
  const MANY = 24; // rows, from which on they are lower
  const SLIM = 3; // px: narrower bars are filled, for nothing of them would be seen inside an outline

  const asBar = ([step, lane, depth, start, end, busy, count, critical, ok]) => ({
    step,
    lane,
    depth,
    start,
    end,
    busy,
    count,
    critical: Boolean(critical),
    ok: Boolean(ok),
  });

  /* Give each bar its row on its lane, by how many bars of that lane enclose it; how many rows each lane has. */
  const stack = (bars, steps) => {
    const lanes = [];
    for (const bar of bars) {
      const open = (lanes[bar.lane] ??= { rows: 1, around: [] });
      const inside = (outer) =>
        outer.end > bar.start || (outer.start === bar.start && steps[bar.step].startsWith(`${steps[outer.step]}/`));
      while (open.around.length && !inside(open.around.at(-1))) open.around.pop();
      bar.row = open.around.length;
      open.around.push(bar);
      open.rows = Math.max(open.rows, bar.row + 1);
    }
    return Array.from(lanes, (lane) => lane?.rows ?? 0);
  };

  const sideOf = (round, steps, side, name) => {
    const bars = round.bars.map(asBar);
    const rows = stack(bars, steps);
    return { bars, rows, side, name, total: round.total, count: rows.reduce((sum, n) => sum + n, 0) };
  };

  const told = (bar, side, workflow) => {
    const lines = [workflow.steps[bar.step]];
    const took = bar.end - bar.start;
    lines.push(
      `${side.name}: ${format.duration(bar.busy)} (${format.share(side.total ? bar.busy / side.total : 0)} of the round)`,
    );
    lines.push(`from ${format.duration(bar.start)} to ${format.duration(bar.end)}`);
    if (bar.count !== 1 || bar.busy !== took) {
      lines.push(`in ${bar.count === 1 ? "1 entry" : `${bar.count} entries`}, ${format.duration(took)} from first to last`);
    }
    if (bar.critical) lines.push("on the critical path");
    if (!bar.ok) lines.push("failed");
    return lines;
  };

  /* The bar's name, and its time where both fit. */
  const barLabel = (bar, box, short, small) => {
    const size = small ? drawing.TICK : drawing.TEXT;
    const name = (bar.ok ? "" : "✗ ") + format.printable(short[bar.step]);
    const time = ` ${format.duration(bar.busy)}`; // what it took; its length is from first to last
    const room = box.width - 9;
    const both = drawing.textWidth(name + time, size) <= room;
    return drawing.label(box.x + 5, box.y + box.height / 2 + 4, both ? name + time : name, {
      room,
      size,
      className: "inside",
    });
  };

  const cross = (x, y) => drawing.path(`M${x - 3} ${y - 3}l6 6m0 -6l-6 6`, "failed-mark");

  const drawBar = (bar, box) => {
    const slim = box.width < SLIM;
    const took = bar.end - bar.start;
    const kind = [
      "bar",
      bar.critical ? "critical" : "",
      bar.ok ? "" : "failed",
      slim ? "slim" : "",
      bar.row % 2 ? "odd" : "",
    ];
    const group = drawing.element("g", { class: kind.filter(Boolean).join(" ") });
    const paused = !slim && bar.busy < took;
    group.append(drawing.rect(box.x, box.y, box.width, box.height, paused ? "extent paused" : "extent"));
    if (paused) group.append(drawing.rect(box.x, box.y, (box.width * bar.busy) / took, box.height, "busy"));
    if (bar.critical) {
      group.append(drawing.rect(box.x, box.y + box.height - 3, box.width, 3, "critical-strip"));
      if (!slim)
        group.append(drawing.rect(box.x + 0.75, box.y + 0.75, box.width - 1.5, box.height - 1.5, "critical-line"));
    }
    return group;
  };

  /* Where each side and each of its lanes begins; how high all of it is. */
  const layOut = (sides, pitch) => {
    let y = AXIS;
    for (const side of sides) {
      side.head = y;
      y += HEAD;
      side.top = y;
      side.offsets = side.rows.map((rows) => {
        y += rows * pitch + LANE_GAP;
        return y - rows * pitch - LANE_GAP;
      });
      side.bottom = Math.max(y - LANE_GAP, side.top + pitch);
      y = side.bottom + 10;
    }
    return y + AXIS;
  };

  /* What lies behind the bars: how long each round was, and the ticks of the time axis. */
  const drawGround = (picture, sides, x, ticks) => {
    for (const side of sides) {
      const width = Math.max(1, x(side.total) - x(0));
      picture.add(drawing.rect(x(0), side.top, width, side.bottom - side.top, "ground"));
    }
    const bottom = picture.height - AXIS + 3;
    picture.add(...ticks.map(({ value }) => drawing.line(x(value), AXIS - 3, x(value), bottom, "grid")));
    for (const y of [11, picture.height - 4]) picture.add(...drawing.tickTexts(ticks, x, y, 0, picture.width));
  };

  const drawSide = (picture, side, x, pitch, workflow, short) => {
    picture.add(drawing.heading(side.head + 13, side.name, format.duration(side.total), picture.width, "head"));
    const group = drawing.element("g", { class: `side side-${side.side}` });
    for (const bar of side.bars) {
      const start = Math.min(x(bar.start), picture.width - 2);
      const box = { x: start, y: side.offsets[bar.lane] + bar.row * pitch, height: pitch - 2 };
      box.width = Math.max(x(bar.end) - start, bar.critical ? 2 : 1);
      const node = drawBar(bar, box);
      const text = barLabel(bar, box, short, pitch < 20);
      if (text) node.append(text);
      else if (!bar.ok) node.append(cross(box.x + box.width / 2, box.y + box.height / 2));
      group.append(node);
      picture.marks.push({ ...box, node, lines: told(bar, side, workflow) });
    }
    picture.add(group);
  };

  const sentence = (sides) =>
    `Timeline of the round of median length. ${sides
      .map((side) => {
        const critical = side.bars.filter((bar) => bar.critical).length;
        const steps = `${format.plural(side.bars.length, "step")} on ${format.plural(side.rows.length, "lane")}`;
        return `${side.name}: ${format.duration(side.total)}, ${steps}, ${critical} of them critical.`;
      })
      .join(" ")}`;

  const key = (sides) => {
    const bars = sides.flatMap((side) => side.bars);
    const notes = [];
    if (bars.some((bar) => bar.critical)) notes.push("Outlined and underlined: the critical path.");
    if (bars.some((bar) => bar.busy < bar.end - bar.start))
      notes.push("Filled as far as the step was busy; the rest were pauses.");
    if (bars.some((bar) => !bar.ok)) notes.push("✗: the step failed.");
    return notes.length ? [notes.join(" ")] : [];
  };

  const draw = (workflow, width) => {
    const sides = [];
    if (workflow.now) sides.push(sideOf(workflow.now, workflow.steps, "now", "this run"));
    if (workflow.then) sides.push(sideOf(workflow.then, workflow.steps, "then", drawing.against(workflow)));
    const count = sides.reduce((sum, side) => sum + side.count, 0);
    const pitch = count > MANY ? 16 : 22;
    const picture = drawing.picture(width, layOut(sides, pitch), sentence(sides));
    const end = Math.max(
      1,
      ...sides.map((side) => side.total),
      ...sides.flatMap((side) => side.bars.map((bar) => bar.end)),
    );
    const x = drawing.scale(0, end, 0.5, width - 0.5);
    const short = drawing.shortNames(workflow.steps);
    drawGround(picture, sides, x, drawing.timeTicks(0, end, width / 70));
    for (const side of sides) drawSide(picture, side, x, pitch, workflow, short);
    picture.notes.push(...key(sides));
    return [picture];
  };

  return { has: (workflow) => Boolean(workflow.now || workflow.then), draw };
})();
