// The log: one JSON object a line, appended to a file that log forwarders may follow.

import { appendFileSync } from "node:fs";

/**
 * Append one line to `file`: when, how grave, what happened, and further `fields`.
 *
 * Each line opens the file anew, so a rotated or removed log needs no signal. A line that cannot
 * be written goes to standard error, and the application goes on.
 */
export function writeLog(file, level, event, fields = {}) {
  const line = JSON.stringify({ time: new Date().toISOString(), level, event, ...fields });
  try {
    appendFileSync(file, `${line}\n`, { mode: 0o644 });
  } catch (error) {
    console.error(`cannot write the log: ${error.message}: ${line}`);
  }
}

/** Return what the log may say of an error: its name and message, without any credentials. */
export function describe(error) {
  return `${error.name}: ${error.message}`.replace(/\/\/[^@/\s]*@/g, "//***@");
}
