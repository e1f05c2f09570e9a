const buffer = new Uint8Array(8);
let n;
while ((n = Javy.IO.readSync(0, buffer)) > 0) Javy.IO.writeSync(1, buffer.subarray(0, n).map((b) => b ^ 32));
