//! How a worker takes its own rights away, once and for good, before it reads anything.
//!
//! The order matters: what a later measure would forbid is done before it. Threads
//! that the engine needs are started in between, so that starting threads can be
//! forbidden as well.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Signal, Uid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::{
    UnshareFlags, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::Confinement;

pub(crate) mod refused;
mod syscalls;

/// The user and group of a worker whose host is the superuser: `nobody`.
pub(crate) const NOBODY: u32 = 65_534;

/// Address space. The engine reserves some 14 GiB of it that it never touches.
const ADDRESS_SPACE: u64 = 64 << 30;

/// Memory on top of what the guest may use: code, stacks, compiling.
const HEADROOM: u64 = 1 << 30;

/// The largest file. There is none to write to but the engine's images of initial
/// memory, which are files without a name.
const FILE_SIZE: u64 = 256 << 20;

/// Processor seconds in the life of a worker. One that used up as much is replaced.
const CPU_SECONDS: u64 = 24 * 60 * 60;

/// What a native binary may read and execute: programs and libraries, no settings.
const SYSTEM: [&str; 6] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
];

/// The devices a native binary may use.
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// Address space of a native binary on top of what it may use: its code, libraries.
const NATIVE_HEADROOM: u64 = 256 << 20;

/// Processes and threads of the user that native binaries run as, whom others may share.
const NATIVE_PROCESSES: u64 = 256;

/// The first half: everything but the list of system calls.
///
/// # Errors
///
/// When something fails that always works.
pub(crate) fn enter(memory: u64) -> io::Result<Confinement> {
    let namespaces = unshare(UnshareFlags::empty());
    let unprivileged = drop_user()?;
    // After the change of user, which resets it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    limit_resources(memory)?;
    Ok(Confinement {
        seccomp: false,
        landlock: landlock(),
        no_new_privileges: true,
        unprivileged,
        namespaces,
        resource_limits: true,
    })
}

/// The second half, for all threads there are: from here on no thread, no process, no
/// file, no socket.
///
/// # Errors
///
/// When the kernel has no seccomp filters.
pub(crate) fn close(confinement: &mut Confinement) -> io::Result<()> {
    limit(Resource::Nproc, 0)?;
    seccompiler::apply_filter_all_threads(&syscalls::filter()).map_err(io::Error::other)?;
    confinement.seccomp = true;
    Ok(())
}

/// Leaves the host's namespaces, for a process whose children are to be confined.
///
/// # Errors
///
/// When something fails that always works.
pub(crate) fn leave_host() -> io::Result<()> {
    close_inherited()?;
    unshare(UnshareFlags::NEWPID);
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}

/// Confines a process that is about to become the native binary at `binary`, which
/// may write below `scratch` alone.
///
/// # Errors
///
/// When a measure is not to be had here: a native binary gets none of its sandbox
/// from elsewhere.
pub(crate) fn enter_native(memory: u64, cpu: u64, binary: &Path, scratch: &Path) -> io::Result<()> {
    close_inherited()?;
    if !drop_user()? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    limit(Resource::Core, 0)?;
    limit(Resource::As, memory.saturating_add(NATIVE_HEADROOM))?;
    limit(Resource::Fsize, memory)?;
    limit(Resource::Nofile, 64)?;
    limit(Resource::Nproc, NATIVE_PROCESSES)?;
    limit(Resource::Memlock, 0)?;
    limit(Resource::Cpu, cpu)?;
    native_landlock(binary, scratch).map_err(io::Error::other)?;
    seccompiler::apply_filter(&syscalls::native_filter()).map_err(io::Error::other)
}

/// Reading and executing below the system's directories, writing below `scratch`.
fn native_landlock(binary: &Path, scratch: &Path) -> Result<(), landlock::RulesetError> {
    let newest = ABI::V7;
    let read = AccessFs::from_read(newest);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules([binary], read))?
        .add_rules(path_beneath_rules([scratch], AccessFs::from_all(newest)))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::from_file(newest)))?
        .restrict_self()?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(landlock::RulesetError::CreateRuleset(
            landlock::CreateRulesetError::MissingHandledAccess,
        )),
        _ => Ok(()),
    }
}

/// Closes what a careless host left open for its children. Comes before anything is
/// opened.
///
/// # Errors
///
/// When the kernel is too old.
pub(crate) fn close_inherited() -> io::Result<()> {
    #[expect(unsafe_code, reason = "no library closes descriptors it does not own")]
    // SAFETY: called first thing in `main`, when nothing in this process has opened
    // a descriptor yet: all from 3 on are inherited and belong to nobody.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// Leaves the host's network, mounts and objects, and what `more` says, where that is
/// allowed: for the superuser as it is, for others by way of a user namespace.
///
/// Not its processes: a process whose children are to be in another namespace can
/// start no threads, and a worker sees no process in any case.
fn unshare(more: UnshareFlags) -> bool {
    let own = UnshareFlags::NEWNET
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP
        | more;
    let enter = |flags| {
        #[expect(unsafe_code, reason = "the safe form is deprecated in favour of this")]
        // SAFETY: unsafe for the sake of descriptors that are no longer shared
        // between threads, which is not asked for, and there is one thread.
        unsafe { rustix::thread::unshare_unsafe(flags) }.is_ok()
    };
    enter(own) || enter(own | UnshareFlags::NEWUSER)
}

/// Stops being the superuser.
fn drop_user() -> io::Result<bool> {
    let sets = rustix::thread::capabilities(None)?;
    let has_rights = !sets.permitted.is_empty();
    if rustix::process::geteuid().is_root() && has_rights {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        set_thread_groups(&[])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
    }
    // Whoever was not the superuser may have come to all rights over a user
    // namespace of his own; these go as well.
    let none = rustix::thread::CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        rustix::thread::CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    // The superuser of a container's user namespace, who had no rights to begin with,
    // is an ordinary user outside of it.
    Ok(!rustix::process::geteuid().is_root() || !has_rights)
}

fn limit_resources(memory: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    limit(Resource::As, ADDRESS_SPACE)?;
    limit(Resource::Data, memory.saturating_add(HEADROOM))?;
    limit(Resource::Fsize, FILE_SIZE)?;
    limit(Resource::Nofile, 64)?;
    limit(Resource::Memlock, 0)?;
    limit(Resource::Cpu, CPU_SECONDS)
}

/// Sets a limit, unless a lower one holds already.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let held = rustix::process::getrlimit(resource);
    let most = held.maximum.map_or(most, |held| held.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Denies every file, connection, signal and abstract socket that this kernel's
/// Landlock knows of; returns its version, 0 if there is none.
fn landlock() -> u8 {
    // As much as the kernel has: a newer one denies more.
    let newest = ABI::V7;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    match restricted {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => effective_abi as u8,
            _ => 0,
        },
        _ => 0,
    }
}
