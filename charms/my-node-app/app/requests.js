// Answers HTTP requests. It uses `notes`, and does not know the database.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import { Busy } from "./limits.js";
import { describe } from "./log.js";
import { DatabaseUnavailable } from "./notes.js";
import { renderPage } from "./page.js";

const MAX_BODY = 16 * 1024; // bytes
const MAX_TEXT = 1_000; // characters, counted like the browser's maxlength
const PAGE_LENGTH = 50;
const LIST_LENGTH = 100;
const MAX_LIST_LENGTH = 1_000;

const STYLE = readFileSync(new URL("style.css", import.meta.url));

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  // Not "no-referrer": the browser would then send no Origin with the page's own form.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
};

/** The request is refused with `status` and a message for the client. */
class HttpError extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Return a function that answers requests with the `notes`, within the `limits`, and writes to `log`.
 * `settingsId` returns the id of the settings that the application uses.
 */
export function answerRequests({ notes, limits, log, settingsId }) {
  const routes = {
    "/": { GET: showPage, POST: submitForm },
    "/style.css": { GET: showStyle },
    "/api/notes": { GET: listNotes, POST: createNote },
    "/health": { GET: showHealth },
  };
  let healthy = null;

  return async (request, response) => {
    const start = performance.now();
    let path = "";
    try {
      const url = readTarget(request);
      path = url.pathname;
      const route = chooseRoute(path, request.method);
      if (request.method === "POST") refuseCrossSite(request);
      await route(request, response, url);
    } catch (error) {
      sendError(response, error);
    }
    if (path !== "/health") {
      const { method } = request;
      const ms = Math.round(performance.now() - start);
      log("info", "request", { method, path: path.slice(0, 200), status: response.statusCode, ms });
    }
  };

  function chooseRoute(path, method) {
    if (!Object.hasOwn(routes, path)) throw new HttpError(404, "there is nothing at this path");
    const methods = routes[path];
    const wantedMethod = method === "HEAD" ? "GET" : method; // Node omits the body of a HEAD response.
    if (!Object.hasOwn(methods, wantedMethod)) {
      const allowed = Object.keys(methods).join(", ");
      throw new HttpError(405, `${method} is not allowed here. Allowed: ${allowed}`, { Allow: allowed });
    }
    return methods[wantedMethod];
  }

  async function showPage(request, response) {
    await sendPage(request, response, 200, {});
  }

  async function submitForm(request, response) {
    const form = new URLSearchParams(
      await readBody(request, "application/x-www-form-urlencoded"),
    );
    // Browsers send line breaks as CR LF.
    const text = (form.get("text") ?? "").replaceAll("\r\n", "\n");
    const id = form.get("id") || randomUUID();
    try {
      limits.admit(request, 1);
      const { note } = await notes.add(checkNote(id, text));
      if (note.text !== text) {
        // The note was stored without an answer. Then the user changed the text and sent it again.
        const problem = "An earlier version of this note is saved. Send this one again to save both.";
        await sendPage(request, response, 422, { text, problem });
        return;
      }
    } catch (error) {
      const problem = errorResponse(error, log);
      await sendPage(request, response, problem.status, { id, text, problem: problem.message });
      return;
    }
    // Redirect to a GET, so that a reload does not send the form again.
    send(response, 303, "", { Location: "/" });
  }

  async function sendPage(request, response, status, form) {
    let list = null;
    let headers = {};
    try {
      limits.admit(request, PAGE_LENGTH);
      list = await notes.list(PAGE_LENGTH);
    } catch (error) {
      const problem = errorResponse(error, log);
      status = problem.status;
      headers = problem.headers;
      form = { problem: problem.message, ...form };
    }
    const page = renderPage({ id: randomUUID(), ...form, notes: list, maxLength: MAX_TEXT });
    send(response, status, page, { ...headers, "Content-Type": "text/html; charset=utf-8" });
  }

  function showStyle(request, response) {
    send(response, 200, STYLE, { "Content-Type": "text/css; charset=utf-8" });
  }

  async function listNotes(request, response, url) {
    const limit = Number(url.searchParams.get("limit") ?? LIST_LENGTH);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIST_LENGTH) {
      throw new HttpError(400, `limit must be a number from 1 to ${MAX_LIST_LENGTH}`);
    }
    limits.admit(request, limit);
    sendJson(response, 200, { notes: await notes.list(limit) });
  }

  async function createNote(request, response) {
    const body = await readBody(request, "application/json");
    let sent;
    try {
      sent = JSON.parse(body);
    } catch {
      throw new HttpError(400, "the body is not JSON");
    }
    const key = request.headers["idempotency-key"] ?? randomUUID();
    limits.admit(request, 1);
    const { note, added } = await notes.add(checkNote(key, sent?.text));
    if (note.text !== sent.text) {
      throw new HttpError(422, "this Idempotency-Key was used for another note");
    }
    sendJson(response, added ? 201 : 200, note);
  }

  async function showHealth(request, response) {
    let problem = null;
    try {
      await notes.check();
    } catch (error) {
      problem = error;
    }
    // Checks are frequent, so log only changes.
    if (healthy !== (problem === null)) {
      healthy = problem === null;
      if (healthy) log("info", "database answers");
      else log("warning", "database does not answer", { error: describe(problem.cause ?? problem) });
    }
    const settings = settingsId();
    if (healthy) sendJson(response, 200, { status: "ok", settings });
    else sendJson(response, 503, { error: "the database does not answer", settings });
  }

  function sendError(response, error) {
    const { status, message, headers } = errorResponse(error, log);
    if (response.headersSent) response.destroy();
    else sendJson(response, status, { error: message }, headers);
  }
}

