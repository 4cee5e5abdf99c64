/* What all charts are drawn with: SVG elements, text that fits, scales, ticks and axes. */
const drawing = (() => {
  "use strict";
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const TIME_UNITS = [
    [60e9, "min"],
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "µs"],
    [1, "ns"],
  ];
  const TEXT = 12; // px; ticks are 11, and nothing is smaller
  const TICK = 11;

  /* An SVG element; attributes that are undefined are left out, strings become text nodes. */
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined)
        made.setAttribute(key, typeof value === "number" ? Math.round(value * 100) / 100 : value);
    }
    made.append(...children);
    return made;
  };

  const rect = (x, y, width, height, className) =>
    element("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), class: className });
  const line = (x1, y1, x2, y2, className) => element("line", { x1, y1, x2, y2, class: className });
  const path = (d, className) => element("path", { d, class: className });

  let family = "sans-serif";
  const pen = document.createElement("canvas").getContext("2d");
  const widths = new Map();

  /* Measure as the text of this element is set. */
  const setFont = (figure) => {
    const found = getComputedStyle(figure).fontFamily;
    if (found !== family) widths.clear();
    family = found;
  };

  /* How wide the text is, in px, with a little to spare (tabular figures may be wider than the canvas knows). */
  const textWidth = (text, size = TEXT, bold = false) => {
    const key = `${size}${bold}${text}`;
    if (!widths.has(key)) {
      if (widths.size > 20000) widths.clear();
      pen.font = `${bold ? "600 " : ""}${size}px ${family}`;
      widths.set(key, pen.measureText(text).width * 1.03 + 1);
    }
    return widths.get(key);
  };

  /* As much of the text as fits, the rest as …; empty where not even two letters do. */
  const fitted = (text, room, size = TEXT, bold = false) => {
    if (textWidth(text, size, bold) <= room) return text;
    const letters = Array.from(text);
    let low = 0;
    let high = Math.min(letters.length - 1, Math.floor(room)); // no letter is narrower than a px
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (textWidth(`${letters.slice(0, middle).join("")}…`, size, bold) <= room) low = middle;
      else high = middle - 1;
    }
    return low < 2 ? "" : `${letters.slice(0, low).join("").trimEnd()}…`;
  };

  /* A text that keeps to its room; cut, it has the whole in its <title>. Null where nothing of it fits. */
  const label = (x, y, text, { room = Infinity, size = TEXT, anchor = "start", bold = false, className = "" } = {}) => {
    const whole = format.printable(text);
    const shown = fitted(whole, room, size, bold);
    if (!shown) return null;
    const sized = `size-${size}${bold ? " strong" : ""} ${className}`.trim();
    const made = element("text", { x, y, class: sized, "text-anchor": anchor === "start" ? undefined : anchor }, shown);
    if (shown !== whole) made.append(element("title", {}, whole));
    return made;
  };

  /* A bold line "name · figure" above what it names, of which the name alone is cut. */
  const heading = (y, name, figure, room, className) => {
    const rest = ` · ${figure}`;
    const whole = format.printable(name);
    const shown = fitted(whole, room - textWidth(rest, TEXT, true), TEXT, true);
    const made = element("text", { x: 0, y, class: `size-${TEXT} strong ${className}` }, shown + rest);
    if (shown !== whole) made.append(element("title", {}, whole));
    return made;
  };

  /* Linear from [from, to] onto [start, end]; one value alone comes to lie in the middle. */
  const scale = (from, to, start, end) => (value) =>
    to === from ? (start + end) / 2 : start + ((value - from) / (to - from)) * (end - start);

  /* 1, 2 or 5 times a power of ten: the smallest such step that makes at most `count` of `span`. */
  const niceStep = (span, count) => {
    const least = span / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least * (1 - 1e-9));
  };

  const timeStep = (span, count) => {
    const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000].map((s) => s * 1e9);
    const least = span / Math.max(1, count);
    if (least <= 1e9) return Math.max(1, niceStep(span, count));
    return seconds.find((step) => step >= least) ?? 36000e9 * niceStep(span / 36000e9, count);
  };

  /* Round moments from `low` to `high` (ns), at most about `count`, with their texts in one unit. */
  const timeTicks = (low, high, count) => {
    if (!(high > low)) return [{ value: low, text: format.duration(low) }];
    const step = timeStep(high - low, count);
    const largest = Math.max(Math.abs(low), Math.abs(high));
    const [size, unit] = TIME_UNITS.find(([ns]) => ns <= largest && (ns < 60e9 || step % ns === 0)) ?? [1, "ns"];
    const places = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i += 1) {
      const value = i * step;
      ticks.push({ value, text: value === 0 ? "0" : `${format.fixed(value / size, Math.min(places, 6))} ${unit}` });
    }
    return ticks;
  };

  /* Texts of ticks along x: kept within [left, right], those that would touch the one before left out. */
  const tickTexts = (ticks, x, y, left, right, className = "tick") => {
    const made = [];
    let free = -Infinity;
    for (const { value, text } of ticks) {
      const width = textWidth(text, TICK);
      const start = Math.min(Math.max(x(value) - width / 2, left), right - width);
      if (start < free || start < left) continue;
      made.push(label(start, y, text, { size: TICK, className }));
      free = start + width + 8;
    }
    return made;
  };

  /* Boxes {start, width} put on the first line where they touch no other; null where `lines` are full. */
  const lineUp = (boxes, lines, gap = 8) => {
    const ends = Array(lines).fill(-Infinity);
    return boxes.map(({ start, width }) => {
      const found = ends.findIndex((end) => start >= end + gap);
      if (found < 0) return null;
      ends[found] = start + width;
      return found;
    });
  };

  /* The value a share `p` of the sorted values does not exceed, between two neighbours in proportion. */
  const quantile = (sorted, p) => {
    const place = (sorted.length - 1) * p;
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
  };
  const ascending = (values) => [...values].sort((a, b) => a - b);
  const median = (values) => quantile(ascending(values), 0.5);

  /* An empty drawing of one width that charts add to; `marks` are what can be pointed at, `notes` sentences below. */
  const picture = (width, height, telling) => {
    const root = element("svg", {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": format.printable(telling),
    });
    const add = (...children) => root.append(...children.filter((child) => child !== null));
    return { root, add, marks: [], notes: [], width, height };
  };

  /* What a workflow was held against, in words: another revision says so itself. */
  const against = ({ baseline }) => {
    if (!baseline) return "baseline";
    return /^(baseline|revision) /.test(baseline) ? baseline : `baseline ${baseline}`;
  };

  /* The last part of each step's path: what is left of it without the step that encloses it. */
  const shortNames = (steps) => {
    const known = new Set(steps);
    return steps.map((whole) => {
      for (let at = whole.lastIndexOf("/"); at > 0; at = whole.lastIndexOf("/", at - 1)) {
        if (known.has(whole.slice(0, at))) return whole.slice(at + 1);
      }
      return whole;
    });
  };

  return {
    TEXT,
    TICK,
    element,
    rect,
    line,
    path,
    label,
    heading,
    setFont,
    textWidth,
    fitted,
    scale,
    niceStep,
    timeTicks,
    tickTexts,
    lineUp,
    quantile,
    ascending,
    median,
    picture,
    against,
    shortNames,
  };
})();
