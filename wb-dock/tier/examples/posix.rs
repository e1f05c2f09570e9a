//! A native binary: the posix shape, behind its three locks. Run as
//! `cargo run -p wb-tier --example posix`.

#![allow(clippy::print_stdout, reason = "an example says what it found")]

use wb_dock::{Grant, Invocation, Services};
use wb_policy::{Cap, CapSet, Profile, Trust};
use wb_tier::{DeployerOptIn, Posix};

const SCRIPT: &str = "\
read -r line; echo \"read: $line\"
echo \"variables: $(env | grep -c -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=)\"
echo kept > note.txt; echo \"files: $(ls)\"
cat /etc/passwd > /dev/null 2>&1 || echo 'no files of the machine'
exit 3";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The example is its own worker.
    wb_tier::worker_if_asked();
    let worker = std::env::current_exe()?;
    let shell = || Invocation::new("sh").args(["-c", SCRIPT]).stdin("a line\n");

    // The first lock is the deployer's: the very file, and that a process will do
    // where a container would be better.
    let opt_in = DeployerOptIn::default().binary("/bin/sh").process_will_do();
    let posix = Posix::in_process(opt_in, worker)?;

    // The second is the grant, which needs the posix profile.
    let refused = posix.run(&Grant::none(), &Services::default(), shell());
    if let Err(error) = refused {
        println!("{}: {error}", error.code());
    }
    let declared = CapSet::of(Cap::Posix);
    let grant = Grant::decide(declared, Trust::FirstParty, &Profile::posix(), None)?;

    // The third is the cage: no environment, a scratch directory, no network, limits.
    match posix.run(&grant, &Services::default(), shell()) {
        Ok(mut outcome) => {
            print!("{}", String::from_utf8_lossy(&outcome.stdout));
            println!("exit {}, {:?}", outcome.exit_code, outcome.elapsed);
            let note = outcome.files.get("/note.txt").unwrap_or_default();
            println!("note.txt: {}", String::from_utf8_lossy(&note).trim_end());
        }
        // A machine without Landlock or seccomp has no such cage, and says so.
        Err(error) => println!("{}: {error}", error.code()),
    }
    Ok(())
}
