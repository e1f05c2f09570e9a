use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;
use wb_policy::Tier;

use crate::channel::Worker;
use crate::pool::{Launch, Pool};
use crate::worker::Settings;
use crate::{Attempt, Confinement, Error, Unavailable, machine_image, on_path};
use machine::Machine;

mod machine;

/// Runs guests in workers in small QEMU machines, each with a kernel of its own.
///
/// A machine is a `microvm` with memory, one processor, a clock and one virtio console
/// port, which is the wire: no disk, no network. The worker is its first and only process and
/// confines itself as in the process tier.
#[derive(Debug)]
pub struct Vm(pub(crate) Pool<Qemu>);

/// What a [`Vm`] is made of.
#[derive(Clone, Debug)]
pub struct VmParts {
    /// The emulator: `qemu-system-x86_64`, for which only absolute directories of the `PATH`
    /// count, or a path.
    pub qemu: PathBuf,
    /// The kernel: a `bzImage`, for example Debian's `vmlinuz-*-cloud-amd64`.
    pub kernel: PathBuf,
    /// The kernel's modules, `lib/modules/VERSION`; none when it has virtio built in.
    pub modules: Option<PathBuf>,
    /// A binary whose `main` calls [`worker_if_asked`](crate::worker_if_asked).
    pub worker: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Qemu {
    emulator: PathBuf,
    kernel: PathBuf,
    image: NamedTempFile,
    accelerator: &'static str,
    machine: Machine,
    /// How fast the host's time stamp counter goes, in thousands of ticks a second.
    counter_khz: Option<u64>,
}

/// Memory of a machine on top of what the guest may use: kernel, code, compiling.
const HEADROOM: u64 = 384 << 20;

/// Hardware first. That `/dev/kvm` is there does not mean that it works.
const ACCELERATORS: [&str; 2] = ["kvm", "tcg"];

impl Vm {
    /// Makes an image of `parts` and boots it once, with KVM if that works here and
    /// in software otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when no image can be made of `parts`, or no machine boots, with
    /// what the emulator said.
    pub fn new(parts: &VmParts) -> Result<Self, Error> {
        let image = write_image(parts).map_err(|error| missing(error.to_string()))?;
        let mut qemu = Qemu {
            emulator: emulator(&parts.qemu)?,
            kernel: parts.kernel.clone(),
            image,
            accelerator: "",
            machine: Machine::Pc,
            counter_khz: machine::counter_khz(),
        };
        let mut said = Vec::new();
        for accelerator in ACCELERATORS {
            for machine in Machine::ALL {
                qemu.accelerator = accelerator;
                qemu.machine = machine;
                let pool = Pool::new(qemu);
                match pool.try_out(&[]) {
                    Ok(_) => return Ok(Self(pool)),
                    Err(error) => {
                        said.push(format!("{} by {accelerator}: {error}", machine.name()));
                    }
                }
                qemu = pool.launch;
            }
        }
        Err(missing(format!("no machine boots ({})", said.join("; "))).into())
    }

    /// The parts that this machine has where distributions put them, with `worker`.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when there is no readable kernel.
    pub fn parts(worker: &Path) -> Result<VmParts, Error> {
        let mut kernels: Vec<_> = std::fs::read_dir("/boot")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| std::fs::File::open(path).is_ok())
            .filter_map(|path| {
                let version = path.file_name()?.to_str()?.strip_prefix("vmlinuz-")?;
                let version = version.to_owned();
                Some((version, path))
            })
            .collect();
        // A cloud kernel boots fastest; of these the newest.
        kernels.sort_by_key(|(version, _)| (version.contains("cloud"), version.clone()));
        let (version, kernel) = kernels
            .pop()
            .ok_or_else(|| missing("there is no kernel in `/boot`".to_owned()))?;
        let modules = Path::new("/lib/modules").join(version);
        Ok(VmParts {
            qemu: PathBuf::from("qemu-system-x86_64"),
            kernel,
            modules: modules.is_dir().then_some(modules),
            worker: worker.to_owned(),
        })
    }

