/* The one tooltip of the page, and how pointer and keyboard get from mark to mark.

   A mark is {x, y, width, height, lines, node}: its box in the drawing, what the tooltip says (the first line is its
   title), and optionally the element that is drawn. */
const tips = (() => {
  "use strict";
  const KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
  const REACH = 8; // px: so near a mark counts as on it, for bars of one px are hard to hit
  let box = null;

  const tooltip = () => {
    if (!box || !box.isConnected) {
      box = document.createElement("div");
      box.className = "chart-tip";
      box.setAttribute("role", "status");
      box.hidden = true;
      document.body.append(box);
    }
    return box;
  };

  const say = (lines) => {
    const made = lines.map((text, place) => {
      const row = document.createElement("div");
      row.className = place ? "" : "chart-tip-title";
      row.textContent = format.printable(text);
      return row;
    });
    tooltip().replaceChildren(...made);
    tooltip().hidden = false;
  };

  /* Below the anchor where there is room, else above; within the window in any case. */
  const place = (anchor) => {
    const { width, height } = tooltip().getBoundingClientRect();
    const seen = document.documentElement;
    const left = Math.min(Math.max(4, anchor.x - width / 2), seen.clientWidth - width - 4);
    const below = anchor.bottom + 8;
    const top = below + height <= seen.clientHeight - 4 ? below : Math.max(4, anchor.top - height - 8);
    tooltip().style.left = `${Math.max(4, left)}px`;
    tooltip().style.top = `${top}px`;
  };

  const hide = () => {
    tooltip().hidden = true;
  };

  const distance = (mark, x, y) => {
    const dx = Math.max(mark.x - x, 0, x - mark.x - mark.width);
    const dy = Math.max(mark.y - y, 0, y - mark.y - mark.height);
    return Math.hypot(dx, dy);
  };

  /* The mark at or near a point; of several under it the smallest. -1: none. */
  const nearest = (marks, x, y) => {
    let best = -1;
    let closest = [REACH, Infinity];
    marks.forEach((mark, number) => {
      const found = [distance(mark, x, y), mark.width * mark.height];
      if (found[0] < closest[0] || (found[0] === closest[0] && found[1] < closest[1])) {
        best = number;
        closest = found;
      }
    });
    return best;
  };

  const middle = (mark) => [mark.x + mark.width / 2, mark.y + mark.height / 2];

  /* The mark an arrow key leads to: left and right go by order, up and down to the next row. */
  const step = (marks, from, key) => {
    if (key === "Home") return 0;
    if (key === "End") return marks.length - 1;
    if (key === "ArrowRight") return Math.min(from + 1, marks.length - 1);
    if (key === "ArrowLeft") return Math.max(from - 1, 0);
    const down = key === "ArrowDown" ? 1 : -1;
    const [x, y] = middle(marks[from]);
    let best = from;
    let closest = [Infinity, Infinity];
    marks.forEach((mark, number) => {
      const [there, level] = middle(mark);
      const found = [down * (level - y), Math.abs(there - x)];
      const nearer = found[0] < closest[0] - 1 || (found[0] < closest[0] + 1 && found[1] < closest[1]);
      if (found[0] > 1 && nearer) {
        best = number;
        closest = found;
      }
    });
    return best;
  };

  /* Where a mark is in the window. */
  const onScreen = ({ root, width }, mark) => {
    const frame = root.getBoundingClientRect();
    const ratio = frame.width / width;
    const top = frame.top + mark.y * ratio;
    return { x: frame.left + middle(mark)[0] * ratio, top, bottom: top + mark.height * ratio };
  };

  /* Put the cursor around a mark and tell of it, under the pointer where there is one. */
  const show = (state, number, pointerX) => {
    const mark = state.view.marks[number];
    const around = { x: mark.x - 1.5, y: mark.y - 1.5, width: mark.width + 3, height: mark.height + 3 };
    for (const [key, value] of Object.entries(around)) state.cursor.setAttribute(key, value);
    state.view.root.append(state.cursor);
    say(mark.lines);
    const anchor = onScreen(state.view, mark);
    place({ ...anchor, x: pointerX ?? anchor.x });
  };

  const leave = (state) => {
    state.pointed = -1;
    state.cursor.remove();
    hide();
  };

  const onPointer = (state, { clientX, clientY }) => {
    const frame = state.view.root.getBoundingClientRect();
    const ratio = frame.width / state.view.width;
    const found = nearest(state.view.marks, (clientX - frame.left) / ratio, (clientY - frame.top) / ratio);
    if (found < 0) leave(state);
    else show(state, found, clientX);
    state.pointed = found;
  };

  /* Focus that comes by keyboard shows the mark that was shown last, or the first. */
  const onFocus = (state) => {
    if (!state.plot.matches(":focus-visible")) return;
    state.current = Math.min(Math.max(state.current, 0), state.view.marks.length - 1);
    show(state, state.current);
  };

  const onKey = (state, event) => {
    if (event.key === "Escape") leave(state);
    if (!KEYS.has(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { marks } = state.view;
    state.current = state.current < 0 ? 0 : step(marks, Math.min(state.current, marks.length - 1), event.key);
    const { top, bottom } = onScreen(state.view, marks[state.current]);
    if (top < 0 || bottom > innerHeight) scrollBy(0, top - innerHeight / 2);
    show(state, state.current);
  };

  /* Let the drawings that are put into `plot`, a <div>, tell of themselves; returns what puts one into it. */
  const attach = (plot) => {
    const state = { plot, view: null, current: -1, pointed: -1, cursor: drawing.rect(0, 0, 0, 0, "chart-cursor") };
    const on = (name, handler) => plot.addEventListener(name, (event) => state.view && handler(state, event));
    on("pointermove", onPointer);
    on("pointerdown", () => {
      if (state.pointed >= 0) state.current = state.pointed;
    });
    on("pointerleave", leave);
    on("focus", onFocus);
    on("blur", leave);
    on("keydown", onKey);
    return (view) => {
      const shown = state.cursor.isConnected;
      state.view = view;
      plot.replaceChildren(view.root);
      if (!shown) return;
      if (document.activeElement === plot && state.current in view.marks) show(state, state.current);
      else leave(state);
    };
  };

  return { attach, hide };
})();
