// in-js WEB MAIL TLS: the calls of the module `wb` that no example in JavaScript makes.
import { DockError, llm, request, runMany, secrets, session, tcp, tls } from "wb";

const [web, mail, secure] = process.argv.slice(2).map(Number);
const decoder = new TextDecoder();
const attempt = (what, call) => {
  try {
    console.log(what, call());
  } catch (error) {
    console.log(what, error instanceof DockError, error.code, error.message);
  }
};

attempt("complete", () => llm.complete("Why?"));
attempt("stream", () => [...llm.stream({ model: "small", messages: [{ role: "user", content: "Who?" }] })]);
attempt("first piece", () => {
  for (const piece of llm.stream("Break off.")) return piece;
});
attempt("broken off", () => [...llm.stream("Break off.")]);
attempt("no messages", () => llm.complete({ messages: 1 }));

attempt("tcp", () => {
  const connection = tcp.connect("mail.test", mail);
  let said = "";
  for (let part; (part = connection.receive(4)).length > 0; ) said += decoder.decode(part);
  connection.close();
  return said;
});
attempt("tls", () => {
  const connection = tls.connect("web.test", secure);
  connection.send("GET / HTTP/1.0\r\n\r\n");
  const said = decoder.decode(connection.receive());
  connection.close();
  return said;
});
attempt("closed", () => {
  const [one, two] = [tcp.connect("mail.test", mail), tcp.connect("mail.test", mail)];
  one.close();
  const three = tcp.connect("mail.test", mail);
  one.close();
  const said = [two, three].map((connection) => decoder.decode(connection.receive(3)));
  console.log(said);
  one.send("x");
});
attempt("tls to another", () => tls.connect("mail.test", secure));
attempt("no port", () => tcp.connect("mail.test", 70_000));

const many = runMany("jq", ["{}", new TextEncoder().encode("1")]);
console.log(many.map(({ code, stdout }) => `${code} ${stdout.length}`).join(", "));
console.log(runMany("upper", ["ä", "b"]).map((output) => output.stdout));
attempt("many of none", () => runMany("nothing-of-this-name", ["x"]));

const message = "{}";
const signature = Array.from(secrets.hmac("KEY", message), (byte) => byte.toString(16).padStart(2, "0")).join("");
const reply = request(`http://web.test:${web}/hook`, {
  method: "post",
  headers: { Authorization: "Bearer {{secret:TOKEN}}", "X-Signature-256": signature },
  body: message,
});
console.log(reply.status, reply.text(), reply.header("Content-Length"));
attempt("sign with a token", () => secrets.sign("KEY", message));
console.log(session());
