// Run the application: node server.js SETTINGS
//
// At SIGHUP it reads its settings again. It ignores invalid settings, and drops no request.
// At SIGTERM or SIGINT it answers its open requests, and then exits with 0.

import { once } from "node:events";
import { createServer } from "node:http";

import { Limits, TIMEOUTS } from "./limits.js";
import { describe, writeLog } from "./log.js";
import { Notes } from "./notes.js";
import { answerRequests } from "./requests.js";
import { readSettings } from "./settings.js";

// In milliseconds. It must be shorter than TimeoutStopSec, after which systemd kills the
// application.
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

let reloaded = Promise.resolve(); // Reloads run one after the other.
process.on("SIGHUP", () => (reloaded = reloaded.then(reload)));
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

function log(level, event, fields) {
  writeLog(settings.log, level, event, fields);
}

/** Use the settings `next`. On an error, keep the current settings and throw. */
async function use(next) {
  const old = server;
  const sameAddress = next.host === settings?.host && next.port === settings?.port;
  const listener = sameAddress ? old : await listen(next);
  try {
    notes.use(next);
  } catch (error) {
    if (!sameAddress) listener.close();
    throw error;
  }
  settings = next;
  server = listener;
  if (sameAddress) return;
  old?.close();
  old?.closeIdleConnections();
}

async function listen({ host, port }) {
  const listener = createServer(TIMEOUTS);
  limits.serve(listener, answer);
  listener.listen(port, host);
  await once(listener, "listening"); // Rejects on "error", for example if the port is in use.
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
  // Close idle connections, because their clients may never send another request.
  setInterval(() => server.closeIdleConnections(), 50);
  // A client may never finish its request, and a closing server ignores requestTimeout.
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
