/* Nested steps by their total time, from the workflow down: what no child covers is a step's own time. */
const flameChart = (() => {
  "use strict";
  const ROW = 22;
  const WORKFLOW = -1;

  /* The tree with the workflow at its root: its total is its median round's, or more where the steps add up to more. */
  const grow = (workflow) => {
    const nodes = new Map();
    const root = { step: WORKFLOW, total: 0, own: 0, children: [], depth: 0 };
    nodes.set(WORKFLOW, root);
    for (const [step, parent, total, own] of workflow.flame) {
      const around = nodes.get(parent) ?? root;
      const node = { step, total, own, children: [], depth: around.depth + 1, parent: around };
      around.children.push(node);
      nodes.set(step, node);
    }
    const sum = root.children.reduce((all, child) => all + child.total, 0);
    root.total = workflow.now?.total || sum;
    root.own = Math.max(0, root.total - sum);
    return { root, nodes: [...nodes.values()] };
  };

  /* Where each lies, children side by side from their parent's start, narrowed where they are longer than it. */
  const spread = (node, x, width) => {
    Object.assign(node, { x, width });
    const sum = node.children.reduce((all, child) => all + child.total, 0);
    node.crowded = sum > node.total ? sum / Math.max(1, node.total) : 0;
    const scale = sum ? width / Math.max(sum, node.total) : 0;
    let at = x;
    for (const child of node.children) {
      spread(child, at, child.total * scale);
      at += child.total * scale;
    }
  };

  const told = (node, root, workflow) => {
    const lines = [node.step === WORKFLOW ? "whole workflow" : workflow.steps[node.step]];
    const own = `${format.duration(node.own)} ${node.step === WORKFLOW ? "outside all steps" : "its own"}`;
    lines.push(`${format.duration(node.total)}, of that ${own}`);
    if (node.parent && root.total) lines.push(`${format.share(node.total / root.total)} of the workflow`);
    if (node.crowded) {
      const many = format.share(node.crowded);
      lines.push(
        `steps inside come to ${many} of it (they overlap, or their medians do not add up): drawn narrower to fit`,
      );
    }
    return lines;
  };

  const drawNode = (node, root, name, picture) => {
    const box = { x: node.x, y: node.depth * ROW + 0.5, width: Math.max(1, node.width), height: ROW - 1 };
    box.x = Math.min(box.x, picture.width - 1);
    const heat = Math.min(4, Math.floor((5 * node.own) / Math.max(1, root.total)));
    const group = drawing.element("g", { class: `flame heat-${heat}${box.width < 3 ? " slim" : ""}` });
    group.append(drawing.rect(box.x, box.y, box.width, box.height, "extent"));
    const time = ` ${format.duration(node.total)}`;
    const room = box.width - 9;
    const both = drawing.textWidth(name + time) <= room;
    const text = drawing.label(box.x + 5, box.y + 15, both ? name + time : name, { room, className: "inside" });
    if (text) group.append(text);
    if (node.crowded && box.width >= 12)
      group.append(drawing.path(`M${box.x + box.width} ${box.y}h-7l7 7z`, "crowded"));
    return { box, group };
  };

  const draw = (workflow, width) => {
    const { root, nodes } = grow(workflow);
    spread(root, 0.5, width - 1);
    const depth = nodes.reduce((most, node) => Math.max(most, node.depth), 0);
    const longest = nodes.slice(1).reduce((most, node) => (node.own > most.own ? node : most));
    const telling =
      `Icicle of ${format.plural(nodes.length - 1, "step")} by total time in ${format.duration(root.total)}; ` +
      `most own time has ${workflow.steps[longest.step]}, ${format.duration(longest.own)}.`;
    const picture = drawing.picture(width, (depth + 1) * ROW, telling);
    const short = drawing.shortNames(workflow.steps);
    for (const node of nodes) {
      const name = node.step === WORKFLOW ? "whole workflow" : format.printable(short[node.step]);
      const { box, group } = drawNode(node, root, name, picture);
      picture.add(group);
      picture.marks.push({ ...box, node: group, lines: told(node, root, workflow) });
    }
    picture.notes.push("Width: time; what no step below covers is a step's own, and darker steps have more of it.");
    if (nodes.some((node) => node.crowded)) {
      picture.notes.push(
        "Notched: the steps inside come to more than the step itself; they are drawn narrower to fit.",
      );
    }
    return [picture];
  };

  return { has: (workflow) => Boolean(workflow.flame?.length), draw };
})();
