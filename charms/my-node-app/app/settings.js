// The settings: a JSON file that the charm writes. It contains the database's password, so only its
// path is on the command line.

import { readFileSync } from "node:fs";

/**
 * Read and check the settings: `host` (an address of this machine), `port`, `uri` (of MongoDB),
 * `database` and `log` (the log file).
 *
 * Throws an Error that names the file and the field. It contains no value.
 */
export function readSettings(path) {
  let settings;
  try {
    settings = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "it is not JSON" : error.code;
    throw new Error(`cannot read the settings ${path}: ${reason}`);
  }
  for (const field of ["host", "uri", "database", "log"]) {
    if (typeof settings?.[field] !== "string" || settings[field] === "") {
      throw new Error(`in the settings ${path}, ${field} must be a string that is not empty`);
    }
  }
  if (!Number.isInteger(settings.port) || settings.port < 1 || settings.port > 65535) {
    throw new Error(`in the settings ${path}, port must be a number from 1 to 65535`);
  }
  return settings;
}
