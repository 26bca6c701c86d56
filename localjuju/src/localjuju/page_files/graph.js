"use strict";
// The model as a graph: a box for each application, its units in it, and lines for relations.

const BOX = 284;
const ROW = 26;
const GAP_ACROSS = 96;
const GAP_DOWN = 64;

function drawGraph(model, event) {
  const boxes = layOut(model);
  const width = Math.max(...boxes.map((box) => box.x + BOX), BOX) + 10;
  const height = Math.max(...boxes.map((box) => box.y + box.height), 60) + 12;
  const svg = drawn("svg", { viewBox: `-10 -10 ${width + 10} ${height + 10}`, role: "img" });
  svg.style.maxWidth = `${width * 1.25}px`;
  svg.setAttribute("aria-label", "The model as a graph. A text below describes the same model.");
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const relations = [...model.relation.values()].filter((one) => one.ends.length > 1);
  relations.forEach((one) => drawRelation(svg, byName, one, relations, event));
  boxes.forEach((box) => drawApplication(svg, box, event));
  document.getElementById("drawing").replaceChildren(svg);
  describeModel(model);
}

// Places the applications in a grid, related ones next to each other if possible.
function layOut(model) {
  const names = [...model.application.keys()];
  const related = (a, b) =>
    [...model.relation.values()].some(
      (one) =>
        one.ends.length > 1 &&
        one.ends.some((end) => end[0] === a) &&
        one.ends.some((end) => end[0] === b),
    );
  const degree = (name) => names.filter((other) => other !== name && related(name, other)).length;
  const queue = names.slice().sort((a, b) => degree(b) - degree(a));
  const ordered = [];
  while (queue.length) {
    const near = queue.findIndex(
      (one) => ordered.length && related(ordered[ordered.length - 1], one),
    );
    ordered.push(queue.splice(Math.max(near, 0), 1)[0]);
  }
  const columns = innerWidth < 600 ? 1 : names.length > 4 ? 3 : 2;
  const across = Math.min(columns, names.length);
  const boxes = [];
  let y = 0;
  for (let start = 0; start < ordered.length; start += across) {
    const above = boxes.slice();
    const row = ordered.slice(start, start + across).map((name) => boxOf(model, name));
    const free = Array.from({ length: across }, (_, column) => column);
    for (const box of row) {
      const near = above.findLast((other) => related(other.name, box.name));
      const wished = near ? near.x / (BOX + GAP_ACROSS) : free[0];
      const column = free.reduce((a, b) => (Math.abs(b - wished) < Math.abs(a - wished) ? b : a));
      free.splice(free.indexOf(column), 1);
      boxes.push(Object.assign(box, { x: column * (BOX + GAP_ACROSS), y }));
    }
    y += Math.max(...row.map((box) => box.height)) + GAP_DOWN;
  }
  return boxes;
}

function unitsOf(model, application) {
  const number = (unit) => Number(unit.about.split("/")[1]);
  const units = [...model.unit.values()].filter(
    (unit) => unit.about.split("/")[0] === application,
  );
  return units.sort((a, b) => number(a) - number(b));
}

function boxOf(model, name) {
  const units = unitsOf(model, name);
  const peers = [...model.relation.values()]
    .filter((one) => one.ends.length === 1 && one.ends[0][0] === name)
    .map((one) => one.ends[0][1]);
  const application = model.application.get(name);
  return {
    name,
    units,
    peers,
    application,
    height: 36 + ROW * 1.55 * units.length + (peers.length ? 20 : 0),
  };
}

function drawApplication(svg, box, event) {
  const { application } = box;
  const words = application.subordinate ? "application subordinate" : "application";
  const group = drawn("g", { class: application.life === "dying" ? "dying" : "" });
  group.append(
    drawn("rect", { class: words, x: box.x, y: box.y, width: BOX, height: box.height, rx: 10 }),
  );
  label(group, box.x + 12, box.y + 20, box.name, "title");
  if (application.subordinate)
    label(group, box.x + BOX - 12, box.y + 20, "subordinate", "small", "end");
  box.units.forEach((unit, row) => drawUnit(group, box, unit, row, event));
  if (box.peers.length) {
    label(group, box.x + 12, box.y + box.height - 9, `⟲ peers: ${box.peers.join(", ")}`, "small");
  }
  svg.append(group);
}

