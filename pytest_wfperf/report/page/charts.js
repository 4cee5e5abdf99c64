/* Draws a workflow's charts into the figures that wait for them, and again when their width changes. */
const charts = (() => {
  "use strict";
  const KINDS = {
    timeline: timelineChart,
    spread: spreadChart,
    effects: effectsChart,
    flame: flameChart,
    graph: graphChart,
    history: historyChart,
  };
  const PRINTED = 700; // px
  const figures = new Map(); // what is known of each figure that was drawn
  let printing = false;

  /* One plot for each drawing of a figure: some have several, and a redrawn one keeps its place and focus. */
  const plotAt = (state, number) => {
    if (!state.plots[number]) {
      const plot = document.createElement("div");
      plot.className = "chart-plot";
      plot.tabIndex = 0;
      plot.setAttribute("role", "application");
      plot.setAttribute("aria-roledescription", "chart");
      state.body.append(plot);
      state.plots[number] = { plot, put: tips.attach(plot) };
    }
    return state.plots[number];
  };

  const noted = (notes) =>
    notes.map((text) => {
      const made = document.createElement("p");
      made.className = "chart-note";
      made.textContent = format.printable(text);
      return made;
    });

  const redraw = (state) => {
    const width = printing ? PRINTED : Math.floor(state.body.clientWidth);
    if (width < 1) return; // not laid out yet: the observer calls again
    state.width = width;
    drawing.setFont(state.figure);
    const pictures = KINDS[state.kind].draw(state.workflow, width);
    pictures.forEach((picture, number) => {
      const { plot, put } = plotAt(state, number);
      plot.setAttribute("aria-label", `${picture.root.getAttribute("aria-label")} Arrow keys move through it.`);
      put(picture);
    });
    for (const { plot } of state.plots.splice(pictures.length)) plot.remove();
    state.notes.replaceChildren(...noted(pictures.flatMap((picture) => picture.notes)));
  };

  const watched = new ResizeObserver((entries) => {
    const changed = entries
      .map((entry) => figures.get(entry.target.parentElement))
      .filter((state) => state && !printing && Math.floor(state.body.clientWidth) !== state.width);
    if (changed.length) requestAnimationFrame(() => changed.forEach(redraw));
  });

  const begin = (figure, kind) => {
    const body = document.createElement("div");
    body.className = "chart-body";
    const notes = document.createElement("div");
    notes.className = "chart-notes";
    figure.append(body, notes);
    const state = { figure, kind, body, notes, plots: [], width: 0, workflow: null };
    figures.set(figure, state);
    watched.observe(body);
    return state;
  };

  /* Fill the figures inside `element` from the workflow's data; a chart without data takes its figure along. */
  const draw = (element, workflow) => {
    for (const figure of element.querySelectorAll("figure[data-chart]")) {
      const kind = figure.dataset.chart;
      if (!KINDS[kind] || !KINDS[kind].has(workflow)) {
        figure.remove();
      } else {
        const state = figures.get(figure) ?? begin(figure, kind);
        state.workflow = workflow;
        redraw(state);
      }
    }
  };

  const redrawAll = () => {
    for (const [figure, state] of figures) {
      if (figure.isConnected) redraw(state);
      else figures.delete(figure);
    }
  };
  addEventListener("beforeprint", () => {
    printing = true;
    tips.hide();
    redrawAll();
  });
  addEventListener("afterprint", () => {
    printing = false;
    redrawAll();
  });

  return { draw };
})();
