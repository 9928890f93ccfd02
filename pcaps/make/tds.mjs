// tedious, a client of Microsoft's SQL Server: tds.mjs ADDRESS PORT NAME ENCRYPT, where ENCRYPT is `true` or `strict`.
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

// npm puts tedious beside node itself.
const beside = path.resolve(process.execPath, "../../..");
const { Connection } = createRequire(path.join(beside, "x.js"))("tedious");
const [server, port, serverName, encrypt] = process.argv.slice(2);
const connection = new Connection({
  server,
  authentication: { type: "default", options: { userName: "guest", password: "secret" } },
  options: { port: Number(port), encrypt: encrypt === "strict" ? "strict" : true, serverName, trustServerCertificate: true, connectTimeout: 5000 },
});
connection.on("connect", (error) => {
  console.log(error ? `error: ${error.message}` : "connected");
  connection.close();
  setTimeout(() => process.exit(0), 100);
});
connection.connect();
