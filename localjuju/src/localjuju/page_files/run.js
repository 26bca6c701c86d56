"use strict";
// A run as data: events in order, and what the model and its databags were at each of them.

// Characters that would not be seen, or that turn text around: they are shown by their numbers.
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
    this.bags = new Map();
    this.woken = this.events.map(() => []);
    this.events.forEach((event, at) => this.read(event, at));
  }

  read(event, at) {
    event.at = at;
    event.id = `${this.prefix}${event.kind === "command" ? "command" : "hook"}-${event.number}`;
    this.places.set(event.id, at);
    for (const cause of event.why ? event.why.events : []) this.woken[cause].push(at);
    for (const change of event.seen || []) this.keepBag(change, at - 0.5);
    for (const change of event.changes) {
      if (change.kind === "databag-updated") this.keepBag(change, at);
    }
  }

  // Keeps what a databag holds from an event on.
  keepBag(change, at) {
    const versions = this.bags.get(change.about) || [];
    const data = new Map(versions.length ? versions[versions.length - 1].data : []);
    for (const [key, [, value]] of Object.entries(change.keys)) {
      if (value === null) data.delete(key);
      else data.set(key, value);
    }
    versions.push({ at, data });
    this.bags.set(change.about, versions);
  }

  // The data of a databag as an event found it.
  bagBefore(name, at) {
    let found = new Map();
    for (const version of this.bags.get(name) || []) {
      if (version.at >= at) break;
      found = version.data;
    }
    return found;
  }

  // The applications, units and relations after an event.
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

  // The databags that an event wrote, and the keys in them.
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

// The kind of an event without the endpoint's name: relation-joined, storage-attached.
function kindOf(event) {
  if (event.kind !== "hook") return event.kind;
  const found = /-(relation|storage)-(\w+)$/.exec(`-${event.hook}`);
  return found && (event.relation || event.storage) ? `${found[1]}-${found[2]}` : event.hook;
}

function labelOf(event) {
  if (event.kind === "command") return `juju ${event.text}`;
  const about = [event.relation, event["remote-unit"], event.storage].filter(Boolean);
  if (event.secret) about.push(event["secret-label"] || event.secret);
  return [event.hook, ...about].join(" ");
}

function nameOf(event) {
  if (event.kind === "command") return `Command ${event.number}`;
  const kinds = { hook: "Hook", action: "Action, hook", exec: "Exec, hook" };
  return `${kinds[event.kind]} ${event.number}`;
}
