// The application's answers over real HTTP. A fake stores the notes in memory.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { afterEach, beforeEach, test } from "node:test";

import { Busy } from "../limits.js";
import { DatabaseUnavailable } from "../notes.js";
import { answerRequests } from "../requests.js";

class NotesInMemory {
  stored = new Map();
  available = true;

  #checkAvailable() {
    if (this.available) return;
    const cause = new Error("gone");
    throw new DatabaseUnavailable("the database does not answer", { cause });
  }

  async add({ id, text }) {
    this.#checkAvailable();
    const added = !this.stored.has(id);
    if (added) this.stored.set(id, { id, text, created: "2026-01-02T03:04:05.678Z" });
    return { note: this.stored.get(id), added };
  }

  async list(limit) {
    this.#checkAvailable();
    return [...this.stored.values()].reverse().slice(0, limit);
  }

  async check() {
    this.#checkAvailable();
  }
}

let notes, limits, log, server, base;

beforeEach(async () => {
  notes = new NotesInMemory();
  log = [];
  limits = { admit() {} };
  const answer = answerRequests({
    notes,
    limits: { admit: (...request) => limits.admit(...request) },
    log: (level, event, fields) => log.push({ level, event, ...fields }),
    settingsId: () => "settings-1",
  });
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${server.address().port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function post(path, body, headers) {
  return fetch(base + path, { method: "POST", body, headers, redirect: "manual" });
}

function postNote(text, headers = {}) {
  const type = { "Content-Type": "application/json" };
  return post("/api/notes", JSON.stringify({ text }), { ...type, ...headers });
}

function postForm(form) {
  return post("/", new URLSearchParams(form), {});
}

async function assertRefused(response, status, pattern) {
  const { error } = await response.json();
  assert.deepEqual([response.status, pattern.test(error)], [status, true], error);
}

test("posted notes are listed, the newest first", async () => {
  const response = await postNote("one");
  const note = await response.json();
  assert.equal(response.status, 201);
  assert.equal(note.text, "one");
  await postNote("two");
  const { notes: list } = await (await fetch(`${base}/api/notes`)).json();
  assert.deepEqual(list.map((n) => n.text), ["two", "one"]);
  assert.equal(list[1].id, note.id);
  const { notes: newest } = await (await fetch(`${base}/api/notes?limit=1`)).json();
  assert.deepEqual(newest.map((n) => n.text), ["two"]);
});

test("a repeated post with its key is stored once, and the same key with another text is refused", async () => {
  const key = { "Idempotency-Key": "key-1" };
  const first = await postNote("one", key);
  const again = await postNote("one", key);
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.deepEqual(await again.json(), await first.json());
  await assertRefused(await postNote("other", key), 422, /Idempotency-Key/);
  assert.equal(notes.stored.size, 1);
});

for (const [name, body, type, status, pattern] of [
  ["invalid JSON", "{", "application/json", 400, /not JSON/],
  ["JSON null", "null", "application/json", 400, /text/],
  ["no text", "{}", "application/json", 400, /text/],
  ["text that is a number", '{"text": 1}', "application/json", 400, /text/],
  ["blank text", '{"text": " \\n"}', "application/json", 400, /text/],
  ["an incomplete character", '{"text": "\\ud83d"}', "application/json", 400, /incomplete Unicode/],
  ["bytes that are not UTF-8", Buffer.from([0x22, 0xff, 0x22]), "application/json", 400, /UTF-8/],
  ["a long text", JSON.stringify({ text: "x".repeat(1001) }), "application/json", 413, /1000/],
  ["a long body", " ".repeat(16 * 1024 + 1), "application/json", 413, /16384/],
  ["another content type", "{}", "text/plain", 415, /application\/json/],
]) {
  test(`a post of ${name} is refused with ${status}`, async () => {
    await assertRefused(await post("/api/notes", body, { "Content-Type": type }), status, pattern);
    assert.equal(notes.stored.size, 0);
  });
}

test("the longest text and any character are stored unchanged", async () => {
  const text = '</textarea>\u0000"\u{1f600}'.padEnd(1000, "\u20ac");
  assert.equal((await (await postNote(text)).json()).text, text);
});

test("an invalid key is refused", async () => {
  for (const key of ["a b", "x".repeat(101), ""]) {
    await assertRefused(await postNote("x", { "Idempotency-Key": key }), 400, /Idempotency-Key/);
  }
});

test("an invalid limit is refused", async () => {
  for (const limit of ["0", "1001", "1.5", "many"]) {
    await assertRefused(await fetch(`${base}/api/notes?limit=${limit}`), 400, /limit/);
  }
});

test("unknown paths are not found, even if they are names of object properties", async () => {
  for (const path of ["/nothing", "/api/notes/", "/constructor", "/__proto__"]) {
    await assertRefused(await fetch(base + path), 404, /path/);
  }
});

test("a wrong method is refused, and the answer names the allowed methods", async () => {
  for (const [path, allowed] of [["/", "GET, POST"], ["/api/notes", "GET, POST"], ["/health", "GET"]]) {
    const response = await fetch(base + path, { method: "DELETE" });
    assert.equal(response.headers.get("Allow"), allowed);
    await assertRefused(response, 405, /DELETE/);
  }
  assert.equal((await fetch(`${base}/health`, { method: "HEAD" })).status, 200);
});

test("an invalid path is refused", async () => {
  const asked = request({ port: server.address().port, host: "127.0.0.1", path: "http://[" });
  const [response] = await once(asked.end(), "response");
  response.resume();
  assert.equal(response.statusCode, 400);
});

test("the page escapes notes and runs no script", async () => {
  await postNote(`<script>alert("1")</script>&'`);
  const response = await fetch(base);
  const page = await response.text();
  assert.match(page, /&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&amp;&#39;/);
  assert.doesNotMatch(page, /<script/);
  const policy = response.headers.get("Content-Security-Policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /script-src|unsafe/);
  assert.match((await fetch(`${base}/style.css`)).headers.get("Content-Type"), /^text\/css/);
});

test("a form that is sent twice stores its note once", async () => {
  const page = await (await fetch(base)).text();
  const id = /name="id" value="([^"]+)"/.exec(page)[1];
  for (let i = 0; i < 2; i += 1) {
    const response = await postForm({ id, text: "from\r\nthe form" });
    assert.deepEqual([response.status, response.headers.get("Location")], [303, "/"]);
  }
  assert.deepEqual([...notes.stored.values()].map((n) => n.text), ["from\nthe form"]);
});

test("a form that cannot be stored keeps its text and key", async () => {
  notes.available = false;
  const response = await postForm({ id: "form-1", text: 'kept "<" here' });
  const page = await response.text();
  assert.equal(response.status, 503);
  assert.match(page, /try again/);
  assert.match(page, /value="form-1"/);
  assert.match(page, />\nkept &quot;&lt;&quot; here<\/textarea>/);
});

test("a form that is changed after it was stored can be saved as another note", async () => {
  await postForm({ id: "form-1", text: "first" });
  const response = await postForm({ id: "form-1", text: "first and more" });
  const page = await response.text();
  assert.equal(response.status, 422);
  assert.match(page, />\s*first and more<\/textarea>/);
  const [, id] = page.match(/name="id" value="([^"]+)"/);
  assert.notEqual(id, "form-1");
  assert.equal((await postForm({ id, text: "first and more" })).status, 303);
  assert.deepEqual([...notes.stored.values()].map((note) => note.text), ["first", "first and more"]);
});

test("health returns the id of the settings, also when the database does not answer", async () => {
  for (const available of [true, false]) {
    notes.available = available;
    const { settings } = await (await fetch(`${base}/health`)).json();
    assert.equal(settings, "settings-1");
  }
});

test("without memory for a response the status is 503, and the form keeps its text", async () => {
  limits.admit = () => {
    throw new Busy("too many requests at a time");
  };
  const form = await postForm({ id: "form-1", text: "kept here" });
  assert.match(await form.clone().text(), /value="form-1"[^]*>\nkept here<\/textarea>/);
  const refused = [form, await fetch(base), await fetch(`${base}/api/notes`), await postNote("x")];
  for (const response of refused) {
    assert.deepEqual([response.status, response.headers.get("Retry-After")], [503, "1"]);
    assert.match(await response.text(), /too many requests at a time: try again/);
  }
  assert.equal(notes.stored.size, 0);
  assert.equal((await fetch(`${base}/health`)).status, 200);
});

test("a request from a page of another site is refused", async () => {
  for (const headers of [
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
    { "Sec-Fetch-Site": "cross-site", Origin: base },
    { Origin: "null" }, // for example, from a sandboxed frame
    { Origin: "" },
    { Origin: "http://elsewhere.example" },
    { Origin: base.replace(/:\d+$/, ":1") },
    { Origin: `${base}.elsewhere.example` },
  ]) {
    const form = new URLSearchParams({ text: "forged" });
    await assertRefused(await post("/", form, headers), 403, /another site/);
    await assertRefused(await postNote("forged", headers), 403, /another site/);
  }
  assert.equal(notes.stored.size, 0);
});

test("a request from the page itself is accepted, also through a proxy", async () => {
  const page = await fetch(base);
  // With no-referrer, the Origin of the page's own form would be "null".
  assert.equal(page.headers.get("Referrer-Policy"), "same-origin");
  for (const headers of [
    { Origin: base },
    { Origin: "https://notes.example", "Sec-Fetch-Site": "same-origin" },
    { "Sec-Fetch-Site": "none" },
    { Origin: "https://notes.example", "X-Forwarded-Host": "notes.example" },
    { Origin: "http://notes.example:81", "X-Forwarded-Host": "notes.example:81, inner" },
  ]) {
    const response = await post("/", new URLSearchParams({ text: "mine" }), headers);
    assert.equal(response.status, 303, JSON.stringify(headers));
  }
});

test("every response says that the database does not answer, but health logs it only once", async () => {
  assert.equal((await fetch(`${base}/health`)).status, 200);
  notes.available = false;
  await assertRefused(await fetch(`${base}/health`), 503, /does not answer/);
  await assertRefused(await fetch(`${base}/health`), 503, /does not answer/);
  const health = log.map(({ level, event, error }) => [level, event, error]);
  assert.deepEqual(health, [
    ["info", "database answers", undefined],
    ["warning", "database does not answer", "Error: gone"],
  ]);
  const response = await postNote("x");
  assert.equal(response.headers.get("Retry-After"), "5");
  await assertRefused(response, 503, /try again/);
  await assertRefused(await fetch(`${base}/api/notes`), 503, /try again/);
  assert.equal((await fetch(base)).status, 503);
});

test("a bug gives status 500, and only the log has the details", async () => {
  notes.list = async () => {
    throw new TypeError("mongodb://user:secret@host is broken");
  };
  const response = await fetch(`${base}/api/notes`);
  await assertRefused(response, 500, /^the application has a bug: see its log$/);
  const [failure, logged] = log;
  assert.equal(failure.error, "TypeError: mongodb://***@host is broken");
  assert.deepEqual([logged.method, logged.path, logged.status], ["GET", "/api/notes", 500]);
});

test("an incomplete body stores nothing", async () => {
  const asked = request(`${base}/api/notes`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Content-Length": 100 },
  });
  asked.on("error", () => {}); // The test closes the connection itself.
  const received = once(server, "request");
  asked.write('{"text": "ha');
  const [, response] = await received;
  const closed = once(response, "close");
  asked.destroy();
  await closed;
  assert.equal(notes.stored.size, 0);
  assert.equal((await fetch(`${base}/health`)).status, 200);
});