function readTarget(request) {
  try {
    return new URL(request.url, "http://localhost");
  } catch {
    throw new HttpError(400, "the path is not valid");
  }
}

/**
 * Refuse a request that a page of another site makes a browser send (CSRF). Browsers tell where a
 * request comes from. Other clients may leave these headers out.
 */
function refuseCrossSite({ headers }) {
  const { host, origin, "sec-fetch-site": site, "x-forwarded-host": forwarded = "" } = headers;
  let same = true;
  if (site !== undefined) {
    same = site === "same-origin" || site === "none"; // "none": the user typed the address.
  } else if (origin !== undefined) {
    // Over plain HTTP browsers send no Sec-Fetch-Site. If a proxy changes Host, the original is in
    // X-Forwarded-Host, which a page cannot set.
    const ownHosts = [host, ...forwarded.split(/\s*,\s*/)];
    same = ownHosts.some((name) => [`http://${name}`, `https://${name}`].includes(origin));
  }
  if (!same) throw new HttpError(403, "the request comes from another site");
}

/** Return the body as text. Refuse a wrong content type, a long body and invalid UTF-8. */
async function readBody(request, contentType) {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type !== contentType) throw new HttpError(415, `the content type must be ${contentType}`);
  const chunks = [];
  let size = 0;
  // Read a long body to its end without storing it: a client reads no response while it sends.
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    }
  } catch {
    throw new HttpError(400, "the body is incomplete");
  }
  if (size > MAX_BODY) throw new HttpError(413, `the body must be at most ${MAX_BODY} bytes long`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new HttpError(400, "the body is not UTF-8");
  }
}

/** Return `{ id, text }` if both are valid. */
function checkNote(id, text) {
  if (!/^[\w.-]{1,100}$/.test(id)) {
    throw new HttpError(400, "Idempotency-Key must be 1 to 100 letters, digits, dots, dashes or underscores");
  }
  if (typeof text !== "string" || text.trim() === "") {
    throw new HttpError(400, "text must be a string that is not empty");
  }
  if (text.length > MAX_TEXT) {
    throw new HttpError(413, `text must be at most ${MAX_TEXT} characters long`);
  }
  if (/\p{Surrogate}/u.test(text)) throw new HttpError(400, "text has an incomplete Unicode character");
  return { id, text };
}

/** Return the response to an error. Log the error, unless the client caused it. */
function errorResponse(error, log) {
  if (error instanceof HttpError) return error;
  if (error instanceof Busy) {
    return { status: 503, message: `${error.message}: try again`, headers: { "Retry-After": "1" } };
  }
  if (error instanceof DatabaseUnavailable) {
    log("warning", "database does not answer", { error: describe(error.cause) });
    const message = `${error.message}: try again`;
    return { status: 503, message, headers: { "Retry-After": "5" } };
  }
  log("error", "internal error", { error: describe(error) });
  return { status: 500, message: "the application has a bug: see its log", headers: {} };
}

function send(response, status, body, headers) {
  response.writeHead(status, { ...HEADERS, ...headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function sendJson(response, status, value, headers = {}) {
  const type = { "Content-Type": "application/json; charset=utf-8" };
  send(response, status, `${JSON.stringify(value)}\n`, { ...type, ...headers });
}
