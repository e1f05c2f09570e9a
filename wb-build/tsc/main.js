// The TypeScript checker as a command: `tsc ENTRY`, with the source tree in /w
// and the language's own declarations in /lib. Findings go to standard error,
// one a line as `file:line:column: error TS1234: message`; exit code 1 if there
// is an error. Nothing is written: esbuild makes the output.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import ts from "./typescript.js";
import globals from "./globals.txt";

const GLOBALS = "/lib/globals.d.ts";

const stat = (path) => (existsSync(path) ? statSync(path) : undefined);

const host = {
  fileExists: (path) => path === GLOBALS || (stat(path)?.isFile() ?? false),
  directoryExists: (path) => stat(path)?.isDirectory() ?? false,
  getDirectories: (path) =>
    stat(path)?.isDirectory()
      ? readdirSync(path).filter((name) => stat(`${path}/${name}`)?.isDirectory())
      : [],
  readFile: (path) => {
    if (path === GLOBALS) return globals;
    return host.fileExists(path) ? readFileSync(path, "utf8") : undefined;
  },
  getSourceFile: (path, options) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, options);
  },
  getDefaultLibFileName: () => "/lib/lib.es2023.full.d.ts",
  getDefaultLibLocation: () => "/lib",
  getCurrentDirectory: () => "/w",
  getCanonicalFileName: (path) => path,
  useCaseSensitiveFileNames: () => true,
  getNewLine: () => "\n",
  readDirectory: () => [],
  writeFile: () => {},
  realpath: (path) => path,
};

// What the user's tsconfig.json says, except where it would change what is
// checked against or write something.
function options() {
  const defaults = {
    strict: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    esModuleInterop: true,
    skipLibCheck: true,
  };
  const fixed = {
    noEmit: true,
    composite: false,
    incremental: false,
    declaration: false,
    lib: ["lib.es2023.d.ts"],
    types: [],
  };
  const path = "/w/tsconfig.json";
  if (!host.fileExists(path)) return { options: { ...defaults, ...fixed }, errors: [] };
  const read = ts.readConfigFile(path, host.readFile);
  const parsed = ts.convertCompilerOptionsFromJson(read.config?.compilerOptions ?? {}, "/w", path);
  const errors = [...(read.error ? [read.error] : []), ...parsed.errors];
  return { options: { ...defaults, ...parsed.options, ...fixed }, errors };
}

// Columns are counted in bytes of UTF-8, as every other compiler here does.
function place(file, start) {
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  const begin = file.getPositionOfLineAndCharacter(line, 0);
  const bytes = new TextEncoder().encode(file.text.slice(begin, begin + character)).length;
  return `${file.fileName}:${line + 1}:${bytes + 1}: `;
}

const configured = options();
const program = ts.createProgram([process.argv[2], GLOBALS], configured.options, host);
const findings = [...configured.errors, ...ts.getPreEmitDiagnostics(program)];
let failed = false;
for (const finding of findings) {
  const error = finding.category === ts.DiagnosticCategory.Error;
  failed ||= error;
  const where = finding.file ? place(finding.file, finding.start ?? 0) : "";
  const text = ts.flattenDiagnosticMessageText(finding.messageText, "\n");
  console.error(`${where}${error ? "error" : "warning"} TS${finding.code}: ${text}`);
}
process.exit(failed ? 1 : 0);
