/* What each step waits for: columns from left to right, or rows from top to bottom where it is narrow. */
const graphChart = (() => {
  "use strict";
  const NARROW = 600; // px: below, from top to bottom
  const SIZE = { least: 92, most: 190, height: 40 }; // px of a node
  const GAP = { across: 44, beside: 14 }; // px between bands for the edges, and between the nodes of one
  const TITLE = 22;

  const asNode = ([step, x, y, duration, critical], index) => ({
    step,
    column: x,
    row: y,
    duration,
    critical: Boolean(critical),
    index,
  });

  /* Nodes by column, each in the order of its rows. */
  const columnsOf = (nodes) => {
    const columns = new Map();
    for (const node of nodes) columns.set(node.column, [...(columns.get(node.column) ?? []), node]);
    const order = [...columns.keys()].sort((a, b) => a - b);
    return order.map((column) => columns.get(column).sort((a, b) => a.row - b.row));
  };

  /* From left to right; `air` is left above and below for edges that pass whole columns. */
  const across = (columns, width, air) => {
    const room = (width - (columns.length - 1) * GAP.across - 2) / columns.length;
    const size = Math.min(SIZE.most, room);
    const rows = Math.max(...columns.map((column) => column.length));
    const pitch = SIZE.height + GAP.beside;
    const between = columns.length > 1 ? Math.min(120, (width - 2 - size * columns.length) / (columns.length - 1)) : 0;
    columns.forEach((column, number) => {
      const start = ((rows - column.length) * pitch) / 2;
      column.forEach((node, row) => {
        Object.assign(node, {
          band: number,
          x: 1 + number * (size + between),
          y: 1 + air + start + row * pitch,
          width: size,
          height: SIZE.height,
        });
      });
    });
    return { flat: true, bands: columns, height: rows * pitch - GAP.beside + 2 + 2 * air };
  };

  /* From top to bottom; a column with more nodes than stand side by side takes several bands. */
  const down = (columns, width) => {
    const fit = Math.max(1, Math.floor((width - 2 + GAP.beside) / (SIZE.least + GAP.beside)));
    const bands = columns.flatMap((column) => {
      const lines = Math.ceil(column.length / fit);
      const each = Math.ceil(column.length / lines);
      return Array.from({ length: lines }, (_, line) => column.slice(line * each, (line + 1) * each));
    });
    const pitch = SIZE.height + GAP.across * 0.75;
    bands.forEach((band, number) => {
      const size = Math.min(SIZE.most, (width - 2 - (band.length - 1) * GAP.beside) / band.length);
      const start = (width - band.length * (size + GAP.beside) + GAP.beside) / 2;
      band.forEach((node, place) => {
        Object.assign(node, {
          band: number,
          x: start + place * (size + GAP.beside),
          y: 1 + number * pitch,
          width: size,
          height: SIZE.height,
        });
      });
    });
    return { flat: false, bands, height: bands.length * pitch - GAP.across * 0.75 + 2 };
  };

  /* Along and across the way the edges go, whichever that is. */
  const turned = (node, flat) =>
    flat
      ? {
          start: node.x,
          end: node.x + node.width,
          side: node.y,
          middle: node.y + node.height / 2,
          far: node.y + node.height,
        }
      : {
          start: node.y,
          end: node.y + node.height,
          side: node.x,
          middle: node.x + node.width / 2,
          far: node.x + node.width,
        };

  /* Where an edge passes a band that it only goes through: the free place next to where it would cross it. */
  const passage = (band, wish, flat, used, most) => {
    const boxes = band.map((node) => turned(node, flat));
    const half = GAP.beside / 2;
    const places = [boxes[0].side - half, ...boxes.map((box) => box.far + half)].filter((v) => v >= 1 && v <= most);
    if (wish < boxes[0].side - half || wish > boxes.at(-1).far + half) places.push(wish);
    const found = places.reduce(
      (best, v) => (Math.abs(v - wish) < Math.abs(best - wish) ? v : best),
      places[0] ?? wish,
    );
    const taken = (used.get(`${band[0].band} ${found}`) ?? 0) % 5; // edges through one gap lie beside each other
    used.set(`${band[0].band} ${found}`, taken + 1);
    return found + (taken % 2 ? -1 : 1) * Math.ceil(taken / 2) * 2.5;
  };

  const route = (from, to, layout, used, most) => {
    const { flat, bands } = layout;
    const [a, b] = [turned(from, flat), turned(to, flat)];
    const at = (along, side) =>
      flat ? `${along.toFixed(1)} ${side.toFixed(1)}` : `${side.toFixed(1)} ${along.toFixed(1)}`;
    const points = [[a.end, a.middle]];
    for (let band = from.band + 1; band < to.band; band += 1) {
      const { start, end } = turned(bands[band][0], flat);
      const wish = a.middle + ((b.middle - a.middle) * (band - from.band)) / (to.band - from.band);
      const side = passage(bands[band], wish, flat, used, most);
      points.push([start, side], [end, side]);
    }
    points.push([b.start - 5, b.middle]);
    let d = `M${at(...points[0])}`;
    for (let i = 1; i < points.length; i += 1) {
      const [[u, v], [s, t]] = [points[i - 1], points[i]];
      d += i % 2 ? `C${at((u + s) / 2, v)} ${at((u + s) / 2, t)} ${at(s, t)}` : `L${at(s, t)}`;
    }
    const head = `M${at(b.start, b.middle)}L${at(b.start - 7, b.middle - 3.5)}L${at(b.start - 7, b.middle + 3.5)}Z`;
    return { d, head };
  };

  const drawEdges = (picture, graph, nodes, layout, top) => {
    const used = new Map();
    const most = layout.flat ? layout.height : picture.width;
    const group = drawing.element("g", { transform: `translate(0 ${top})` });
    const critical = (edge) => Boolean(edge[2]);
    for (const edge of [...graph.edges].sort((a, b) => critical(a) - critical(b))) {
      const [from, to] = [nodes[edge[0]], nodes[edge[1]]];
      if (!from || !to || from.band >= to.band) continue;
      const { d, head } = route(from, to, layout, used, most);
      const kind = critical(edge) ? " critical" : "";
      group.append(drawing.path(d, `edge${kind}`), drawing.path(head, `edge-head${kind}`));
    }
    picture.add(group);
  };

  const told = (node, graph, nodes, workflow) => {
    const name = (index) => workflow.steps[nodes[index].step];
    const listed = (indexes) => {
      const names = indexes.slice(0, 5).map(name).join(", ");
      return indexes.length > 5 ? `${names} and ${indexes.length - 5} more` : names;
    };
    const before = graph.edges.filter(([, to]) => to === node.index).map(([from]) => from);
    const after = graph.edges.filter(([from]) => from === node.index).map(([, to]) => to);
    const lines = [workflow.steps[node.step], format.duration(node.duration)];
    if (before.length) lines.push(`after ${listed(before)}`);
    if (after.length) lines.push(`before ${listed(after)}`);
    if (node.critical) lines.push("on the critical path");
    return lines;
  };

  const drawNode = (picture, node, name, top, lines) => {
    const box = { x: node.x, y: node.y + top, width: node.width, height: node.height };
    const group = drawing.element("g", { class: `node${node.critical ? " critical" : ""}` });
    group.append(drawing.element("rect", { ...box, rx: 3, class: "extent" }));
    const inner = { room: node.width - 14, className: "inside" };
    const title = drawing.label(box.x + 7, box.y + 16, name, { ...inner, bold: node.critical });
    const time = drawing.label(box.x + 7, box.y + 32, format.duration(node.duration), {
      ...inner,
      size: drawing.TICK,
      className: "inside muted",
    });
    group.append(...[title, time].filter((text) => text !== null));
    picture.add(group);
    picture.marks.push({ ...box, node: group, lines });
  };

  const drawGraph = (graph, workflow, width) => {
    const nodes = graph.nodes.map(asNode);
    const columns = columnsOf(nodes);
    const needed = columns.length * (SIZE.least + GAP.across) - GAP.across + 2;
    const passing = graph.edges.some(([from, to]) => nodes[to]?.column - nodes[from]?.column > 1);
    const flat = width >= NARROW && needed <= width;
    const layout = flat ? across(columns, width, passing ? GAP.beside : 0) : down(columns, width);
    const top = graph.title ? TITLE : 0;
    const path = nodes.filter((node) => node.critical).sort((a, b) => a.column - b.column);
    const critical = path.length ? ` Critical path: ${path.map((node) => workflow.steps[node.step]).join(", ")}.` : "";
    const of = graph.title ? ` of ${graph.title}` : "";
    const counts = `${format.plural(nodes.length, "step")} and ${format.plural(graph.edges.length, "edge")}`;
    const picture = drawing.picture(width, layout.height + top, `Dependency graph${of}: ${counts}.${critical}`);
    if (graph.title) picture.add(drawing.label(0, 14, graph.title, { room: width, bold: true, className: "head" }));
    drawEdges(picture, graph, nodes, layout, top);
    const short = drawing.shortNames(workflow.steps);
    for (const node of columns.flat()) {
      drawNode(picture, node, format.printable(short[node.step]), top, told(node, graph, nodes, workflow));
    }
    return picture;
  };

  const graphsOf = (workflow) => (workflow.graphs ?? []).filter((graph) => graph.nodes.length);
  const draw = (workflow, width) => {
    const pictures = graphsOf(workflow).map((graph) => drawGraph(graph, workflow, width));
    const marked = graphsOf(workflow).some((graph) => graph.nodes.some((node) => node[4]));
    if (marked) pictures.at(-1).notes.push("Thick: the critical path.");
    return pictures;
  };

  return { has: (workflow) => graphsOf(workflow).length > 0, draw };
})();
