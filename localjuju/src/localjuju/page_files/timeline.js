"use strict";
// The timeline: a row for each unit, and a mark for each event, in order of time.

const STEP = 18;
const LANE = 24;
const MARGIN = 14;

class Timeline {
  constructor(runs, onlyHere, choose) {
    this.runs = runs;
    this.choose = choose;
    this.columns = columnsOf(runs);
    this.lanes = lanesOf(runs);
    this.marks = runs.map(() => []);
    this.drawNames();
    this.draw(onlyHere);
  }

  drawNames() {
    const names = document.getElementById("names");
    for (const lane of this.lanes) {
      const row = element("div", {}, element("span", { textContent: lane.run ? "" : lane.label }));
      row.style.height = `${LANE}px`;
      if (this.runs.length > 1) {
        row.append(
          element("span", { className: "of-run", textContent: this.runs[lane.run].name }),
        );
      }
      names.append(row);
    }
  }

  draw(onlyHere) {
    const width = MARGIN * 2 + STEP * (Math.max(...this.columns.flat(), 0) + 1);
    const height = LANE * this.lanes.length;
    this.svg = drawn("svg", { width, height, "aria-hidden": "true" });
    this.lanes.forEach((_, row) => {
      const y = row * LANE + LANE / 2;
      this.svg.append(drawn("line", { class: "lane", x1: 0, x2: width, y1: y, y2: y }));
    });
    this.box = drawn("rect", { id: "chosen", width: STEP, height: LANE - 2, rx: 4 });
    this.arrows = drawn("g");
    this.svg.append(this.box);
    this.runs.forEach((run, number) =>
      run.events.forEach((event) => {
        const mark = this.drawMark(number, event, onlyHere.has(event.id));
        this.marks[number].push(mark);
        this.svg.append(mark);
      }),
    );
    this.svg.append(this.arrows);
    this.svg.addEventListener("click", (click) => {
      const mark = click.target.closest(".mark");
      if (mark) this.choose(Number(mark.dataset.run), Number(mark.dataset.at));
    });
    document.getElementById("marks").append(this.svg);
  }

  drawMark(number, event, only) {
    const kind = kindOf(event);
    const [x, y] = this.point(number, event.at);
    const names = ["mark", event.kind, event.error ? "failed" : ""].join(" ").trim();
    const mark = drawn("g", { class: names, transform: `translate(${x},${y})` }, shapeOf(kind));
    mark.dataset.run = number;
    mark.dataset.at = event.at;
    mark.append(drawn("title"));
    const failed = event.error ? `, failed: ${event.error}` : "";
    mark.lastChild.textContent = visible(
      `${nameOf(event)}: ${event.unit || ""} ${labelOf(event)}${failed}`,
    );
    if (event.kind !== "command" && this.runs[number].written(event).length) {
      mark.append(drawn("rect", { class: "wrote", x: -5, y: 8, width: 10, height: 2.5 }));
    }
    if (only) mark.append(drawn("circle", { class: "only", r: 9 }));
    if (event.error) {
      mark.append(drawn("text", { x: 4, y: -3 }));
      mark.lastChild.textContent = "!";
    }
    return mark;
  }

  point(number, at) {
    const event = this.runs[number].events[at];
    const unit = event.kind === "command" ? "" : event.unit;
    const row = this.lanes.findIndex((lane) => lane.unit === unit && lane.run === number);
    return [MARGIN + STEP * (this.columns[number][at] + 0.5), row * LANE + LANE / 2];
  }

  show(number, at) {
    const [x, y] = this.point(number, at);
    this.box.setAttribute("x", x - STEP / 2);
    this.box.setAttribute("y", y - LANE / 2 + 1);
    this.arrows.replaceChildren();
    const event = this.runs[number].events[at];
    for (const cause of event.why ? event.why.events : []) {
      this.arrow(this.point(number, cause), [x, y], "cause");
    }
    for (const triggered of this.runs[number].triggered[at]) {
      this.arrow([x, y], this.point(number, triggered), "triggered");
    }
    this.scrollTo(x, y);
  }

  scrollTo(x, y) {
    const lanes = document.getElementById("lanes");
    const width = lanes.clientWidth - document.getElementById("names").offsetWidth;
    if (x < lanes.scrollLeft + 3 * STEP || x > lanes.scrollLeft + width - 3 * STEP) {
      lanes.scrollLeft = x - width / 2;
    }
    if (y < lanes.scrollTop + LANE || y > lanes.scrollTop + lanes.clientHeight - LANE) {
      lanes.scrollTop = y - lanes.clientHeight / 2;
    }
  }

  arrow([x1, y1], [x2, y2], name) {
    const bend = y1 === y2 ? y1 - Math.min(26, 8 + (x2 - x1) / 8) : (y1 + y2) / 2;
    const end = y1 === y2 ? -8 : Math.sign(y1 - y2) * 9;
    const line =
      y1 === y2
        ? `M${x1},${y1 - 8} Q${(x1 + x2) / 2},${bend - 8} ${x2},${y2 - 9}`
        : `M${x1},${y1 - Math.sign(y1 - y2) * 8} C${x1},${bend} ${x2},${bend} ${x2},${y2 + end}`;
    this.arrows.append(drawn("path", { class: `arrow ${name}`, d: line }));
    const down = y1 === y2 ? 1 : -Math.sign(y1 - y2);
    const tip = y2 - down * 6;
    const head = `M${x2},${tip} l-4,${-down * 7} h8 Z`;
    this.arrows.append(drawn("path", { class: `head ${name}`, d: head }));
  }

  dim(matches) {
    this.runs.forEach((run, number) =>
      run.events.forEach((event, at) => {
        this.marks[number][at].classList.toggle("dim", !matches(event));
      }),
    );
  }
}

// Returns the column of each event. Each command has the same column in both runs.
function columnsOf(runs) {
  const phases = runs.map((run) => {
    const found = [[]];
    run.events.forEach((event, at) => {
      if (event.kind === "command") found.push([]);
      found[found.length - 1].push(at);
    });
    return found;
  });
  const columns = runs.map(() => []);
  let column = 0;
  for (let phase = 0; phase < Math.max(...phases.map((one) => one.length)); phase += 1) {
    let longest = 0;
    phases.forEach((one, number) => {
      (one[phase] || []).forEach((at, offset) => {
        columns[number][at] = column + offset;
      });
      longest = Math.max(longest, (one[phase] || []).length);
    });
    column += longest;
  }
  return columns;
}

// Returns the rows: one for the operator, and one for each unit. Subordinates come below their
// principals.
function lanesOf(runs) {
  const principals = new Map();
  for (const run of runs) {
    for (const event of run.events) {
      if (event.unit && !principals.has(event.unit)) principals.set(event.unit, "");
      for (const change of event.changes) {
        if (change.kind === "unit-added") principals.set(change.about, change.principal || "");
      }
    }
  }
  const byName = new Intl.Collator("en", { numeric: true }).compare;
  const sorted = [...principals.keys()].sort(byName);
  const ordered = [];
  for (const unit of sorted.filter((one) => !principals.get(one))) {
    ordered.push([unit, unit]);
    for (const other of sorted.filter((one) => principals.get(one) === unit))
      ordered.push([other, `↳ ${other}`]);
  }
  const known = new Set(ordered.map(([unit]) => unit));
  for (const unit of sorted.filter((one) => !known.has(one))) ordered.push([unit, `↳ ${unit}`]);
  return [["", "$ juju"], ...ordered].flatMap(([unit, label]) =>
    runs.map((_, run) => ({ unit, label: visible(label), run })),
  );
}
