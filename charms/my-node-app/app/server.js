// Run the application: node server.js SETTINGS
//
// SIGHUP reads the settings again and keeps what cannot be used out; no request is dropped.
// SIGTERM and SIGINT answer the requests under way, then end with 0.

import { once } from "node:events";
import { createServer } from "node:http";

import { Limits, TIMEOUTS } from "./limits.js";
import { describe, writeLog } from "./log.js";
import { Notes } from "./notes.js";
import { answerRequests } from "./requests.js";
import { readSettings } from "./settings.js";

// A write ends sooner, and systemd ends the application only later; in milliseconds.
const LONGEST_STOP = 15_000;

const path = process.argv[2];
if (path === undefined) fail("usage: node server.js SETTINGS");

const notes = new Notes();
const limits = new Limits();
const answer = answerRequests({ notes, limits, log, settingsId: () => settings.id });
let settings;
let server;
try {
  await use(readSettings(path));
} catch (error) {
  fail(describe(error));
}
log("info", "started", { host: settings.host, port: settings.port });

let reloaded = Promise.resolve(); // one reload after the other
process.on("SIGHUP", () => (reloaded = reloaded.then(reload)));
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

function log(level, event, fields) {
  writeLog(settings.log, level, event, fields);
}

/** Run with the settings `next`, or else throw, and run on as before. */
async function use(next) {
  const old = server;
  const stays = next.host === settings?.host && next.port === settings?.port;
  const listener = stays ? old : await listen(next);
  try {
    notes.use(next);
  } catch (error) {
    if (!stays) listener.close();
    throw error;
  }
  settings = next;
  server = listener;
  if (stays) return;
  old?.close();
  old?.closeIdleConnections();
}

async function listen({ host, port }) {
  const listener = createServer(TIMEOUTS);
  limits.serve(listener, answer);
  listener.listen(port, host);
  await once(listener, "listening"); // rejects on "error": the port is in use, and the like
  return listener;
}

async function reload() {
  try {
    await use(readSettings(path));
    log("info", "reloaded", { host: settings.host, port: settings.port });
  } catch (error) {
    log("error", "cannot use the new settings", { error: describe(error) });
  }
}

async function stop(signal) {
  log("info", "stopping", { signal });
  notes.stopping = true;
  server.close();
  // A connection is idle as soon as its answer is sent; left alone, it would wait for more.
  setInterval(() => server.closeIdleConnections(), 50);
  // A request that is never sent to its end: Node enforces no requestTimeout any more.
  setTimeout(() => server.closeAllConnections(), LONGEST_STOP);
  await once(server, "close");
  await notes.close();
  log("info", "stopped");
  process.exit(0);
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
