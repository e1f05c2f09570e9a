//! Writes the initial file system of a virtual machine, to boot it elsewhere:
//! `cargo run -p wb-tier --example machine_image -- WORKER MODULES OUT`, where WORKER
//! is a `wb-worker`, MODULES the kernel's `lib/modules/VERSION`, and OUT the image.

#![expect(clippy::print_stdout, reason = "an example says what it found")]

use std::path::Path;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [worker, modules, out] = args.as_slice() else {
        println!("three paths are wanted: WORKER MODULES OUT");
        std::process::exit(2);
    };
    let image = wb_tier::machine_image(Path::new(worker), Some(Path::new(modules)))?;
    std::fs::write(out, image)
}
