/* The overview sorts and filters, and a section draws its charts when it is first opened. */
(() => {
  "use strict";
  const CAPTIONS = {
    timeline: "The round of median length", spread: "Launches", effects: "Change of every step",
    flame: "Nested steps", graph: "What comes after what", history: "History",
  };
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sheets = all(".sheet");
  const numbers = new Map(sheets.map((sheet, number) => [sheet, number]));
  const drawn = new Set();

  /* --- charts -------------------------------------------------------------------- */

  /* What does not fit can be scrolled by keyboard. */
  const fitted = new ResizeObserver((entries) => {
    for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  const reachable = (wide) => {
    wide.setAttribute("role", "region");
    wide.setAttribute("aria-label", wide.previousElementSibling?.textContent ?? "Table");
    fitted.observe(wide);
  };

  const hasChart = (kind, data) =>
    ({ timeline: data.now || data.then, graph: data.graphs.length })[kind] ?? Boolean(data[kind]);

  const figure = (kind, left) => {
    const made = document.createElement("figure");
    made.className = "chart";
    made.dataset.chart = kind;
    const caption = document.createElement("figcaption");
    caption.textContent = CAPTIONS[kind] + (left ? ` (${left} shorter steps left out)` : "");
    made.append(caption);
    return made;
  };

  const draw = (sheet) => {
    const place = sheet.querySelector(".charts");
    place.ariaBusy = null;
    if (drawn.has(sheet) || !sheet.open) return;
    drawn.add(sheet);
    const data = unpack(numbers.get(sheet));
    place.append(
      ...Object.keys(CAPTIONS).filter((kind) => hasChart(kind, data)).map((kind) => figure(kind, data.left[kind])),
    );
    charts.draw(place, data);
    for (const { title, tasks } of data.large) {
      const told = document.createElement("p");
      told.className = "quiet";
      told.textContent = `What comes after what${title && ` in ${title}`} is not drawn: ${tasks} steps are too many.`;
      place.append(told);
    }
  };

  /* One section at a time, and none before the table is painted: the page answers while many are drawn. */
  const waiting = [];
  let ready = false;
  const drawNext = () => {
    ready = waiting.length === 0;
    if (ready) return;
    draw(waiting.shift());
    setTimeout(drawNext);
  };
  const drawSoon = (sheet) => {
    if (drawn.has(sheet) || waiting.includes(sheet)) return;
    sheet.querySelector(".charts").ariaBusy = "true";
    waiting.push(sheet);
    if (ready) setTimeout(drawNext);
    ready = false;
  };

  all(".scroll").forEach(reachable);
  for (const sheet of sheets) sheet.addEventListener("toggle", () => sheet.open && drawSoon(sheet));

  /* --- the overview -------------------------------------------------------------- */

  const overview = document.getElementById("overview");
  const rows = overview ? all("tbody tr", overview) : [];
  const heads = overview ? all("th", overview) : [];
  const facts = new Map(
    rows.map((row, number) => {
      const [severity, ...keys] = row.dataset.keys.split(" ").map((key) => (key === "" ? null : Number(key)));
      const name = row.cells[1].textContent;
      return [row, { sheet: sheets[number], keys: [severity, name, ...keys], name: name.toLowerCase(), number }];
    }),
  );

  /* Rows without a value come last whichever way it is sorted. */
  const compared = (a, b, column, sign) => {
    const [left, right] = [facts.get(a).keys[column], facts.get(b).keys[column]];
    if (left === right) return facts.get(a).number - facts.get(b).number;
    if (left === null || right === null) return left === null ? 1 : -1;
    return sign * (typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left - right);
  };

  const sortBy = (column) => {
    const ascending = heads[column].getAttribute("aria-sort") !== "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
    rows.sort((a, b) => compared(a, b, column, ascending ? 1 : -1));
    overview.tBodies[0].append(...rows);
    document.getElementById("sheets").append(...rows.map((row) => facts.get(row).sheet));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent.trim();
    button.addEventListener("click", () => sortBy(column));
    head.replaceChildren(button);
  });

  const filter = document.getElementById("filter");
  const toggles = all("[data-verdict][aria-pressed]");
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(toggles.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.verdict));
    let count = 0;
    for (const [row, { sheet, name }] of facts) {
      const shown = wanted.has(row.dataset.verdict) && words.every((word) => name.includes(word));
      row.hidden = sheet.hidden = !shown;
      count += shown;
    }
    document.getElementById("shown").textContent = count === rows.length ? "" : `${count} of ${rows.length} shown`;
  };

  /* --- the way around ------------------------------------------------------------ */

  const reveal = () => {
    const target = /^#w\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!target) return;
    const sheet = target.closest("details");
    sheet.hidden = false;
    sheet.open = true;
    draw(sheet);
    sheet.scrollIntoView();
    sheet.querySelector("summary").focus({ preventScroll: true });
  };

  if (overview) {
    for (const controls of all(".controls")) controls.hidden = false;
    filter.addEventListener("input", show);
    for (const one of toggles) {
      one.addEventListener("click", () => {
        one.ariaPressed = one.ariaPressed === "true" ? "false" : "true";
        show();
      });
    }
    document.getElementById("open").addEventListener("click", () => {
      for (const sheet of sheets) sheet.open ||= !sheet.hidden;
    });
    document.getElementById("close").addEventListener("click", () => {
      for (const sheet of sheets) sheet.open = false;
    });
    overview.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || link.hash !== location.hash) return;
      event.preventDefault(); // no hashchange would come
      reveal();
    });
    addEventListener("hashchange", reveal);
    addEventListener("beforeprint", () => sheets.filter((sheet) => sheet.open).forEach(draw));
    sheets.filter((sheet) => sheet.open).forEach(drawSoon);
    requestAnimationFrame(() => setTimeout(() => {
      reveal();
      drawNext();
    }));
  }
})();
