// An origin by another hand: Node's HTTP server, with its own parser.
import http from "node:http";

const server = http.createServer((request, response) => {
  switch (request.url) {
    case "/length":
      response.setHeader("Content-Length", "2");
      response.end("ok");
      break;
    case "/trailers":
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.setHeader("Trailer", "X-Sum");
      response.write("one,");
      response.write("two");
      response.addTrailers({ "X-Sum": "1" });
      response.end();
      break;
    case "/none":
      response.statusCode = 204;
      response.end();
      break;
    default: // the body as it comes, with what was said of its framing
      response.setHeader("X-Framing", String(request.headers["content-length"] ?? request.headers["transfer-encoding"]));
      request.pipe(response);
  }
});
server.on("upgrade", (request, socket, head) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + request.headers.upgrade + "\r\n\r\n");
  socket.write(head);
  socket.pipe(socket);
});
let connections = 0;
server.on("connection", () => connections++);
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("data", () => console.log(connections)).on("end", () => process.exit());
