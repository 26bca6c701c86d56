// The log: one JSON object per line, in a file that log forwarders can follow.

import { appendFileSync } from "node:fs";

/**
 * Append one line to `file`: the time, the level, the event and more `fields`.
 *
 * The file is opened for each line, so log rotation needs no signal. If the line cannot be written,
 * it goes to standard error.
 */
export function writeLog(file, level, event, fields = {}) {
  const line = JSON.stringify({ time: new Date().toISOString(), level, event, ...fields });
  try {
    appendFileSync(file, `${line}\n`, { mode: 0o644 });
  } catch (error) {
    console.error(`cannot write the log: ${error.message}: ${line}`);
  }
}

/** Return an error's name and message for the log, without credentials. */
export function describe(error) {
  return `${error.name}: ${error.message}`.replace(/\/\/[^@/\s]*@/g, "//***@");
}
