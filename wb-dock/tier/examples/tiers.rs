//! Says which tiers this machine has. Run as
//! `cargo run -p wb-tier --example tiers`.

#![expect(clippy::print_stdout, reason = "an example says what it found")]

fn main() {
    // The example is its own worker.
    wb_tier::worker_if_asked();
    let this = std::env::current_exe().expect("the example is a file");
    for probe in wb_tier::probe(&this) {
        match probe.found {
            Ok(made_of) => println!("{}: {made_of}", probe.tier),
            Err(error) => println!("{}: {error}", probe.tier),
        }
    }
}
