// The limits over real connections, with a listener that the test controls.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { afterEach, test } from "node:test";

import { Busy, Limits } from "../limits.js";

const GET = "GET / HTTP/1.1\r\nHost: notes\r\n\r\n";
const BIG = Buffer.alloc(32 * 1024 * 1024); // more than the kernel keeps for a socket

let server;
let sockets = [];

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server.close();
  server.closeAllConnections();
});

/** Start a server that reserves memory for each request, and then calls `respond`. */
async function start(limits, respond) {
  const used = new Limits(limits);
  server = createServer();
  used.serve(server, async (request, response) => {
    try {
      used.admit(request, 1);
      await respond(request, response);
    } catch (error) {
      assert.ok(error instanceof Busy);
      response.writeHead(503).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

/** Connect, send `text`, and return the socket. */
async function open(text = "") {
  const socket = connect(server.address().port, "127.0.0.1").on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

/** Return the statuses of the first `count` responses on `socket`. */
async function statuses(socket, count = 1) {
  let received = "";
  const found = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));
  while (found().length < count) {
    const [chunk] = await once(socket, "data");
    received += chunk.toString("latin1");
  }
  return found();
}

/** Wait until the server has closed `socket`. */
async function waitForClose(socket) {
  socket.resume();
  if (!socket.closed) await once(socket, "close");
}

/** Return `respond`, which waits before each response, and a list of functions that end the waits. */
function heldResponses() {
  const waiting = [];
  const respond = async (request, response) => {
    await new Promise((resolve) => waiting.push(resolve));
    response.end("done");
  };
  return { waiting, respond };
}

/** Wait until `condition()` is true. Fail after ten seconds. */
async function until(condition) {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not true within ten seconds: ${condition}`);
    await new Promise(setImmediate);
  }
}

test("pipelined requests are answered in order", async () => {
  let atOnce = 0;
  const order = [];
  await start({}, async (request, response) => {
    atOnce += 1;
    assert.equal(atOnce, 1);
    await new Promise(setImmediate);
    atOnce -= 1;
    order.push(request.url);
    response.end();
  });
  const socket = await open(GET.replace("/", "/1") + GET.replace("/", "/2") + GET.replace("/", "/3"));
  assert.deepEqual(await statuses(socket, 3), [200, 200, 200]);
  assert.deepEqual(order, ["/1", "/2", "/3"]);
});

test("pipelined requests of a closed connection reserve no memory", async () => {
  await start({ notes: 1 }, (request, response) => {
    response.setHeader("Connection", "close");
    response.end();
  });
  await waitForClose(await open(GET + GET));
  assert.deepEqual(await statuses(await open(GET)), [200]);
});

test("a connection with too many pipelined requests is closed", async () => {
  const { waiting, respond } = heldResponses();
  await start({ pipelined: 3 }, respond);
  await waitForClose(await open(GET.repeat(4)));
  const next = await open(GET);
  await until(() => waiting.length > 0);
  waiting.shift()();
  assert.deepEqual(await statuses(next), [200]);
  assert.equal(waiting.length, 0);
});

test("a request without free memory is refused, and accepted later", async () => {
  const { waiting, respond } = heldResponses();
  await start({ notes: 2, pipelined: 1 }, respond);
  const first = await open(GET);
  await open(GET);
  await until(() => waiting.length === 2);
  const third = await open(GET);
  assert.deepEqual(await statuses(third), [503]);
  waiting.shift()();
  assert.deepEqual(await statuses(first), [200]);
  third.write(GET);
  await until(() => waiting.length === 2);
  waiting.pop()();
  assert.deepEqual(await statuses(third), [200]);
});

test("a request of a closed connection keeps its memory until it is answered", async () => {
  const { waiting, respond } = heldResponses();
  await start({ notes: 1 }, respond);
  const gone = await open(GET);
  await until(() => waiting.length === 1);
  const received = once(server, "connection");
  gone.destroy();
  const next = await open(GET);
  await received;
  assert.deepEqual(await statuses(next), [503]);
  waiting.shift()();
});

test("a request keeps its memory too if its connection was closed for too many requests", async () => {
  const { waiting, respond } = heldResponses();
  await start({ notes: 1, pipelined: 2 }, respond);
  const greedy = await open(GET);
  await until(() => waiting.length === 1);
  greedy.write(GET + GET);
  await waitForClose(greedy);
  assert.deepEqual(await statuses(await open(GET)), [503]);
  waiting.shift()();
});

test("the slowest reader is closed when another response needs memory", async () => {
  const answered = [];
  await start({ notes: 2, patience: 300 }, (request, response) => {
    response.end(BIG);
    answered.push(performance.now());
  });
  const idle = await open();
  const slow = await open(GET);
  slow.pause();
  await until(() => answered.length === 1);
  const slower = await open(GET);
  slower.pause();
  await until(() => answered.length === 2);
  assert.deepEqual(await statuses(await open(GET)), [503]);
  await until(() => performance.now() - answered[1] > 310);
  assert.deepEqual(await statuses(await open(GET)), [200]);
  await waitForClose(slow);
  assert.ok(!slower.destroyed);
  idle.write(GET); // It has waited longest, but reserves no memory.
  assert.deepEqual(await statuses(idle), [200]);
});

test("a response that is not read in time is dropped", async () => {
  await start({ readResponse: 100 }, (request, response) => void response.end(BIG));
  const received = once(server, "request");
  const socket = await open(GET);
  socket.pause();
  const [, response] = await received;
  await once(response, "close");
  await waitForClose(socket);
});

test("a new connection replaces the one that has waited longest", async () => {
  await start({ connections: 2 }, (request, response) => void response.end());
  const silent = await open();
  const busy = await open(GET);
  assert.deepEqual(await statuses(busy), [200]);
  const next = await open(GET);
  await waitForClose(silent);
  assert.deepEqual(await statuses(next), [200]);
  busy.write(GET);
  assert.deepEqual(await statuses(busy), [200]);
});

test("a connection whose response is in progress is not replaced", async () => {
  const { waiting, respond } = heldResponses();
  await start({ connections: 2 }, respond);
  const working = await open(GET);
  await until(() => waiting.length === 1);
  const silent = await open();
  await open(GET);
  await waitForClose(silent);
  await until(() => waiting.length === 2);
  await waitForClose(await open()); // No connection waits for its client, so none can be replaced.
  waiting.shift()();
  waiting.shift()();
  assert.deepEqual(await statuses(working), [200]);
});
