// The notes, in a MongoDB collection. The only file that knows the database.

import { setTimeout as pause } from "node:timers/promises";
import { MongoClient } from "mongodb";

// How long an unanswered question to the database may take, in milliseconds. A new primary is
// elected within about 12 s: one write is tried for longer than that.
const SELECT_SERVER = 2_000;
const ACKNOWLEDGE = 5_000;
const SOCKET = 10_000;
const TRY_WRITE = 25_000;
const BETWEEN_TRIES = 200;

/** The database did not answer in time; `cause` is its last error. */
export class DatabaseAway extends Error {
  name = "DatabaseAway";
}

export class Notes {
  #connection = null;

  /** Set to true when the application is about to end: what fails is not tried again. */
  stopping = false;

  /**
   * Talk to another server, database or user from now on. Never waits: the driver connects when
   * it is first asked. What is under way on the old connection is finished there.
   *
   * Throws when `uri` is no connection string; the old connection then stays.
   */
  use({ uri, database }) {
    const client = new MongoClient(uri, {
      appName: "my-node-app",
      readConcernLevel: "majority", // never show a note that a failover could take back
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
    this.#connection = { client, collection, users: 0 };
    // The list is in this order. Without the index it is the same list, only slower.
    collection.createIndex({ created: -1 }).catch(() => {});
    if (old !== null) void this.#closeUnused(old);
  }

  /**
   * Store a note and return `{ note, added }`; `added` is false if a note with this `id` was
   * there already, and `note` is then the one that is stored.
   *
   * It survives a failover: `_id` is the idempotency key, unique in the collection, so trying the
   * same write again neither loses nor doubles the note. The acknowledgement of the majority is
   * awaited even if the note is already there. Throws DatabaseAway when time is up.
   */
  async add({ id, text }) {
    const created = new Date();
    let tried = false;
    const deadline = Date.now() + TRY_WRITE;
    for (;;) {
      try {
        const { value, lastErrorObject } = await this.#ask((collection) =>
          collection.findOneAndUpdate(
            { _id: id },
            { $setOnInsert: { text, created } },
            { upsert: true, returnDocument: "after", includeResultMetadata: true },
          ),
        );
        // What is there already may be from a try of this very call that was not answered.
        const ours = tried && value.created.getTime() === created.getTime();
        return { note: asNote(value), added: ours || !lastErrorObject.updatedExisting };
      } catch (error) {
        tried = true;
        // Whatever the error is, credentials that were just rotated included, the next try may
        // find another primary or another connection.
        if (this.stopping || Date.now() > deadline) {
          throw new DatabaseAway("the database did not confirm the note", { cause: error });
        }
        await pause(BETWEEN_TRIES);
      }
    }
  }

  /** Return the newest notes, at most `limit` of them. Throws DatabaseAway. */
  async list(limit) {
    const found = await this.#read((collection) =>
      collection.find().sort({ created: -1, _id: 1 }).limit(limit).toArray(),
    );
    return found.map(asNote);
  }

  /** Return quietly if the notes can be read from the primary. Throws DatabaseAway. */
  async check() {
    await this.#read((collection) => collection.findOne({}, { projection: { _id: 1 } }));
  }

  /** Close the connection, when what is under way on it has ended. */
  async close() {
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await this.#closeUnused(connection);
  }

  async #read(question) {
    try {
      return await this.#ask(question);
    } catch (error) {
      throw new DatabaseAway("the database is away", { cause: error });
    }
  }

  async #ask(question) {
    const connection = this.#connection;
    if (connection === null) throw new Error("there is no connection");
    connection.users += 1;
    try {
      return await question(connection.collection);
    } finally {
      connection.users -= 1;
      if (connection !== this.#connection) await this.#closeUnused(connection);
    }
  }

  async #closeUnused(connection) {
    if (connection.users === 0) await connection.client.close().catch(() => {});
  }
}

function asNote({ _id, text, created }) {
  return { id: _id, text, created: created.toISOString() };
}
