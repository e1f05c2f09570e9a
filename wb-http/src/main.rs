//! `wb-http`: the HTTP planes of a nexus.
//!
//! The planes are not built. The program says so and fails, so that nothing
//! that starts it takes a silent exit for a server.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Without a standard error there is nobody to tell; the exit code still says it.
    let _ = writeln!(
        std::io::stderr(),
        "error[http/not-built]: this version has no HTTP planes\n  \
         help: `wbx` does everything from the command line; `wbx --help` lists its verbs"
    );
    ExitCode::FAILURE
}