function drawUnit(group, box, unit, row, event) {
  const y = box.y + 32 + row * ROW * 1.55;
  const leads = box.application.leader === unit.about;
  const names = [event.unit === unit.about ? "acts" : "", unit.life === "dying" ? "dying" : ""];
  const one = drawn("g", { class: names.join(" ").trim() });
  one.append(
    drawn("rect", { class: "unit", x: box.x + 8, y, width: BOX - 16, height: ROW * 1.4, rx: 7 }),
  );
  label(one, box.x + 16, y + 15, `${shortened(unit.about, 26)}${leads ? " ★" : ""}`);
  const where = unit.principal
    ? `on ${unit.principal}`
    : unit.machine
      ? `machine ${unit.machine}`
      : "";
  label(one, box.x + BOX - 16, y + 15, where, "small", "end");
  label(
    one,
    box.x + 16,
    y + 30,
    shortened((unit.status || []).filter(Boolean).join(": "), 36),
    "small",
  );
  group.append(one);
}

function drawRelation(svg, boxes, relation, all, event) {
  const [a, b] = relation.ends.map((end) => boxes.get(end[0]));
  if (!a || !b) return;
  const between = all.filter((one) =>
    one.ends.every((end) => relation.ends.some((other) => other[0] === end[0])),
  );
  const shift = (between.indexOf(relation) - (between.length - 1) / 2) * 34;
  const [from, to] = anchors(a, b, shift);
  const names = ["relation", relationOf(event) === relation.about ? "chosen" : ""]
    .join(" ")
    .trim();
  svg.append(drawn("path", { class: names, d: `M${from} L${to}` }));
  const words = relation.ends.map((end) => end[1]);
  const text = words[0] === words[1] ? words[0] : words.join(" – ");
  const [x, y] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const shown = shortened(text, 26);
  svg.append(
    drawn("rect", {
      class: "plate",
      x: x - shown.length * 3.1 - 3,
      y: y - 17,
      width: shown.length * 6.2 + 6,
      height: 15,
      rx: 4,
    }),
  );
  label(svg, x, y - 6, shown, "small", "middle");
}

// Returns the two ends of a line between two boxes.
function anchors(a, b, shift) {
  if (a.y === b.y) {
    const [left, right] = a.x < b.x ? [a, b] : [b, a];
    const y = a.y + Math.min(a.height, b.height) / 2 + shift;
    return [
      [left.x + BOX, y],
      [right.x, y],
    ];
  }
  const [upper, lower] = a.y < b.y ? [a, b] : [b, a];
  return [
    [upper.x + BOX / 2 + shift * 2, upper.y + upper.height],
    [lower.x + BOX / 2 + shift * 2, lower.y],
  ];
}

function label(parent, x, y, text, name = "", anchor = "start") {
  const made = drawn("text", { x, y, class: name, "text-anchor": anchor });
  made.textContent = visible(text);
  parent.append(made);
}

function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function describeModel(model) {
  const lines = [];
  for (const application of model.application.values()) {
    const units = unitsOf(model, application.about);
    const described = units.map((unit) => {
      const leads = application.leader === unit.about ? ", leader" : "";
      const where = unit.principal
        ? `, on ${unit.principal}`
        : `, machine ${unit.machine || "unknown"}`;
      const status = (unit.status || ["unknown"]).filter(Boolean).join(": ");
      return `${unit.about} (${status}${leads}${where})`;
    });
    const kind = application.subordinate ? "subordinate application" : "application";
    lines.push(`${kind} ${application.about}: ${described.join("; ") || "no units"}`);
  }
  for (const relation of model.relation.values()) {
    const ends = relation.ends
      .map(([application, endpoint]) => `${application}:${endpoint}`)
      .join(" and ");
    const kind = relation.ends.length === 1 ? "peer relation" : "relation";
    const scope = relation.scope === "container" ? ", container scope" : "";
    lines.push(`${kind} ${relation.about}: ${ends}${scope}`);
  }
  const items = lines.map((line) => element("li", { textContent: visible(line) }));
  document.getElementById("model").replaceChildren(...items);
}
