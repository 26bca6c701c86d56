// Invalid settings and their error messages.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { readSettings } from "../settings.js";

const folder = mkdtempSync(join(tmpdir(), "my-node-app-"));
after(() => rmSync(folder, { recursive: true }));

const GOOD = { host: "h", port: 1, uri: "mongodb://u:secret@h/", database: "d", log: "/l" };

function read(text) {
  const path = join(folder, "settings.json");
  writeFileSync(path, text);
  return readSettings(path);
}

test("valid settings are returned unchanged", () => {
  assert.deepEqual(read(JSON.stringify(GOOD)), GOOD);
});

test("an error names the field and contains no value", () => {
  assert.throws(() => readSettings(join(folder, "none.json")), /none\.json: ENOENT/);
  assert.throws(() => read('{"uri": "mongodb://u:secret'), /settings\.json: it is not JSON$/);
  assert.throws(() => read("null"), /host must be/);
  for (const field of Object.keys(GOOD)) {
    for (const value of [undefined, null, "", [], 70000]) {
      const settings = JSON.stringify({ ...GOOD, [field]: value });
      assert.throws(() => read(settings), new RegExp(`settings\\.json, ${field} must be`));
    }
  }
});
