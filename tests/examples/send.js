// Sends one message with nothing but sockets; tries again when it is told to. Exit code 0: taken, 1: refused, 2: gave up.
const net = require("node:net");

const [host, port] = [process.env.SMTP_HOST, Number(process.env.SMTP_PORT)];
const [recipient, tries = "3"] = process.argv.slice(2);
const dialogue = ["EHLO client.example", "MAIL FROM:<tickets@hall.example>", `RCPT TO:<${recipient}>`, "DATA",
  "Subject: Tonight\r\n\r\nAt seven.\r\n.", "QUIT"];

/** Goes through the dialogue; resolves to the first code that is not 2yz or 3yz, to 250 if there is none, to 0 if the
 * connection breaks before the message is taken. */
function send() {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    let [step, text, taken] = [0, "", false];
    const end = (code) => { resolve(code); socket.destroy(); };
    socket.on("error", () => end(0));
    socket.on("close", () => end(taken ? 250 : 0));
    socket.on("data", (octets) => {
      text += octets;
      const reply = /^(?:\d{3}-.*\r\n)*(\d{3}) .*\r\n/m.exec(text);
      if (!reply) return;
      text = text.slice(reply.index + reply[0].length);
      if (Number(reply[1]) >= 400) return end(Number(reply[1]));
      taken ||= step === 5;
      if (step === dialogue.length) return end(250);
      socket.write(dialogue[step++] + "\r\n");
    });
  });
}

(async () => {
  for (let n = 0; n < Number(tries); n++) {
    const code = await send();
    if (code === 250) process.exit(0);
    if (code >= 500) process.exit(1);
  }
  process.exit(2);
})();
