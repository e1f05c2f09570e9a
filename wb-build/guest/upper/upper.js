// upper: writes its standard input in capitals, by the rules of Unicode. Input
// is utf-8 and may come in pieces; bytes that are not become U+FFFD.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

for await (const chunk of process.stdin) {
  process.stdout.write(decoder.decode(chunk, { stream: true }).toUpperCase());
}
process.stdout.write(decoder.decode().toUpperCase());
