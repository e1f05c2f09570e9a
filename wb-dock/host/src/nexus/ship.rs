//! The third rung: toolkits leave as bundles and arrive as commands.

use bytes::Bytes;
use wb_build::{Naming, npm};
use wb_manifest::{BuildSrc, Digest, Manifest, ToolkitId, Tree, palette, read};
use wb_policy::Profile;
use wb_registry::{
    Binding, Bundle, Freshness, InstallRules, Installed, Part, Store as _, UnpackLimits,
    decode_bundle, encode_bundle, install, strip_private,
};

use super::Nexus;
use crate::atomic::{self, Mode};
use crate::consent;
use crate::error::{Error, ErrorKind};
use crate::toolkits::Toolkits;

/// A toolkit in one file.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The bundle.
    pub bytes: Bytes,
    /// Its digest, for whoever installs it to pin.
    pub digest: Digest,
    /// The commands in it.
    pub commands: Vec<Binding>,
    /// How many documents travel with them.
    pub documents: usize,
}

/// How a bundle is taken in.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstallOptions {
    /// The digest it must have.
    pub pin: Option<Digest>,
    /// Treat it as somebody else's code whatever its manifest says.
    pub as_third_party: bool,
    /// Take third-party code that nobody has signed.
    pub allow_unsigned: bool,
    /// Take names over that are commands of other toolkits.
    pub replace: bool,
}

impl Nexus {
    /// Packs the toolkit `id` of `toolkits` with the artifacts that were built from it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotBuilt`] if a command of its manifest is not registered,
    /// [`ErrorKind::Stale`] if it was built from other sources,
    /// [`ErrorKind::Store`], [`ErrorKind::Bundle`], and those of
    /// [`Toolkits::tree`].
    pub fn pack(&self, toolkits: &Toolkits, id: &ToolkitId) -> Result<Packed, Error> {
        let tree = toolkits.tree(id)?;
        let manifest = tree.get("manifest.org").cloned().unwrap_or_default();
        let reading = read(&manifest);
        let entries = palette(&tree);
        let manifests = reading
            .toolkits()
            .iter()
            .chain(entries.iter().map(|entry| entry.reading.manifest()));
        let (table, _) = self.registry.read(|_| true)?;
        let mut parts = Vec::new();
        for manifest in manifests {
            let Some(name) = manifest.command() else {
                continue;
            };
            let bound = table
                .get(name.as_str())
                .filter(|binding| binding.toolkit.as_ref() == Some(id));
            let digest = bound
                .as_ref()
                .map_or(Digest::from_bytes([0; 32]), |b| b.digest);
            // Nothing to pack for a shape without an artifact.
            let Some(binding) = Binding::declared(manifest, name.clone(), digest) else {
                continue;
            };
            let (id, command) = (id.to_string(), name.to_string());
            let Some(bound) = bound else {
                return Err(ErrorKind::NotBuilt { id, command }.into());
            };
            match self.freshness(&bound, manifest, &tree)? {
                Freshness::Fresh => {}
                // What was installed came with its sources in one bundle.
                Freshness::Unknown if toolkits.root() == self.home.toolkits() => {}
                Freshness::Unknown => return Err(ErrorKind::NotBuilt { id, command }.into()),
                Freshness::Stale => return Err(ErrorKind::Stale { id, command }.into()),
            }
            let wasm = self.store.get(&digest)?;
            parts.push(Part { binding, wasm });
        }
        let commands = parts.iter().map(|part| part.binding.clone()).collect();
        let tree = strip_private(&tree);
        let documents = tree.len();
        let id = id.clone();
        let bytes = encode_bundle(&Bundle { id, tree, parts })?;
        Ok(Packed {
            digest: Digest::of(&bytes),
            bytes,
            commands,
            documents,
        })
    }

    /// Whether `bound` was built from what `manifest` declares in `tree`.
    fn freshness(
        &self,
        bound: &Binding,
        manifest: &Manifest,
        tree: &Tree,
    ) -> Result<Freshness, Error> {
        let pinned = manifest.sha256.as_ref().map(|sha| sha.value);
        match manifest.build_src.as_ref().map(|source| &source.value) {
            Some(BuildSrc::Path(dir)) => {
                let sources = tree.under(dir);
                let packages = self.toolchains()?.packages();
                // Dependencies are a part of what was built.
                let whole = npm::install(sources.clone(), &packages)
                    .map_err(|error| super::build::failed(error, &sources, &Naming::below(dir)))?;
                Ok(Freshness::of(bound, &whole, &self.store))
            }
            Some(BuildSrc::Wasm(_)) if pinned != Some(bound.digest) => Ok(Freshness::Stale),
            // An archive's pin says nothing about the module that was in it.
            _ => Ok(Freshness::Fresh),
        }
    }

    /// Installs a bundle: its commands are registered and its documents written
    /// below [`Home::toolkits`](crate::Home::toolkits), or nothing happens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Install`] says which check refused it.
    pub fn install(&self, bytes: &[u8], options: InstallOptions) -> Result<Installed, Error> {
        let profile = Profile::posix();
        let mut rules = InstallRules {
            pin: options.pin,
            as_third_party: options.as_third_party,
            allow_unsigned: options.allow_unsigned,
            replace: options.replace,
            ..InstallRules::new(&profile)
        };
        // The record to ask for is known once the bundle has said its name; a
        // bundle that is not the pinned one, or none at all, is refused below.
        let pinned = options.pin.is_none_or(|pin| pin == Digest::of(bytes));
        let bundle = pinned
            .then(|| decode_bundle(bytes, &UnpackLimits::default()).ok())
            .flatten();
        let consent = match &bundle {
            Some(bundle) => consent::load(&self.home, &bundle.id)?,
            None => None,
        };
        rules.consent = consent.as_ref();
        let place = Toolkits::at(self.home.toolkits());
        self.registry.update(|table| {
            // Only installs write there, and only under this lock. A leftover that
            // cannot be removed is in nobody's way.
            let _ = atomic::sweep_locked(place.root());
            let installed = install(bytes, &rules, table, &self.store)?;
            place.replace(&installed.id, &installed.tree, Mode::Private)?;
            Ok(installed)
        })
    }
}
