"use strict";
// Describes what an event changed in the model, except databags.

function otherChanges(run, event) {
  const lines = event.changes.flatMap((change) => changeInWords(run, change));
  if (!lines.length) return null;
  return element(
    "section",
    {},
    element("h3", { textContent: "Changes in the model" }),
    element(
      "ul",
      {},
      ...lines.map((line) => element("li", { className: "value", textContent: visible(line) })),
    ),
  );
}

function changeInWords(run, change) {
  const [kind, verb] = change.kind.split("-");
  const about = kind === "relation" ? run.relationName(change.about) : change.about;
  if (kind === "databag") return [];
  if (kind === "secret") return secretInWords(change, verb);
  if (kind === "application" && verb === "updated") return applicationInWords(change);
  if (kind === "relation" && verb === "updated") return membersInWords(change, about);
  if (verb === "updated" && change.life) return [`${kind} ${about} is being removed`];
  if (verb === "updated" && change.address)
    return [`${about} has a new address: ${change.address[1]}`];
  if (kind === "unit" && verb === "added") {
    const where = change.principal ? `to ${change.principal}` : `on machine ${change.machine}`;
    return [`unit ${about} was added ${where}`];
  }
  return [`${kind} ${about} was ${verb}`];
}

function applicationInWords(change) {
  const lines = [];
  if (change.leader && change.leader[1]) lines.push(`${change.leader[1]} is the leader of ${change.about}`);
  if (change.life) lines.push(`application ${change.about} is being removed`);
  if (change["charm-version"]) lines.push(`${change.about} has a new charm or resource`);
  for (const [key, [before, after]] of Object.entries(
    change.config ? compared(change.config) : {},
  )) {
    lines.push(`option ${key}: ${before ?? "not set"} → ${after ?? "not set"}`);
  }
  return lines;
}

function compared([before, after]) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return Object.fromEntries(
    keys
      .filter((key) => before[key] !== after[key])
      .map((key) => [key, [before[key], after[key]]]),
  );
}

function membersInWords(change, about) {
  const lines = change.life ? [`relation ${about} is being removed`] : [];
  if (change.units) {
    const [before, after] = change.units;
    lines.push(
      ...after.filter((unit) => !before.includes(unit)).map((unit) => `${unit} joined ${about}`),
    );
    lines.push(
      ...before.filter((unit) => !after.includes(unit)).map((unit) => `${unit} left ${about}`),
    );
  }
  return lines;
}

function secretInWords(change, verb) {
  const value = (name) => (verb === "updated" ? (change[name] || [])[1] : change[name]);
  const label = value("label");
  const name = `secret ${change.about}${label ? ` (label ${label})` : ""}`;
  const lines = [];
  if (verb !== "updated")
    lines.push(`${name} of ${change.owner} was ${verb}, revision ${change.revision}`);
  else if (change.revision) lines.push(`${name} has revision ${change.revision[1]}`);
  else if (change.label) lines.push(`${name} has a new label`);
  if (verb === "updated" && change.revisions && !change.revision)
    lines.push(`${name} has revisions ${change.revisions[1].join(", ")} left`);
  if (value("granted-to") && verb !== "removed")
    lines.push(`${name} can be read by ${value("granted-to").join(", ") || "its owner only"}`);
  if (verb === "updated" && change.read) {
    const [before, after] = change.read;
    for (const [unit, revision] of Object.entries(after)) {
      if (before[unit] !== revision) lines.push(`${unit} reads revision ${revision} of ${name}`);
    }
  }
  return lines;
}
