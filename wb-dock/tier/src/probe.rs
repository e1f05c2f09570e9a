use std::path::Path;

use wb_policy::Tier;

use crate::{Container, Error, Process, Vm};

/// What one tier is like on this machine.
#[derive(Debug)]
pub struct Probe {
    /// Which tier.
    pub tier: Tier,
    /// What it is made of, or why it is not there and how to get it.
    pub found: Result<String, Error>,
}

/// Finds out which tiers this machine has, by running something small in each.
///
/// `worker` is a binary whose `main` calls
/// [`worker_if_asked`](crate::worker_if_asked). Takes as long as the slowest tier
/// takes to start: a virtual machine without hardware support needs seconds.
pub fn probe(worker: &Path) -> Vec<Probe> {
    Tier::ALL
        .into_iter()
        .map(|tier| Probe {
            tier,
            found: match tier {
                Tier::Instance => Ok("wasm in this process".to_owned()),
                Tier::Process => process(worker),
                Tier::Vm => vm(worker),
                Tier::Container => container(worker),
            },
        })
        .collect()
}

fn process(worker: &Path) -> Result<String, Error> {
    let confinement = Process::with_worker(worker).probe()?;
    let namespaces = if confinement.namespaces {
        "own namespaces"
    } else {
        "no namespaces of its own"
    };
    let landlock = confinement.landlock;
    Ok(format!("seccomp, Landlock {landlock}, {namespaces}"))
}

fn vm(worker: &Path) -> Result<String, Error> {
    let machine = Vm::new(&Vm::parts(worker)?)?;
    let (model, accelerator) = (machine.machine(), machine.accelerator());
    Ok(format!("QEMU {model}, {accelerator}"))
}

fn container(worker: &Path) -> Result<String, Error> {
    let container = Container::new(worker)?;
    Ok(format!("OCI, {}", container.runtime().display()))
}
