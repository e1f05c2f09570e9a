// Wants the Dock to run another command: that takes the capability `commands`.
import { run } from "wb/commands";

process.stdout.write(run("slug", ["--separator", "_"], "Hello World\n").stdout);
