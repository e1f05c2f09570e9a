//! npm packages for builds, through the user's own client.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use sha2::Digest as _;
use wb_build::npm::{Locked, PackageSource};
use wb_build::{Error, ErrorKind};

use super::client::{Clients, npm_pack};
use super::store::host;
use crate::atomic::{self, Durability, Mode};

/// Packages fetched by one call of the client.
const BATCH: usize = 40;

/// Fetches packages with `npm pack` and keeps their archives by integrity; made by
/// [`Toolchains::packages`](super::Toolchains::packages).
#[derive(Clone, Debug)]
pub struct NpmPackages {
    cache: PathBuf,
    clients: Clients,
}

impl NpmPackages {
    pub(super) fn new(cache: PathBuf, clients: Clients) -> Self {
        Self { cache, clients }
    }

    fn kept(&self, integrity: &str) -> PathBuf {
        let name = wb_manifest::Digest::of(integrity.as_bytes());
        self.cache.join(format!("{name}.tgz"))
    }
}

impl PackageSource for NpmPackages {
    fn fetch(&self, wanted: &[Locked]) -> Result<Vec<Bytes>, Error> {
        let mut found: Vec<Option<Bytes>> = wanted
            .iter()
            .map(|p| {
                let bytes = Bytes::from(fs::read(self.kept(&p.integrity)).ok()?);
                has_integrity(&bytes, &p.integrity).then_some(bytes)
            })
            .collect();
        let missing: Vec<usize> = (0..wanted.len()).filter(|i| found[*i].is_none()).collect();
        for batch in missing.chunks(BATCH) {
            let mut names: Vec<String> = batch
                .iter()
                .map(|i| format!("{}@{}", wanted[*i].name, wanted[*i].version))
                .collect();
            names.sort_unstable();
            names.dedup();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let scratch = atomic::scratch_dir(&self.cache, Mode::Private)
                .map_err(|e| host("cannot make a scratch directory".to_owned(), e))?;
            let archives = npm_pack(&self.clients, &names, scratch.path())?;
            for &i in batch {
                let package = &wanted[i];
                let archive = archives
                    .iter()
                    .find(|bytes| has_integrity(bytes, &package.integrity))
                    .ok_or_else(|| ErrorKind::Fetch {
                        what: format!("package `{}@{}`", package.name, package.version),
                        message: "the registry has other bytes than the lock file pins".to_owned(),
                    })?;
                // A failure costs a second download and nothing else.
                let _ = atomic::write(
                    &self.kept(&package.integrity),
                    archive,
                    Mode::Private,
                    Durability::Cache,
                );
                found[i] = Some(archive.clone());
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

/// Whether one of the strong digests of an integrity string fits. Which archive is
/// meant is all that this decides; the build checks the whole string again.
fn has_integrity(bytes: &[u8], integrity: &str) -> bool {
    use base64::Engine as _;
    let encode = |digest: &[u8]| base64::engine::general_purpose::STANDARD.encode(digest);
    integrity.split_ascii_whitespace().any(|one| {
        match one.split('?').next().and_then(|o| o.split_once('-')) {
            Some(("sha512", digest)) => encode(&sha2::Sha512::digest(bytes)) == digest,
            Some(("sha384", digest)) => encode(&sha2::Sha384::digest(bytes)) == digest,
            Some(("sha256", digest)) => encode(&sha2::Sha256::digest(bytes)) == digest,
            _ => false,
        }
    })
}
