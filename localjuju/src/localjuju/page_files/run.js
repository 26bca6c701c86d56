"use strict";
// The data of a run: its events in order, and the model and its databags at each event.

// Characters that are invisible or change the direction of text. The page shows their numbers.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function visible(text) {
  const number = (c) => c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  return String(text).replace(UNSEEN, (c) => `⟨U+${number(c)}⟩`);
}

class Run {
  constructor(data, place) {
    this.events = data.events;
    this.commands = data.commands;
    this.name = `Juju ${data.juju}`;
    this.prefix = place ? "b-" : "";
    this.places = new Map();
    this.databags = new Map();
    this.triggered = this.events.map(() => []);
    this.events.forEach((event, at) => this.read(event, at));
  }

  read(event, at) {
    event.at = at;
    event.id = `${this.prefix}${event.why ? "hook" : event.kind}-${event.number}`;
    this.places.set(event.id, at);
    for (const cause of event.why ? event.why.events : []) this.triggered[cause].push(at);
    for (const change of event.seen || []) this.keepDatabag(change, at - 0.5);
    for (const change of event.changes) {
      if (change.kind === "databag-updated") this.keepDatabag(change, at);
    }
  }

  // Stores the content that a databag has from an event on.
  keepDatabag(change, at) {
    const versions = this.databags.get(change.about) || [];
    const data = new Map(versions.length ? versions[versions.length - 1].data : []);
    for (const [key, [, value]] of Object.entries(change.keys)) {
      if (value === null) data.delete(key);
      else data.set(key, value);
    }
    versions.push({ at, data });
    this.databags.set(change.about, versions);
  }

  // Returns the content of a databag before an event.
  databagBefore(name, at) {
    let found = new Map();
    for (const version of this.databags.get(name) || []) {
      if (version.at >= at) break;
      found = version.data;
    }
    return found;
  }

  // Returns the applications, units, relations and secrets after an event.
  modelAfter(at) {
    const model = {
      application: new Map(),
      unit: new Map(),
      relation: new Map(),
      secret: new Map(),
    };
    for (const event of this.events.slice(0, at + 1)) {
      if (event.after) {
        const unit = model.unit.get(event.unit);
        if (unit) unit.status = event.after;
      }
      for (const change of event.changes) applyChange(model, change);
    }
    return model;
  }

  relationName(id) {
    if (!this.relations) {
      this.relations = new Map();
      for (const event of this.events) {
        for (const change of event.changes) {
          if (change.kind !== "relation-added") continue;
          const ends = change.ends.map(([application, endpoint]) => `${application}:${endpoint}`);
          this.relations.set(change.about, ends.join(" – "));
        }
      }
    }
    return this.relations.get(id) || `relation ${id}`;
  }

  // Returns the databags that an event wrote, with the keys that changed.
  written(event) {
    return event.changes.filter(
      (change) => change.kind === "databag-updated" && Object.keys(change.keys).length,
    );
  }
}

function applyChange(model, change) {
  const [kind, verb] = change.kind.split("-");
  const things = model[kind];
  if (!things) return;
  if (verb === "added") {
    things.set(change.about, { ...change });
  } else if (verb === "removed") {
    things.delete(change.about);
  } else {
    const thing = things.get(change.about);
    for (const [name, values] of Object.entries(change)) {
      if (thing && Array.isArray(values)) thing[name] = values[1];
    }
  }
}

function relationOf(event) {
  return event.relation ? event.relation.split(":")[1] : "";
}

// Returns the kind of an event without the endpoint's name: relation-joined, storage-attached.
function kindOf(event) {
  if (event.kind !== "hook") return event.kind;
  const found = /-(relation|storage)-(\w+)$/.exec(`-${event.hook}`);
  return found && (event.relation || event.storage) ? `${found[1]}-${found[2]}` : event.hook;
}

function labelOf(event) {
  if (event.kind === "command") return `juju ${event.text}`;
  if (event.kind === "fault") return event.text;
  const about = [event.relation, event["remote-unit"], event.storage].filter(Boolean);
  if (event.secret) about.push(event["secret-label"] || event.secret);
  return [event.hook, ...about].join(" ");
}

function nameOf(event) {
  if (event.kind === "command") return `Command ${event.number}`;
  if (event.kind === "fault") return `Fault ${event.number}`;
  const kinds = { hook: "Hook", action: "Action, hook", exec: "Exec, hook" };
  return `${kinds[event.kind]} ${event.number}`;
}
