// The notes in a MongoDB collection. No other file uses the database.

import { setTimeout as pause } from "node:timers/promises";
import { MongoClient } from "mongodb";

// Time limits of the database, in milliseconds. The election of a new primary takes up to 12 s, so
// a write is retried for longer than that.
const SELECT_SERVER = 2_000;
const ACKNOWLEDGE = 5_000;
const SOCKET = 10_000;
const TRY_WRITE = 25_000;
const BETWEEN_TRIES = 200;

/** The database did not answer in time. `cause` is the last error. */
export class DatabaseUnavailable extends Error {
  name = "DatabaseUnavailable";
}

export class Notes {
  #connection = null;

  /** True when the application stops: failed writes are not retried. */
  stopping = false;

  /**
   * Use another server, database or user. This does not wait: the driver connects for the first
   * operation. Earlier operations finish on the old connection.
   *
   * Throws if `uri` is not a connection string. The old connection then stays.
   */
  use({ uri, database }) {
    const client = new MongoClient(uri, {
      appName: "my-node-app",
      readConcernLevel: "majority", // Never show a note that a failover could roll back.
      writeConcern: { w: "majority", wtimeoutMS: ACKNOWLEDGE },
      retryReads: true,
      retryWrites: true,
      connectTimeoutMS: SELECT_SERVER,
      serverSelectionTimeoutMS: SELECT_SERVER,
      socketTimeoutMS: SOCKET,
      waitQueueTimeoutMS: SOCKET,
    });
    const old = this.#connection;
    const collection = client.db(database).collection("notes");
    this.#connection = { client, collection, operations: 0 };
    // `list` sorts in this order. Without the index it is slower, but it works.
    collection.createIndex({ created: -1 }).catch(() => {});
    if (old !== null) void this.#closeIfUnused(old);
  }

  /**
   * Store a note and return `{ note, added }`. If there is already a note with this `id`, `added` is
   * false and `note` is the stored one.
   *
   * The write survives a failover. The idempotency key is the unique `_id`, so a retry does not lose
   * or duplicate the note. The write always waits for the acknowledgement of a majority. Throws
   * DatabaseUnavailable after TRY_WRITE.
   */
  async add({ id, text }) {
    const created = new Date();
    let tried = false;
    const deadline = Date.now() + TRY_WRITE;
    for (;;) {
      try {
        const { value, lastErrorObject } = await this.#run((collection) =>
          collection.findOneAndUpdate(
            { _id: id },
            { $setOnInsert: { text, created } },
            { upsert: true, returnDocument: "after", includeResultMetadata: true },
          ),
        );
        // An earlier try of this call may have stored the note, although it failed.
        const storedByEarlierTry = tried && value.created.getTime() === created.getTime();
        return { note: asNote(value), added: storedByEarlierTry || !lastErrorObject.updatedExisting };
      } catch (error) {
        tried = true;
        // Retry after any error. Also retry after an authentication error, because the credentials
        // may just have been rotated. The next try may use another primary or another connection.
        if (this.stopping || Date.now() > deadline) {
          throw new DatabaseUnavailable("the database did not confirm the note", { cause: error });
        }
        await pause(BETWEEN_TRIES);
      }
    }
  }

  /** Return at most `limit` notes, the newest first. Throws DatabaseUnavailable. */
  async list(limit) {
    const found = await this.#read((collection) =>
      collection.find().sort({ created: -1, _id: 1 }).limit(limit).toArray(),
    );
    return found.map(asNote);
  }

  /** Throw DatabaseUnavailable if the notes cannot be read from the primary. */
  async check() {
    await this.#read((collection) => collection.findOne({}, { projection: { _id: 1 } }));
  }

  /** Close the connection when its operations have finished. */
  async close() {
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await this.#closeIfUnused(connection);
  }

  async #read(operation) {
    try {
      return await this.#run(operation);
    } catch (error) {
      throw new DatabaseUnavailable("the database does not answer", { cause: error });
    }
  }

  async #run(operation) {
    const connection = this.#connection;
    if (connection === null) throw new Error("there is no connection");
    connection.operations += 1;
    try {
      return await operation(connection.collection);
    } finally {
      connection.operations -= 1;
      if (connection !== this.#connection) await this.#closeIfUnused(connection);
    }
  }

  async #closeIfUnused(connection) {
    if (connection.operations === 0) await connection.client.close().catch(() => {});
  }
}

function asNote({ _id, text, created }) {
  return { id: _id, text, created: created.toISOString() };
}
