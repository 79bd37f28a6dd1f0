// Sends one letter for each line of standard input, a JSON object, and answers each with a line: what became of it.
import { createRequire } from "node:module";
import readline from "node:readline";

const nodemailer = createRequire(process.argv[2] + "/")("nodemailer");

async function send({ host, port, from, to, letter, patience, login, ca }) {
  const milliseconds = patience * 1000;
  const transport = nodemailer.createTransport({
    host,
    port,
    name: "client.test",
    ignoreTLS: !ca,
    requireTLS: Boolean(ca),
    tls: ca ? { ca } : undefined,
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
    auth: login ? { user: "ann", pass: "secret" } : undefined,
  });
  try {
    const { rejectedErrors = [] } = await transport.sendMail({ envelope: { from, to }, raw: letter });
    return ["ok", ...rejectedErrors.map((error) => `but ${error.responseCode}`)].join(" ");
  } catch (error) {
    // Which of the two comes when a connection ends is a matter of time.
    const code = error.code === "ESOCKET" ? "ECONNECTION" : error.code;
    return [code, error.responseCode].filter(Boolean).join(" ");
  } finally {
    transport.close();
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(await send(JSON.parse(line)));
}
