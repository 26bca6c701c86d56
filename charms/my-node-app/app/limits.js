// Limits that protect the memory, so that a client with many connections cannot lock out the
// others.
//
// A connection that waits for its client needs little memory, so many are allowed. A response can
// hold a thousand notes until its client has read it, so few are allowed. If a limit is reached,
// the connection that has waited longest for its client is closed.

/** How long a client may take to send something, in milliseconds: options of createServer. */
export const TIMEOUTS = {
  headersTimeout: 10_000, // the headers of a request
  requestTimeout: 30_000, // the whole request
  keepAliveTimeout: 5_000, // the next request
  connectionsCheckingInterval: 1_000,
};

const DEFAULTS = {
  connections: 500,
  notes: 2_000, // in all responses that are not sent completely
  pipelined: 10, // unanswered requests of one connection
  readResponse: 20_000, // milliseconds in which a client must read its response
  // For a new response, a connection may be closed if its client still reads after this many
  // milliseconds for each note of the new response.
  patience: 1,
};

const CONNECTION = Symbol("state of a socket's connection");

/** There is no memory for another response. */
export class Busy extends Error {
  name = "Busy";
}

export class Limits {
  #limits;
  #connections = new Set();
  #notes = 0;

  constructor(limits = {}) {
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /** Let `answer(request, response)` answer the requests of `server`, within the limits. */
  serve(server, answer) {
    server.on("connection", (socket) => this.#connect(socket));
    server.on("request", (request, response) => {
      const connection = request.socket[CONNECTION];
      connection.requests += 1;
      if (connection.requests > this.#limits.pipelined) {
        request.socket.destroy(); // too many requests without reading the responses
        return;
      }
      connection.turn = connection.turn.then(() =>
        this.#takeTurn(connection, response, () => answer(request, response)),
      );
    });
  }

  /**
   * Reserve memory for the response to `request`, which may hold up to `notes` notes.
   * Throws Busy if there is not enough memory.
   */
  admit(request, notes) {
    const connection = request.socket[CONNECTION];
    this.#release(connection);
    while (this.#notes + notes > this.#limits.notes) {
      const slowest = this.#longestWaiting((other) => other.notes > 0);
      const patience = notes * this.#limits.patience;
      if (slowest === undefined || performance.now() - slowest.waitsSince < patience) {
        throw new Busy("too many requests at a time");
      }
      this.#close(slowest);
    }
    this.#notes += notes;
    connection.notes = notes;
    connection.waitsSince = Infinity;
  }

  #connect(socket) {
    if (this.#connections.size >= this.#limits.connections) {
      const longest = this.#longestWaiting();
      if (longest === undefined) {
        socket.destroy();
        return;
      }
      this.#close(longest);
    }
    const connection = {
      socket,
      requests: 0, // unanswered
      turn: Promise.resolve(), // resolves when the last of these requests is answered
      notes: 0, // reserved for the current response
      endTurn: () => {}, // to call when the current response is sent, or its client has gone
      // Since when it waits for its client. Infinity: its client waits for the application.
      waitsSince: performance.now(),
    };
    socket[CONNECTION] = connection;
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#connections.delete(connection);
      connection.endTurn();
    });
  }

  async #takeTurn(connection, response, answer) {
    const { socket } = connection;
    if (!socket.destroyed) {
      const turnEnds = new Promise((resolve) => (connection.endTurn = resolve));
      response.once("close", connection.endTurn);
      await answer();
      connection.waitsSince = performance.now();
      const timer = setTimeout(() => socket.destroy(), this.#limits.readResponse);
      await turnEnds;
      clearTimeout(timer);
    }
    this.#release(connection);
    connection.requests -= 1;
  }

  /** Return the connection that has waited longest for its client, or undefined. */
  #longestWaiting(condition = () => true) {
    let longest;
    for (const connection of this.#connections) {
      const since = longest?.waitsSince ?? Infinity;
      if (connection.waitsSince < since && condition(connection)) longest = connection;
    }
    return longest;
  }

  #release(connection) {
    this.#notes -= connection.notes;
    connection.notes = 0;
  }

  #close(connection) {
    // Do not wait for the event "close": the next connection may come before it.
    this.#connections.delete(connection);
    this.#release(connection);
    connection.socket.destroy();
  }
}
