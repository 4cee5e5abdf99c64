/* The level at each stored session with its interval, where it changed and what was accepted, and this run last. */
const historyChart = (() => {
  "use strict";
  const TOP = 22; // px
  const PLOT = 180;
  const BOTTOM = TOP + PLOT;
  const AXIS = 38; // px: a line for versions, one for dates

  const asPoint = ([created, level, low, high, version, commit, reason, accepted], index) => ({
    created,
    level,
    low,
    high,
    version,
    commit,
    reason,
    accepted: Boolean(accepted),
    index,
    here: !version,
  });
  const asChange = ([at, before, after, p]) => ({ at, before, after, p });
  const day = (created) => String(created ?? "").slice(0, 10);

  /* All levels, and intervals as far as they do not dwarf them. */
  const range = (points) => {
    const levels = points.map((point) => point.level);
    const ends = [Math.min(...levels), Math.max(...levels)];
    const reach = Math.max((ends[1] - ends[0]) * 1.5, ends[1] * 0.1);
    const bounds = points.flatMap((point) => [point.low, point.high]).filter((value) => value !== null);
    const from = Math.max(ends[0] - reach, Math.min(ends[0], ...bounds));
    const to = Math.min(ends[1] + reach, Math.max(ends[1], ...bounds));
    const air = (to - from) * 0.06 || Math.max(1, to * 0.05);
    return [Math.max(0, from - air), to + air];
  };

  const told = (point) => {
    const lines = [point.here ? `this run, ${day(point.created)}` : `${day(point.created)}, version ${point.version}`];
    lines.push(format.duration(point.level));
    if (point.low !== null && point.high !== null) {
      lines.push(`95 % interval ${format.duration(point.low)} to ${format.duration(point.high)}`);
    }
    if (point.commit) lines.push(`commit ${point.commit}`);
    if (point.accepted) lines.push(point.reason ? `accepted: ${point.reason}` : "accepted without a reason");
    return lines;
  };

  const ratio = (change) => (change.before ? format.change(change.after / change.before - 1) : "");
  const toldChange = (change, points) => [
    `${format.duration(change.before)} → ${format.duration(change.after)} (${ratio(change)})`,
    `changed at ${day(points[change.at].created)}`,
    `p = ${format.general(change.p, 2)}`,
  ];

  const shape = (point, x, y, r) => {
    if (point.here) return drawing.path(`M${x - 6} ${y}L${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}Z`, "point here");
    if (point.accepted) return drawing.rect(x - r, y - r, 2 * r, 2 * r, "point accepted");
    return drawing.element("circle", { cx: x, cy: y, r, class: "point" });
  };

  /* The interval as a line with ends where there is room for them, an arrow where it goes on beyond the plot. */
  const whisker = (group, point, x, view) => {
    const [low, high] = [view.y(Math.max(point.low, view.from)), view.y(Math.min(point.high, view.to))];
    group.append(drawing.line(x, low, x, high, "whisker"));
    const end = (y) => group.append(drawing.line(x - 3, y, x + 3, y, "whisker-end"));
    if (point.high > view.to)
      group.append(drawing.path(`M${x - 4} ${high + 6}L${x} ${high}L${x + 4} ${high + 6}Z`, "beyond"));
    else if (view.pitch >= 8) end(high);
    if (point.low < view.from)
      group.append(drawing.path(`M${x - 4} ${low - 6}L${x} ${low}L${x + 4} ${low - 6}Z`, "beyond"));
    else if (view.pitch >= 8) end(low);
  };

  const drawPoint = (picture, point, view) => {
    const [x, y] = [view.x(point.index), view.y(point.level)];
    const group = drawing.element("g", { class: `session${point.here ? " side-now" : " side-then"}` });
    const r = Math.min(3.5, Math.max(1.5, view.pitch / 3));
    if (point.low !== null && point.high !== null) whisker(group, point, x, view);
    group.append(shape(point, x, y, r));
    picture.add(group);
    picture.marks.push({ x: x - 5, y: y - 5, width: 10, height: 10, node: group, lines: told(point) });
  };

  /* The level of each stretch between changes, as a line. */
  const drawLevels = (picture, points, changes, view) => {
    changes.forEach((change, number) => {
      const until = changes[number + 1]?.at ?? points.length;
      const since = changes[number - 1]?.at ?? 0;
      const level = (value, from, to) => drawing.line(view.x(from), view.y(value), view.x(to), view.y(value), "level");
      if (number === 0) picture.add(level(change.before, since, change.at - 1));
      picture.add(level(change.after, change.at, until - 1));
    });
  };

  const drawVersions = (picture, points, view) => {
    const starts = points.filter((point, index) => index === 0 || point.version !== points[index - 1].version);
    starts.forEach((point, number) => {
      const x = view.x(point.index - 0.5);
      const end = number + 1 < starts.length ? view.x(starts[number + 1].index - 0.5) : view.width;
      if (number) picture.add(drawing.line(x, TOP, x, BOTTOM + 16, "version"));
      const room = { room: end - x - 8, size: drawing.TICK, className: "tick" };
      if (room.room >= 40)
        picture.add(drawing.label(x + 4, BOTTOM + 14, point.here ? "this run" : point.version, room));
    });
  };

  const drawChanges = (picture, points, changes, view) => {
    const boxes = changes.map((change) => {
      const text = `${format.duration(change.before)} → ${format.duration(change.after)}`;
      const width = drawing.textWidth(text, drawing.TICK, true);
      const x = view.x(change.at - 0.5);
      return { change, text, x, width, start: Math.min(Math.max(x - width / 2, 0), view.width - width) };
    });
    const lines = drawing.lineUp(boxes, 1);
    boxes.forEach(({ change, text, x, start }, number) => {
      const kind = change.after > change.before ? "slower" : "faster";
      const group = drawing.element("g", { class: `change ${kind}` });
      group.append(drawing.line(x, 15, x, BOTTOM, "change-line"));
      const way = kind === "slower" ? `M${x - 5} 22l5 -7l5 7z` : `M${x - 5} 15l5 7l5 -7z`;
      group.append(drawing.path(way, "change-mark"));
      if (lines[number] !== null) group.append(drawing.label(start, 10, text, { size: drawing.TICK, bold: true }));
      picture.add(group);
      const box = { x: x - 3, y: 14, width: 6, height: BOTTOM - 14 };
      picture.marks.push({ ...box, node: group, lines: toldChange(change, points) });
    });
  };

  const drawAxes = (picture, points, view) => {
    for (const { value, text } of view.ticks) {
      picture.add(drawing.line(view.left, view.y(value), view.width, view.y(value), "grid"));
      picture.add(
        drawing.label(view.left - 6, view.y(value) + 4, text, { size: drawing.TICK, anchor: "end", className: "tick" }),
      );
    }
    const dates = points.map((point) => ({ value: point.index, text: day(point.created) }));
    const kept = dates.filter((tick, index) => index === 0 || tick.text !== dates[index - 1].text);
    picture.add(...drawing.tickTexts(kept, view.x, BOTTOM + 30, 0, view.width));
  };

  const drifted = (workflow, points) => {
    const drift = workflow.history.drift;
    if (!drift) return [];
    const [since, change, low, high, versions] = drift;
    const point = points[since];
    const from = point ? ` since ${day(point.created)}${point.version ? ` (version ${point.version})` : ""}` : "";
    const count = versions === 1 ? "1 version was" : `${versions} versions were`;
    const way = versions ? `; ${count} accepted on the way` : "";
    const sure = low === null || high === null ? "" : ` (${format.interval(low, high)})`;
    return [`Drift${from}: ${format.change(change)}${sure}${way}.`];
  };

  const viewOf = (points, width) => {
    const [from, to] = range(points);
    const ticks = drawing.timeTicks(from, to, 7);
    const left = Math.max(...ticks.map(({ text }) => drawing.textWidth(text, drawing.TICK))) + 8;
    const pitch = (width - left - 16) / Math.max(1, points.length);
    const x = (index) => left + 8 + pitch * (index + 0.5);
    return { from, to, ticks, left, pitch, x, width, y: drawing.scale(from, to, BOTTOM, TOP + 6) };
  };

  const draw = (workflow, width) => {
    const points = workflow.history.points.map(asPoint);
    const changes = (workflow.history.changes ?? []).map(asChange).filter(({ at }) => at > 0 && at < points.length);
    const view = viewOf(points, width);
    const last = points.at(-1);
    const told = `History over ${format.plural(points.length, "session")}: ${format.plural(changes.length, "change")}`;
    const newest = `${last.here ? "this run" : "the newest"} ${format.duration(last.level)}`;
    const picture = drawing.picture(
      width,
      BOTTOM + AXIS,
      `${told}, ${newest}. ${drifted(workflow, points).join("")}`.trim(),
    );
    drawAxes(picture, points, view);
    drawVersions(picture, points, view);
    drawLevels(picture, points, changes, view);
    drawChanges(picture, points, changes, view);
    for (const point of points) drawPoint(picture, point, view);
    picture.marks.sort((a, b) => a.x + a.width / 2 - b.x - b.width / 2); // in the order of time
    const kinds = [];
    if (points.some((point) => point.accepted)) kinds.push("square: the first session of an accepted version");
    if (last.here) kinds.push("diamond: this run");
    if (changes.length) kinds.push("triangle: the level changed");
    if (kinds.length) picture.notes.push(`${kinds.join("; ")}.`.replace(/^./, (letter) => letter.toUpperCase()));
    picture.notes.push(...drifted(workflow, points));
    return [picture];
  };

  return { has: (workflow) => Boolean(workflow.history?.points?.length), draw };
})();
