//! The models of machines, and what each has to be told to boot in software.

use std::process::Command;
use std::time::Duration;

/// A model of a machine that QEMU emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// QEMU's `microvm`: no PCI, no firmware to speak of, devices on virtio-mmio. Boots
    /// in three quarters of the time of a `pc`.
    Microvm,
    /// QEMU's `pc` without its devices, for a QEMU that has no `microvm`.
    Pc,
}

impl Machine {
    /// All there are, best first.
    pub(super) const ALL: [Self; 2] = [Self::Microvm, Self::Pc];

    /// What QEMU calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Microvm => "microvm",
            Self::Pc => "pc",
        }
    }

    /// Adds the machine and its virtio console.
    pub(super) fn options(self, command: &mut Command) {
        match self {
            // Distributions build their kernels to find devices by ACPI, not by the
            // command line. Without a clock to read, the kernel waits for one, which
            // takes longer than the rest of the boot.
            Self::Microvm => command
                .args([
                    "-machine",
                    "microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=off",
                ])
                .args(["-global", "virtio-mmio.force-legacy=false"])
                .args(["-device", "virtio-serial-device"]),
            Self::Pc => command
                .args(["-machine", "pc,usb=off,vmport=off"])
                .args(["-device", "virtio-serial-pci"]),
        };
    }

    /// What the kernel has to be told of the machine: how fast its time stamp counter
    /// goes, `khz`, where it is emulated.
    ///
    /// A `microvm` has nothing reliable to measure that by: with its interval timer the
    /// kernel manages on an idle host and fails on a busy one. The counter is the
    /// host's, so the host's measure holds.
    pub(super) fn parameters(self, khz: Option<u64>) -> Option<String> {
        let khz = khz.filter(|_| self == Self::Microvm)?;
        Some(format!("tsc_early_khz={khz} tsc=reliable"))
    }
}

/// How long the counter is watched, each time.
const WATCHED: Duration = Duration::from_millis(10);

/// Thousands of ticks a second of this host's time stamp counter: the median of
/// three measures, since a process that has to wait for its turn measures too much.
#[cfg(target_arch = "x86_64")]
pub(super) fn counter_khz() -> Option<u64> {
    let mut measures = [(); 3].map(|()| {
        let (start, first) = (std::time::Instant::now(), counter());
        std::thread::sleep(WATCHED);
        let (elapsed, ticks) = (start.elapsed(), counter().wrapping_sub(first));
        u128::from(ticks) * 1_000_000 / elapsed.as_nanos().max(1)
    });
    measures.sort_unstable();
    u64::try_from(measures[1]).ok().filter(|khz| *khz > 0)
}

#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    #[expect(unsafe_code, reason = "the instruction has no safe form")]
    // SAFETY: reads a register and nothing else; every processor of 64 bits has it, and
    // where a system forbids it the process ends.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
}

/// None: what the counter of an emulated machine counts is not known here.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn counter_khz() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_microvm_is_told_how_fast_its_counter_goes() {
        let told = Machine::Microvm.parameters(Some(2_600_000));
        assert_eq!(told.unwrap(), "tsc_early_khz=2600000 tsc=reliable");
        assert_eq!(Machine::Microvm.parameters(None), None);
        assert_eq!(Machine::Pc.parameters(Some(1)), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_counter_goes_as_fast_as_counters_do() {
        let khz = counter_khz().unwrap();
        assert!((100_000..20_000_000).contains(&khz), "{khz}");
    }
}
