// Limits, so that nobody who opens sockets can fill the memory or keep everybody else out.
//
// A connection that waits for its client costs little, so there may be many. An answer may hold a
// thousand notes, and keeps them until its client has taken it, so there may be few. Where there
// is no room for more, the client that has kept the application waiting longest is let go.

/** How long a client may take to send something, in milliseconds: options of createServer. */
export const TIMEOUTS = {
  headersTimeout: 10_000, // the head of a request
  requestTimeout: 30_000, // the whole request
  keepAliveTimeout: 5_000, // the next request
  connectionsCheckingInterval: 1_000,
};

const DEFAULTS = {
  connections: 500,
  notes: 2_000, // in all answers that are being made, or not taken yet
  pipelined: 10, // requests of one connection that have no answer yet
  takeAnswer: 20_000, // milliseconds until a client must have taken its answer
  patience: 1, // the same while another one needs the room, for each note that it is to hold
};

const CONNECTION = Symbol("what is known of a socket's connection");

/** There is no room for another answer. */
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

  /** Have `answer(request, response)` answer the requests that `server` gets, within the limits. */
  serve(server, answer) {
    server.on("connection", (socket) => this.#connect(socket));
    server.on("request", (request, response) => {
      const connection = request.socket[CONNECTION];
      connection.requests += 1;
      if (connection.requests > this.#limits.pipelined) {
        request.socket.destroy(); // an answer would have to wait for those before it
        return;
      }
      connection.turn = connection.turn.then(() =>
        this.#takeTurn(connection, response, () => answer(request, response)),
      );
    });
  }

  /**
   * Make room for the answer to `request`, which may hold so many notes, before it costs anything.
   * Throws Busy.
   */
  admit(request, notes) {
    const connection = request.socket[CONNECTION];
    this.#release(connection);
    while (this.#notes + notes > this.#limits.notes) {
      const slowest = this.#longestWaiting(({ notes }) => notes > 0);
      const enough = notes * this.#limits.patience;
      if (slowest === undefined || performance.now() - slowest.waitsSince < enough) {
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
      requests: 0, // without an answer
      turn: Promise.resolve(), // when their answers are taken
      notes: 0, // that the answer under way may hold
      taken: () => {}, // to be called when the answer under way is taken, or never will be
      waitsSince: performance.now(), // for its client; Infinity: its client waits for us
    };
    socket[CONNECTION] = connection;
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#connections.delete(connection);
      connection.taken();
    });
  }

  async #takeTurn(connection, response, answer) {
    const { socket } = connection;
    if (!socket.destroyed) {
      const taken = new Promise((resolve) => (connection.taken = resolve));
      response.once("close", connection.taken);
      await answer();
      connection.waitsSince = performance.now();
      const timer = setTimeout(() => socket.destroy(), this.#limits.takeAnswer);
      await taken;
      clearTimeout(timer);
    }
    this.#release(connection);
    connection.requests -= 1;
  }

  /** Return the connection that waits longest for its client, or undefined if none does. */
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
    // At once: the event "close" may come later than the next connection.
    this.#connections.delete(connection);
    this.#release(connection);
    connection.socket.destroy();
  }
}
