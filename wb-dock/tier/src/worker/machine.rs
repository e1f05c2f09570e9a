//! A worker that is the first process of a virtual machine.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::machine_image::DRIVERS;

/// The wire: the first port of the machine's one virtio console.
const PORT: &str = "/dev/vport0p1";

/// How long the port may take to appear, in hundredths of a second.
const PATIENCE: u32 = 1_000;

/// Loads the drivers and opens the wire.
pub(super) fn open_wire() -> io::Result<File> {
    mount("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, None)?;
    for driver in DRIVERS {
        load(&Path::new("/drivers").join(format!("{driver}.ko")))?;
    }
    learn_page_size()?;
    let mut tries = 0;
    loop {
        match File::options().read(true).write(true).open(PORT) {
            Ok(port) => return Ok(port),
            // The kernel shows the port a moment before it lets it be opened, so it
            // may also be there and fail.
            Err(error) if tries == PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
        tries += 1;
    }
}

/// Has the size of pages looked up while there is a file that tells it.
fn learn_page_size() -> io::Result<()> {
    fs::create_dir_all("/proc")?;
    mount("proc", "/proc", "proc", MountFlags::NOSUID, None)?;
    let _ = rustix::param::page_size();
    Ok(unmount("/proc", UnmountFlags::empty())?)
}

/// Loads a driver, if it is no part of the kernel already.
fn load(driver: &Path) -> io::Result<()> {
    match fs::read(driver) {
        Ok(module) => Ok(rustix::system::init_module(&module, c"")?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