    /// What runs the machines: `kvm` or `tcg`.
    pub fn accelerator(&self) -> &'static str {
        self.0.launch.accelerator
    }

    /// The model of the machines, as QEMU calls it: `microvm`, or `pc` where there is
    /// no such model.
    pub fn machine(&self) -> &'static str {
        self.0.launch.machine.name()
    }

    /// Has a worker in a machine make `attempts`: for each the error number of the
    /// system, or nothing if it worked.
    ///
    /// # Errors
    ///
    /// As for [`Container::attempt`](crate::Container::attempt).
    pub fn attempt(&self, attempts: &[Attempt]) -> Result<(Confinement, Vec<Option<i32>>), Error> {
        self.0.try_out(attempts)
    }
}

fn missing(missing: String) -> Unavailable {
    Unavailable {
        tier: Tier::Vm,
        missing,
        remedy: "install QEMU and a kernel (on Debian: apt-get install qemu-system-x86 \
                 linux-image-cloud-amd64)"
            .to_owned(),
    }
}

/// The file of the emulator: what has no directory is looked for on the `PATH`.
fn emulator(qemu: &Path) -> Result<PathBuf, Unavailable> {
    let is_name = qemu.file_name() == Some(qemu.as_os_str());
    match qemu.to_str().filter(|_| is_name) {
        None => Ok(qemu.to_owned()),
        Some(name) => {
            on_path(name).ok_or_else(|| missing(format!("`{name}` is not on the `PATH`")))
        }
    }
}

fn write_image(parts: &VmParts) -> std::io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix("wb-machine-").tempfile()?;
    let image = machine_image(&parts.worker, parts.modules.as_deref())?;
    std::fs::write(file.path(), image)?;
    Ok(file)
}

impl Launch for Qemu {
    const TIER: Tier = Tier::Vm;
    const ALONE: bool = true;

    fn launch(&self, settings: Settings) -> Result<Worker, Error> {
        let settings = Settings {
            is_machine: true,
            ..settings
        };
        let memory = settings.memory.saturating_add(HEADROOM).div_ceil(1 << 20);
        // Hardware has its own ways to tell the kernel what time it is.
        let khz = self.counter_khz.filter(|_| self.accelerator == "tcg");
        let mut arguments = "quiet panic=-1 reboot=t ".to_owned();
        arguments.extend(self.machine.parameters(khz));
        arguments = format!("{arguments} -- {}", settings.args().join(" "));
        let mut command = Command::new(&self.emulator);
        // Who gets out of the machine is in the emulator, and must not find there what the
        // host was told in its environment.
        command.env_clear();
        self.machine.options(&mut command);
        command
            .args(["-accel", self.accelerator, "-cpu", "max"])
            .args(["-m", &format!("{memory}M"), "-smp", "1"])
            .args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(["-display", "none", "-serial", "none", "-monitor", "none"])
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(self.image.path())
            .args(["-append", &arguments])
            .args(["-chardev", "stdio,id=wire,signal=off"])
            .args(["-device", "virtserialport,chardev=wire,name=wire"])
            // The emulator itself: no new programs, no more rights, no other resources.
            .args([
                "-sandbox",
                "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            ])
            .current_dir("/")
            .stderr(Stdio::piped());
        Worker::spawn(command).map_err(|error| Error::start(Tier::Vm, &error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_emulator_has_no_variable_of_the_host() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let dir = tempfile::tempdir().unwrap();
        let qemu = dir.path().join("qemu");
        fs::write(&qemu, "#!/bin/sh\n/usr/bin/env >&2\necho said >&2\n").unwrap();
        fs::set_permissions(&qemu, Permissions::from_mode(0o755)).unwrap();
        let error = Vm::new(&VmParts {
            qemu,
            kernel: "/nowhere/vmlinuz".into(),
            modules: None,
            worker: "/bin/sh".into(),
        });
        let said = error.unwrap_err().to_string();
        assert!(said.contains("said"), "{said}");
        assert!(!said.contains("CARGO"), "{said}");
    }

    #[test]
    fn an_emulator_is_looked_for_on_the_path() {
        assert!(emulator(Path::new("sh")).unwrap().is_absolute());
        assert_eq!(
            emulator(Path::new("/x/qemu")).unwrap(),
            Path::new("/x/qemu")
        );
        let error = emulator(Path::new("no-such-emulator")).unwrap_err();
        assert_eq!(error.missing, "`no-such-emulator` is not on the `PATH`");
    }
}
