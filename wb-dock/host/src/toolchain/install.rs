//! The phases of an installation; each leaves a verified result, so a start
//! after an interruption goes on behind the last one that was finished.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, PoisonError};

use wb_build::toolchain::{
    Derived, Entry, Member, MemberKind, Pack, PackFiles, Package, recipe, take_members, unpack,
};
use wb_build::{Builder, DockSandbox, Error, ErrorKind, ToolRef, Tools as _};
use wb_manifest::{Digest, Tree};

use super::{HostTools, Phase, Progress, Toolchains, client};

pub(super) fn run(
    toolchains: &Toolchains,
    names: &[&str],
    progress: &dyn Progress,
) -> Result<(), Error> {
    let wanted = with_needs(toolchains, names)?;
    toolchains.store.sweep();
    // Side by side: a download needs no core, and not every step has use for all.
    let board = Board::new(&wanted);
    std::thread::scope(|scope| {
        for &entry in &wanted {
            let board = &board;
            scope.spawn(move || {
                let result = if board.wait_for(entry.needs()) {
                    place(toolchains, entry, progress)
                        .and_then(|()| compile(toolchains, entry, progress))
                        .map_err(Some)
                } else {
                    Err(None)
                };
                board.put(entry.name(), result);
            });
        }
    });
    board.into_result(&wanted)
}

/// Which packs are ready for those that need them.
struct Board<'a> {
    states: Mutex<BTreeMap<&'a str, State>>,
    changed: Condvar,
}

enum State {
    Busy,
    Ready,
    /// With the error, unless it is that of a pack it needs.
    Failed(Option<Error>),
}

