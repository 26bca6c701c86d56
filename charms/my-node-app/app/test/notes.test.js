// Errors that a real database does not return on demand: the collection is a fake.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Collection } from "mongodb";

import { Notes } from "../notes.js";

test("a note that was stored by a failed try is reported as added", async () => {
  const stored = new Map();
  let tries = 0;
  mock.method(Collection.prototype, "createIndex", async () => {});
  mock.method(Collection.prototype, "findOneAndUpdate", async ({ _id }, { $setOnInsert }) => {
    const updatedExisting = stored.has(_id);
    if (!updatedExisting) stored.set(_id, { _id, ...$setOnInsert });
    tries += 1;
    if (tries === 1) throw new Error("waiting for replication timed out");
    return { value: stored.get(_id), lastErrorObject: { updatedExisting } };
  });
  const notes = new Notes();
  notes.use({ uri: "mongodb://127.0.0.1:1/", database: "notes" });
  const { added } = await notes.add({ id: "one", text: "text" });
  assert.deepEqual([added, tries], [true, 2]);
  const again = await notes.add({ id: "one", text: "text" });
  assert.equal(again.added, false);
  await notes.close();
  mock.restoreAll();
});
