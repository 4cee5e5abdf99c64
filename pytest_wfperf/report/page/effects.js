/* What changed and how sure that is: the whole workflow first, then its steps, as a forest plot of ratios. */
const effectsChart = (() => {
  "use strict";
  const MOST = 25; // steps
  const TOP = 32;
  const AXIS = 22;
  const NARROW = 600; // px: below, names stand above their rows
  const SAID = { REGRESSED: "bad", FAILED: "bad", MISSING: "bad", IMPROVED: "good", PASS: "plain" };
  const STEPS = [
    -0.9, -0.75, -0.5, -0.3, -0.2, -0.1, -0.05, -0.02, -0.01, -0.005, 0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2,
    4, 9, 19, 49, 99, 999, 9999, 99999,
  ];

  const asEffect = ([step, change, low, high, limit, verdict, caught]) => ({
    step, change, low, high, limit, verdict, caught,
  });
  const place = (fraction) => Math.log1p(Math.max(fraction, -0.9999));

  const bound = (fraction, open) => (fraction === null ? open : place(fraction));

  const ordered = (effects) => {
    const whole = effects.filter((effect) => effect.step < 0);
    const steps = effects.filter((effect) => effect.step >= 0);
    steps.sort((a, b) => Math.abs(place(b.change)) - Math.abs(place(a.change)));
    return [...whole, ...steps];
  };

  /* From where to where (ln of the ratio): all points and limits, but no further than the whole and most steps ask. */
  const range = (rows) => {
    const points = rows.map((row) => place(row.change));
    const limits = rows.map((row) => place(row.limit)).filter(Number.isFinite);
    const sizes = drawing.ascending(points.map(Math.abs));
    const wholes = rows.filter((row) => row.step < 0).map((row) => Math.abs(place(row.change)));
    const far = Math.max(0.02, 6 * drawing.quantile(sizes, 0.75), 2 * Math.max(0, ...limits.map(Math.abs)), ...wholes);
    const near = [0, ...limits, ...points].map((value) => Math.min(Math.max(value, -far), far));
    const ends = [Math.min(...near), Math.max(...near)];
    const reach = Math.max(0.01, ends[1] - ends[0]); // an interval may ask for as much again
    const bounded = rows.filter((row) => row.low !== null || row.high !== null);
    const from = Math.max(ends[0] - reach, Math.min(ends[0], ...bounded.map((row) => bound(row.low, -Infinity))));
    const to = Math.min(ends[1] + reach, Math.max(ends[1], ...bounded.map((row) => bound(row.high, Infinity))));
    return [from - (to - from) * 0.03, to + (to - from) * 0.03];
  };

  const ticksOf = ([from, to], x) => {
    const found = STEPS.map((value) => ({ value, text: value === 0 ? "0" : format.change(value) }));
    const seen = found.filter(({ value }) => place(value) >= from && place(value) <= to);
    const kept = seen.filter(({ value }) => value === 0); // the others by size, as far as they keep apart
    for (const tick of seen.reverse().sort((a, b) => Math.abs(b.value) - Math.abs(a.value))) {
      if (kept.every((other) => Math.abs(x(other.value) - x(tick.value)) >= 56)) kept.push(tick);
    }
    return kept.sort((a, b) => a.value - b.value);
  };

  const sure = ({ low, high }) => {
    if (low === null) return `up to ${format.change(high)}`;
    return high === null ? `from ${format.change(low)} on` : format.interval(low, high);
  };

  const told = (row, name) => {
    const lines = [name, `${format.change(row.change)} · ${row.verdict}`];
    lines.push(
      row.low === null && row.high === null ? "too few launches for an interval" : `95 % interval ${sure(row)}`,
    );
    if (row.limit !== null) lines.push(`limit ${format.share(row.limit)}`);
    lines.push(`could have caught ${format.caught(row.caught)}`);
    return lines;
  };

  const point = (row, x, y) => {
    if (row.step >= 0) return drawing.element("circle", { cx: x, cy: y, r: 3.5, class: "point" });
    return drawing.path(`M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z`, "point whole");
  };
  const arrow = (x, y, way) => drawing.path(`M${x} ${y - 4}L${x + way * 6} ${y}L${x} ${y + 4}Z`, "beyond");

  /* The interval as a line with ends, an arrow where it goes on beyond the plot or knows no end. */
  const whisker = (group, row, y, view) => {
    if (row.low === null && row.high === null) return;
    const [low, high] = [bound(row.low, -Infinity), bound(row.high, Infinity)];
    const ends = [low < view.from ? view.left : view.onto(low), high > view.to ? view.right : view.onto(high)];
    group.append(drawing.line(ends[0], y, ends[1], y, "whisker"));
    if (low < view.from) group.append(arrow(ends[0] + 6, y, -1));
    else group.append(drawing.line(ends[0], y - 4, ends[0], y + 4, "whisker-end"));
    if (high > view.to) group.append(arrow(ends[1] - 6, y, 1));
    else group.append(drawing.line(ends[1], y - 4, ends[1], y + 4, "whisker-end"));
  };

  const drawRow = (row, top, height, view) => {
    const group = drawing.element("g", { class: `effect said-${SAID[row.verdict] ?? "open"}` });
    const y = top + height / 2 - 1;
    for (const { value } of view.ticks) {
      const kind = value === 0 ? "zero" : "grid";
      group.append(drawing.line(view.at(value), top, view.at(value), top + height, kind));
    }
    if (row.caught !== null && place(row.caught) <= view.to) {
      const [zero, end] = [view.at(0), view.at(row.caught)];
      group.append(drawing.path(`M${zero} ${y + 3}V${y + 7}H${end}V${y + 3}`, "caught"));
    }
    if (row.limit !== null && place(row.limit) <= view.to) {
      group.append(drawing.line(view.at(row.limit), top, view.at(row.limit), top + height, "limit"));
    }
    whisker(group, row, y, view);
    const at = place(row.change);
    if (at > view.to) group.append(arrow(view.right - 6, y, 1));
    else if (at < view.from) group.append(arrow(view.left + 6, y, -1));
    else group.append(point(row, view.at(row.change), y));
    return group;
  };

  /* Where names, plot and words stand: side by side, or, where that is too narrow, the plot beneath them. */
  const columns = (rows, names, width) => {
    const widest = (texts, bold = false) =>
      Math.max(...texts.map((text) => drawing.textWidth(text, drawing.TEXT, bold)));
    const changes =
      widest(
        rows.map((row) => format.change(row.change)),
        true,
      ) + 8;
    const words = widest(rows.map((row) => row.verdict)) + 8;
    if (width < NARROW)
      return { above: 18, name: width - changes - words - 4, left: 8, right: width - 8, height: 40, changes, words };
    const name = Math.min(widest(names, true) + 8, width * 0.3);
    return { above: 0, name, left: name + 16, right: width - changes - words - 12, height: 26, changes, words };
  };

  const drawTexts = (picture, row, name, top, room) => {
    const y = top + (room.above ? 14 : room.height / 2 + 4);
    const bold = row.step < 0;
    const said = `verdict said-${SAID[row.verdict] ?? "open"}`;
    picture.add(
      drawing.label(0, y, name, { room: room.name - 8, bold }),
      drawing.label(picture.width - room.words, y, format.change(row.change), {
        anchor: "end",
        bold,
        className: "number",
      }),
      drawing.label(picture.width, y, row.verdict, { anchor: "end", className: said }),
    );
  };

  /* "no change" to the left of its line, "limit" to the right of its, on two lines where they would touch. */
  const drawLines = (picture, rows, view) => {
    const zero = view.at(0);
    const limits = new Set(rows.map((row) => row.limit).filter((limit) => limit !== null));
    const texts = [{ at: zero, text: "no change" }];
    for (const limit of limits.size === 1 ? limits : []) {
      if (place(limit) <= view.to) texts.push({ at: view.at(limit), text: `limit ${format.share(limit)}` });
    }
    const boxes = texts.map(({ at, text }) => {
      const width = drawing.textWidth(text, drawing.TICK);
      return { start: Math.min(Math.max(at - width / 2, 0), picture.width - width), width };
    });
    drawing.lineUp(boxes, 2).forEach((line, number) => {
      const y = line ? 10 : 23;
      picture.add(drawing.label(boxes[number].start, y, texts[number].text, { size: drawing.TICK, className: "tick" }));
    });
  };

  const sentence = (rows, count, workflow) => {
    const whole = rows.find((row) => row.step < 0);
    const against = drawing.against(workflow);
    const interval = whole && (whole.low !== null || whole.high !== null) ? ` (${sure(whole)})` : "";
    const first = whole ? `the whole workflow ${format.change(whole.change)}${interval}, ${whole.verdict}; ` : "";
    return `Changes against ${against}: ${first}${format.plural(count, "step")}, those that changed most first.`;
  };

  const draw = (workflow, width) => {
    const all = ordered(workflow.effects.map(asEffect));
    const rows = all.slice(0, MOST + all.filter((row) => row.step < 0).length);
    const names = rows.map((row) => (row.step < 0 ? "whole workflow" : format.printable(workflow.steps[row.step])));
    const room = columns(rows, names, width);
    const [from, to] = range(rows);
    const onto = drawing.scale(from, to, room.left, room.right);
    const at = (fraction) => onto(Math.min(Math.max(place(fraction), from), to));
    const view = { from, to, onto, at, left: room.left, right: room.right, ticks: ticksOf([from, to], at) };
    const bottom = TOP + rows.length * room.height;
    const picture = drawing.picture(
      width,
      bottom + AXIS,
      sentence(rows, all.filter((row) => row.step >= 0).length, workflow),
    );
    drawLines(picture, rows, view);
    picture.add(...drawing.tickTexts(view.ticks, at, bottom + 15, 0, width));
    rows.forEach((row, number) => {
      const top = TOP + number * room.height;
      if (number) picture.add(drawing.line(0, top, width, top, "rule"));
      const node = drawRow(row, top + room.above, room.height - room.above, view);
      picture.add(node);
      drawTexts(picture, row, names[number], top, room);
      picture.marks.push({
        x: -2,
        y: top + 2,
        width: width + 4,
        height: room.height - 4,
        node,
        lines: told(row, names[number]),
      });
    });
    const left = all.length - rows.length;
    if (left) picture.notes.push(`${format.plural(left, "more step")} changed less than these.`);
    picture.notes.push(
      "Point: the change; line: its 95 % interval; dashed: the limit; bracket: slowdowns too small to be caught.",
    );
    return [picture];
  };

  return { has: (workflow) => Boolean(workflow.effects?.length), draw };
})();
