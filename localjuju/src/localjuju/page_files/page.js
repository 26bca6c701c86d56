"use strict";
// The page: which event is selected, and how to step, play, filter and search.

class Page {
  constructor(data) {
    this.runs = data.runs.map((run, number) => new Run(run, number));
    this.number = 0;
    this.at = 0;
    this.timer = null;
    this.timeline = new Timeline(this.runs, new Set(data.only), (run, at) => this.choose(run, at));
    this.rows = new Map();
    for (const row of document.querySelectorAll(".hooks tr[id]")) {
      this.rows.set(row.id, row);
      row.removeAttribute("id"); // The address selects an event, and must not scroll the page.
    }
    const kinds = [...new Set(this.runs.flatMap((run) => run.events.map(kindOf)))];
    drawLegend(document.getElementById("legend"), kinds, this.runs.length > 1);
    this.fillFilters(kinds);
    this.listen();
    document.getElementById("viewer").hidden = false;
    if (!this.chooseByAddress()) this.choose(0, 0, false);
  }

  get run() {
    return this.runs[this.number];
  }

  // Selecting an event

  choose(number, at, keep = true) {
    this.number = number;
    this.at = Math.max(0, Math.min(at, this.run.events.length - 1));
    const event = this.run.events[this.at];
    if (!event) return;
    const slider = document.getElementById("slider");
    slider.max = this.run.events.length - 1;
    slider.value = this.at;
    slider.setAttribute(
      "aria-valuetext",
      visible(`${nameOf(event)}: ${event.unit || ""} ${labelOf(event)}`),
    );
    document.getElementById("position").textContent =
      `${this.at + 1} of ${this.run.events.length}`;
    document.getElementById("run").value = this.number;
    this.timeline.show(this.number, this.at);
    drawGraph(this.run.modelAfter(this.at), event);
    showDetails(this.run, event);
    for (const [id, row] of this.rows) row.classList.toggle("chosen", id === event.id);
    if (keep) history.replaceState(null, "", `#${event.id}`);
  }

  chooseByAddress() {
    const id = decodeURIComponent(location.hash.slice(1));
    const number = this.runs.findIndex((run) => run.places.has(id));
    if (number < 0) return false;
    this.choose(number, this.runs[number].places.get(id), false);
    return true;
  }

  step(direction) {
    const { events } = this.run;
    let at = this.at + direction;
    while (at >= 0 && at < events.length && !this.matches(events[at])) at += direction;
    if (at < 0 || at >= events.length) return false;
    this.choose(this.number, at);
    return true;
  }

  play(playing) {
    clearInterval(this.timer);
    this.timer = playing ? setInterval(() => this.step(1) || this.play(false), 700) : null;
    const button = document.getElementById("play");
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(playing));
  }

  // Filters

  fillFilters(kinds) {
    const add = (id, values, text = (value) => value) =>
      values.forEach((value) => {
        document
          .getElementById(id)
          .append(element("option", { value, textContent: visible(text(value)) }));
      });
    add(
      "unit",
      this.timeline.lanes.filter((lane) => lane.unit && !lane.run).map((lane) => lane.unit),
    );
    const relations = [...new Set(this.runs.flatMap((run) => run.events.map(relationOf)))].filter(
      Boolean,
    );
    add("relation", relations, (id) => this.runs[0].relationName(id));
    add("event", kinds.sort());
    const keys = new Set(
      this.runs.flatMap((run) =>
        run.events.flatMap((event) =>
          run.written(event).flatMap((change) => Object.keys(change.keys)),
        ),
      ),
    );
    document
      .getElementById("keys")
      .append(...[...keys].sort().map((value) => element("option", { value })));
    document
      .getElementById("run")
      .append(
        ...this.runs.map((run, value) => element("option", { value, textContent: run.name })),
      );
    document.getElementById("run-label").hidden = this.runs.length < 2;
  }

  matches(event) {
    const { unit, relation, event: kind } = this.filters || {};
    return (
      (!unit || event.unit === unit) &&
      (!relation || relationOf(event) === relation) &&
      (!kind || kindOf(event) === kind) &&
      (!this.writers || this.writers.has(event))
    );
  }

  filter() {
    const value = (id) => document.getElementById(id).value;
    this.filters = { unit: value("unit"), relation: value("relation"), event: value("event") };
    this.find(value("key").trim());
    this.timeline.dim((event) => this.matches(event));
    this.runs.forEach((run) =>
      run.events.forEach((event) => {
        const row = this.rows.get(event.id);
        if (row) row.hidden = !this.matches(event);
      }),
    );
  }

  // Lists the events that wrote a key, with the old and the new value.
  find(key) {
    const list = document.getElementById("found");
    list.hidden = !key;
    this.writers = key ? new Set() : null;
    const items = [];
    for (const run of key ? this.runs : []) {
      for (const event of run.events) {
        for (const change of run.written(event)) {
          if (!Object.hasOwn(change.keys, key)) continue;
          this.writers.add(event);
          items.push(this.foundItem(run, event, change, change.keys[key]));
        }
      }
    }
    if (key && !items.length)
      items.push(
        element("li", { className: "none", textContent: visible(`No event wrote ${key}.`) }),
      );
    list.replaceChildren(...items);
  }

  foundItem(run, event, change, [before, after]) {
    const [id, owner] = change.about.split(" ");
    const shown = (value) => (value === null ? "not set" : shortened(visible(value), 120));
    const of = this.runs.length > 1 ? `${run.name}, ` : "";
    const text = `: ${visible(owner)} in ${visible(run.relationName(id))}: ${shown(before)} → ${shown(after)}`;
    const name = `${of}${nameOf(event)} ${event.unit || ""}`;
    return element(
      "li",
      { className: "value" },
      element("a", { href: `#${event.id}`, textContent: visible(name) }),
      text,
    );
  }

  // Input of the user

  listen() {
    const on = (id, type, act) => document.getElementById(id).addEventListener(type, act);
    on("first", "click", () => this.choose(this.number, 0));
    on("last", "click", () => this.choose(this.number, this.run.events.length - 1));
    on("previous", "click", () => this.step(-1));
    on("next", "click", () => this.step(1));
    on("play", "click", () => this.play(!this.timer));
    on("slider", "input", (event) => this.choose(this.number, Number(event.target.value)));
    on("run", "change", (event) => this.choose(Number(event.target.value), this.at));
    on("filters", "submit", (event) => event.preventDefault());
    on("filters", "input", () => this.filter());
    // Not for the text field: its change event comes when the user clicks a link below it, and
    // would remove that link.
    for (const id of ["unit", "relation", "event"]) on(id, "change", () => this.filter());
    on("filters", "reset", () => setTimeout(() => this.filter()));
    addEventListener("hashchange", () => this.chooseByAddress());
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest("input, select, button, a, summary")) return;
    const keys = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      Home: () => this.choose(this.number, 0),
      End: () => this.choose(this.number, this.run.events.length - 1),
      " ": () => this.play(!this.timer),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}

window.page = new Page(JSON.parse(document.getElementById("data").textContent));
