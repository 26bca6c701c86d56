"use strict";
// The details of the selected event: why it happened, what it read, what it ran, what it changed.

const LONG = 2000;

function showDetails(run, event) {
  const parts = [heading(event), ...explanation(run, event)];
  if (event.error) parts.push(...failure(run, event));
  if (event.why) parts.push(databags(run, event));
  parts.push(otherChanges(run, event));
  if (event.why) parts.push(hookCommands(run, event), logLines(event));
  document.getElementById("details").replaceChildren(...parts.filter(Boolean));
}

function heading(event) {
  const line = element("p", { className: "tags" });
  const tag = (text, bad) =>
    line.append(
      element("span", { className: bad ? "tag bad" : "tag", textContent: visible(text) }),
    );
  if (event.unit) tag(event.unit);
  if (event.leader) tag("★ leader");
  if (event["remote-unit"]) tag(`remote unit ${event["remote-unit"]}`);
  if (event["departing-unit"]) tag(`departing unit ${event["departing-unit"]}`);
  if (event["secret-revision"]) tag(`revision ${event["secret-revision"]}`);
  if (event.error) tag("failed", true);
  const title = element("h2", { textContent: visible(`${nameOf(event)}: ${labelOf(event)}`) });
  return element("div", {}, title, line);
}

function explanation(run, event) {
  const links = (title, places) =>
    places.length
      ? [
          element("h3", { textContent: title }),
          element("ul", { className: "links" }, ...places.map((at) => link(run, at))),
        ]
      : [];
  const parts = [];
  if (event.why) {
    const why = element(
      "div",
      { className: "why" },
      element(
        "p",
        {},
        element("strong", {
          textContent: `Why did this ${event.kind === "hook" ? "hook" : "task"} run? `,
        }),
        visible(event.why.text),
      ),
    );
    parts.push(why, ...links("Triggered by", event.why.events));
    const further = event.origins.filter((at) => !event.why.events.includes(at));
    parts.push(...links("Commands that led to it", further));
    const [before, after] = [event.before, event.after].map((one) =>
      (one || []).filter(Boolean).join(": "),
    );
    if (before || after) {
      parts.push(element("h3", { textContent: "Status" }));
      parts.push(
        element("p", {
          className: "value",
          textContent: visible(before === after ? `${after} (unchanged)` : `${before} → ${after}`),
        }),
      );
    }
  }
  return [...parts, ...links("Hooks that it triggered", run.triggered[event.at])];
}

function link(run, at) {
  const event = run.events[at];
  const text = visible(`${nameOf(event)}: ${event.unit ? `${event.unit} ` : ""}${labelOf(event)}`);
  return element("li", {}, element("a", { href: `#${event.id}`, textContent: text }));
}

function failure(run, event) {
  const parts = [element("h3", { textContent: "Error" })];
  parts.push(
    element("pre", {
      className: "bad",
      textContent: visible(event.traceback ? `${event.error}\n\n${event.traceback}` : event.error),
    }),
  );
  if ((event.discarded || []).length) {
    parts.push(element("h3", { textContent: "Rolled back, because the hook failed" }));
    parts.push(...event.discarded.map((number) => commandOf(run.commands[number])));
  }
  return parts;
}

function databags(run, event) {
  const changed = new Map(run.written(event).map((change) => [change.about, change.keys]));
  const names = [...new Set([...changed.keys(), ...(event.databags || [])])];
  const section = element(
    "section",
    {},
    element("h3", { textContent: "Databags that the hook could read" }),
  );
  if (!names.length) section.append(element("p", { className: "none", textContent: "none" }));
  for (const name of names) section.append(databag(run, event, name, changed.get(name)));
  return section;
}

function databag(run, event, name, keys) {
  const [id, owner] = name.split(" ");
  const data = run.databagBefore(name, event.at);
  const whose = owner.includes("/") ? owner : `application ${owner}`;
  const summary = element(
    "summary",
    {},
    element("strong", { textContent: visible(whose) }),
    visible(` in ${run.relationName(id)}${keys ? ", changed by this event" : ""}`),
  );
  const box = element(
    "details",
    { className: "databag", open: Boolean(keys) || relationOf(event) === id },
    summary,
  );
  const all = [...new Set([...data.keys(), ...Object.keys(keys || {})])].sort();
  if (!all.length) {
    box.append(element("p", { className: "none", textContent: "empty" }));
    return box;
  }
  const head = keys ? ["Key", "Before", "After"] : ["Key", "Value"];
  const table = element(
    "table",
    {},
    element(
      "thead",
      {},
      element("tr", {}, ...head.map((text) => element("th", { scope: "col", textContent: text }))),
    ),
  );
  const body = element("tbody");
  for (const key of all) {
    const pair = keys && keys[key];
    const values = keys
      ? [pair ? pair[0] : data.get(key), pair ? pair[1] : data.get(key)]
      : [data.get(key)];
    body.append(
      element(
        "tr",
        { className: pair ? "changed" : "" },
        element("th", { scope: "row", className: "value", textContent: visible(key) }),
        ...values.map((value) => element("td", {}, valueOf(value))),
      ),
    );
  }
  table.append(body);
  box.append(table);
  return box;
}

// Shows a value. Of a very long value, this shows the first part and a button for the rest.
function valueOf(value) {
  if (value === null || value === undefined)
    return element("span", { className: "none", textContent: "not set" });
  const text = visible(value);
  const shown = element("span", { className: "value", textContent: text.slice(0, LONG) });
  if (text.length <= LONG) return shown;
  const more = element("button", {
    type: "button",
    textContent: `Show all ${text.length.toLocaleString("en")} characters`,
  });
  more.addEventListener("click", () => {
    shown.textContent = text;
    more.remove();
  });
  return element("div", {}, shown, "… ", more);
}

function hookCommands(run, event) {
  const section = element(
    "section",
    {},
    element("h3", { textContent: "Hook commands and their output" }),
  );
  if (!(event.commands || []).length) {
    const known = event.commands ? "none" : "The recording does not contain them.";
    section.append(element("p", { className: "none", textContent: known }));
  }
  for (const number of event.commands || []) section.append(commandOf(run.commands[number]));
  return section;
}

function commandOf([words, status, stdout, stderr, stdin]) {
  const line = visible(
    words.map((word) => (/[^\w@%+=:,./()-]/.test(word) || !word ? `'${word}'` : word)).join(" "),
  );
  const answer = [stdout, stderr].filter(Boolean).join("").trimEnd();
  const code = element("code", { textContent: shortened(line, 300) });
  const failed = status
    ? element("span", { className: "status", textContent: ` exit status ${status}` })
    : null;
  if (!answer && !stdin && line.length <= 300)
    return element("div", { className: "command" }, code, failed);
  const open = !stdin && line.length <= 300 && answer.length <= 200;
  const made = element(
    "details",
    { className: "command", open },
    element("summary", {}, code, failed),
  );
  if (line.length > 300) made.append(element("pre", {}, valueOf(words.join(" "))));
  if (stdin) made.append(element("pre", { ariaLabel: "standard input" }, valueOf(stdin)));
  if (answer) made.append(element("pre", { ariaLabel: "output" }, valueOf(answer)));
  return made;
}

function logLines(event) {
  if (!(event.log || []).length) return null;
  const lines = event.log
    .map(([level, source, message]) => `${level} ${source} ${message}`)
    .join("\n");
  return element(
    "section",
    {},
    element("h3", { textContent: "Log" }),
    element("pre", {}, valueOf(lines)),
  );
}
