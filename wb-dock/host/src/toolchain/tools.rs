//! Installed packs as the tools of builds.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use wb_build::toolchain::{Entry, Lock, Member, tree_entries};
use wb_build::{Error, ErrorKind, ToolRef, Tools};
use wb_dock::fs::Image;
use wb_dock::{CompileLimits, Engine, Program};
use wb_manifest::Digest;

use super::Toolchains;
use super::store::{PackStore, host};

/// Tools from the packs of a nexus; each is loaded once and shared.
#[derive(Debug)]
pub struct HostTools {
    lock: Lock,
    store: PackStore,
    engine: Engine,
    programs: Mutex<BTreeMap<Digest, Program>>,
    images: Mutex<BTreeMap<Digest, Image>>,
}

impl HostTools {
    pub(super) fn new(toolchains: &Toolchains) -> Self {
        Self {
            lock: toolchains.lock.clone(),
            store: toolchains.store.clone(),
            engine: toolchains.engine.clone(),
            programs: Mutex::default(),
            images: Mutex::default(),
        }
    }

    /// Whether the engine has compiled code for a program.
    pub(super) fn is_compiled(&self, digest: Digest) -> bool {
        self.engine.load_cached(*digest.as_bytes()).is_some()
    }

    /// The pack and member that a plan names; a plan made for another lock is
    /// told apart by the digest.
    fn find(&self, tool: &ToolRef) -> Result<(Entry<'_>, &Member), Error> {
        let entry = self.lock.find(&tool.pack)?;
        entry
            .members()
            .iter()
            .find(|m| m.name == tool.member && m.sha256 == tool.digest)
            .map(|member| (entry, member))
            .ok_or_else(|| {
                ErrorKind::Missing {
                    pack: tool.pack.clone(),
                }
                .into()
            })
    }

    fn read(&self, tool: &ToolRef) -> Result<Bytes, Error> {
        let (entry, member) = self.find(tool)?;
        self.store.read(entry, member)
    }
}

impl Tools for HostTools {
    fn program(&self, tool: &ToolRef) -> Result<Program, Error> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(program) = programs.get(&tool.digest) {
            return Ok(program.clone());
        }
        // Held while loading, so that threads which start together load once.
        self.find(tool)?;
        let program = match self.engine.load_cached(*tool.digest.as_bytes()) {
            Some(program) => program,
            None => self
                .engine
                .load_with(&self.read(tool)?, &CompileLimits::trusted())
                .map_err(|e| host(format!("cannot compile `{}`", tool.member), e))?,
        };
        programs.insert(tool.digest, program.clone());
        Ok(program)
    }

    fn image(&self, tree: &ToolRef) -> Result<Image, Error> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(image) = images.get(&tree.digest) {
            return Ok(image.clone());
        }
        let files = tree_entries(&tree.member, &self.read(tree)?)?;
        let image = Image::from_files(files)
            .map_err(|e| host(format!("cannot mount `{}`", tree.member), e))?;
        images.insert(tree.digest, image.clone());
        Ok(image)
    }

    fn file(&self, file: &ToolRef) -> Result<Bytes, Error> {
        self.read(file)
    }
}
