// nodemailer's smtp-server: options on the command line, a JSON object; a line of JSON for each thing that happens.
import { createRequire } from "node:module";

const { SMTPServer } = createRequire(process.argv[2] + "/")("smtp-server");
const { secret, hold, ...options } = JSON.parse(process.argv[3]);
const deferred = new Set();

function tell(what) {
  console.log(JSON.stringify(what));
}

function refusal(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}

const server = new SMTPServer({
  name: "mx.good.test",
  disableReverseLookup: true,
  ...options,
  onAuth({ method, username, password, accessToken, validatePassword }, session, callback) {
    const right = accessToken ? accessToken === secret : validatePassword ? validatePassword(secret) : password === secret;
    tell({ auth: method, user: username, right });
    callback(right ? null : refusal(535, "5.7.8 wrong"), { user: username });
  },
  onRcptTo({ address }, session, callback) {
    if (address.startsWith("gone")) return callback(refusal(550, "5.1.1 no such user"));
    if (address.startsWith("grey") && !deferred.has(address)) {
      deferred.add(address);
      tell({ deferred: address });
      return callback(refusal(450, "4.2.0 come again"));
    }
    callback();
  },
  onData(stream, session, callback) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      if (hold) return tell({ held: to });
      if (stream.sizeExceeded) return callback(refusal(552, "5.3.4 too big"));
      tell({ taken: to, secure: Boolean(session.secure), text: Buffer.concat(chunks).toString() });
      callback(null, "taken");
    });
  },
});

server.on("error", ({ message }) => tell({ error: message }));
server.listen(0, "127.0.0.1", () => tell({ port: server.server.address().port }));