impl<'a> Board<'a> {
    fn new(wanted: &[Entry<'a>]) -> Self {
        Self {
            states: Mutex::new(wanted.iter().map(|e| (e.name(), State::Busy)).collect()),
            changed: Condvar::new(),
        }
    }

    /// Waits for packs, and gives whether all of them are ready. One that nobody
    /// installs now was there before.
    fn wait_for(&self, needs: &[String]) -> bool {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut busy = false;
            for need in needs {
                match states.get(need.as_str()) {
                    Some(State::Failed(_)) => return false,
                    Some(State::Busy) => busy = true,
                    Some(State::Ready) | None => {}
                }
            }
            if !busy {
                return true;
            }
            states = self
                .changed
                .wait(states)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, name: &'a str, result: Result<(), Option<Error>>) {
        let state = match result {
            Ok(()) => State::Ready,
            Err(error) => State::Failed(error),
        };
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(name, state);
        drop(states);
        self.changed.notify_all();
    }

    /// The first error in the order of the lock, whichever came first in time.
    fn into_result(self, wanted: &[Entry<'_>]) -> Result<(), Error> {
        let mut states = self
            .states
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for entry in wanted {
            if let Some(State::Failed(Some(error))) = states.remove(entry.name()) {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The named packs and those they need, in the order of the lock.
fn with_needs<'a>(toolchains: &'a Toolchains, names: &[&str]) -> Result<Vec<Entry<'a>>, Error> {
    let mut wanted = BTreeSet::new();
    let mut open = Vec::new();
    for entry in toolchains.selected(names)? {
        open.push(entry);
    }
    while let Some(entry) = open.pop() {
        // What is only needed to build a pack is not needed once it is there.
        let built = toolchains.store.has(entry) && !names.contains(&entry.name());
        if wanted.insert(entry.name()) && !built {
            for need in entry.needs() {
                open.push(toolchains.lock.find(need)?);
            }
        }
    }
    Ok(toolchains
        .lock
        .all()
        .filter(|entry| wanted.contains(entry.name()))
        .collect())
}

/// Puts the files of a pack where they belong, unless they are there.
fn place(toolchains: &Toolchains, entry: Entry<'_>, progress: &dyn Progress) -> Result<(), Error> {
    let store = &toolchains.store;
    if store.has(entry) {
        return Ok(());
    }
    let name = entry.name();
    let mut waited = false;
    let _held = store.lock(name, || {
        waited = true;
        progress.start(name, Phase::Wait, None);
    })?;
    if waited {
        progress.finish(name, Phase::Wait);
    }
    if store.has(entry) {
        return Ok(());
    }
    let files = match entry {
        Entry::Fetched(pack) => fetched(toolchains, pack, progress)?,
        Entry::Derived(derived) => built(toolchains, derived, progress)?,
    };
    let total = files.values().map(|bytes| bytes.len() as u64).sum();
    progress.start(name, Phase::Unpack, Some(total));
    store.put(entry, &files, |done| {
        progress.advance(name, Phase::Unpack, done);
    })?;
    progress.finish(name, Phase::Unpack);
    if let Entry::Fetched(Pack {
        archive: Some(archive),
        ..
    }) = entry
    {
        store.forget_fetched(archive.sha256);
    }
    Ok(())
}

fn fetched(
    toolchains: &Toolchains,
    pack: &Pack,
    progress: &dyn Progress,
) -> Result<PackFiles, Error> {
    let store = &toolchains.store;
    if let Some(archive) = &pack.archive
        && let Some(bytes) = store.fetched(archive.sha256)
    {
        return unpack(pack, &Package::Archive(bytes));
    }
    let size = pack.archive.as_ref().map(|a| a.size);
    progress.start(&pack.name, Phase::Download, size);
    let scratch = store.scratch()?;
    let package = client::fetch(&toolchains.clients, pack, scratch.path())?;
    // Verified before it is kept, so what is kept needs no second look at its origin.
    let files = unpack(pack, &package)?;
    if let (Some(archive), Package::Archive(bytes)) = (&pack.archive, &package) {
        store.keep_fetched(archive.sha256, bytes);
    }
    // The clients say nothing while they fetch; how much it was is known at the end.
    progress.advance(&pack.name, Phase::Download, package.size());
    progress.finish(&pack.name, Phase::Download);
    Ok(files)
}

/// See [`Toolchains::relock`].
pub(super) fn relock(toolchains: &mut Toolchains, progress: &dyn Progress) -> Result<(), Error> {
    let names: Vec<String> = toolchains.lock.all().map(|p| p.name().to_owned()).collect();
    for name in names {
        let files = match toolchains.lock.find(&name)? {
            Entry::Fetched(pack) => {
                progress.start(&name, Phase::Download, None);
                let scratch = toolchains.store.scratch()?;
                let package = client::fetch(&toolchains.clients, pack, scratch.path())?;
                progress.finish(&name, Phase::Download);
                take_members(pack, &package)?
            }
            Entry::Derived(derived) => build(toolchains, derived, progress)?,
        };
        for (member, bytes) in &files {
            let size = bytes.len() as u64;
            toolchains.lock.pin(&name, member, Digest::of(bytes), size);
        }
        let entry = toolchains.lock.find(&name)?;
        if !toolchains.store.has(entry) {
            toolchains.store.put(entry, &files, |_| ())?;
        }
        compile(toolchains, entry, progress)?;
    }
    Ok(())
}

/// Builds a derived pack in the sandbox and holds it to the lock.
fn built(
    toolchains: &Toolchains,
    derived: &Derived,
    progress: &dyn Progress,
) -> Result<PackFiles, Error> {
    let files = build(toolchains, derived, progress)?;
    for member in &derived.members {
        let bytes = files.get(&member.name).ok_or_else(|| ErrorKind::Output {
            step: format!("pack `{}`", derived.name),
            output: member.name.clone(),
        })?;
        let found = Digest::of(bytes);
        if found != member.sha256 {
            return Err(ErrorKind::Drifted {
                what: format!("{}/{}", derived.name, member.name),
                found: found.to_string(),
                expected: member.sha256.to_string(),
            }
            .into());
        }
    }
    Ok(files)
}

/// Builds a derived pack as its recipe says, whatever comes of it.
fn build(
    toolchains: &Toolchains,
    derived: &Derived,
    progress: &dyn Progress,
) -> Result<PackFiles, Error> {
    let tools = toolchains.tools();
    let sources = |pack: &str, member: &str| -> Result<Tree, Error> {
        let member = toolchains.lock.member(pack, member)?;
        wb_build::toolchain::tree_entries(&member.member, &tools.file(&member)?)
    };
    let plan = recipe(&derived.name, &toolchains.lock, sources)?;
    progress.start(&derived.name, Phase::Build, Some(plan.steps.len() as u64));
    let sandbox = DockSandbox::new(toolchains.tools());
    let cache = toolchains.cache();
    let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let advance = |done| progress.advance(&derived.name, Phase::Build, done as u64);
    let built = Builder::new(&sandbox, &cache)
        .jobs(jobs)
        .watch(&advance)
        .run(&plan)?;
    progress.finish(&derived.name, Phase::Build);
    Ok(built.products)
}

/// The programs of a pack that are not compiled ahead of time.
pub(super) fn uncompiled<'a>(tools: &HostTools, entry: Entry<'a>) -> Vec<&'a Member> {
    let programs = entry.members().iter();
    programs
        .filter(|member| member.kind == MemberKind::Program)
        .filter(|member| !tools.is_compiled(member.sha256))
        .collect()
}

/// Compiles the programs of a pack ahead of time, unless that was done.
pub(super) fn compile(
    toolchains: &Toolchains,
    entry: Entry<'_>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let tools = toolchains.tools();
    let missing = uncompiled(&tools, entry);
    if missing.is_empty() {
        return Ok(());
    }
    let name = entry.name();
    // One process compiles; the others find the result when they get their turn.
    let _held = toolchains.store.lock(&format!("{name}.compile"), || ())?;
    progress.start(
        name,
        Phase::Compile,
        Some(missing.iter().map(|m| m.size).sum()),
    );
    let mut done = 0;
    for member in missing {
        tools.program(&ToolRef {
            pack: name.to_owned(),
            member: member.name.clone(),
            digest: member.sha256,
        })?;
        done += member.size;
        progress.advance(name, Phase::Compile, done);
    }
    progress.finish(name, Phase::Compile);
    Ok(())
}
